//===- Exp2Test.cpp - The exponential of the attention kernels ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/ExecutionEngine/CRunnerUtils.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "ra/Conversion/Pipelines.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "llvm/Support/TargetSelect.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

using namespace mlir;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class Exp2 : public testing::TestWithParam<int> {
protected:
  /// @f stores 2^x of its first argument, a multiple of the lanes long, in its
  /// second.
  void SetUp() override {
    int64_t lanes = GetParam();
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllExtensions(registry);
    registerBuiltinDialectTranslation(registry);
    registerLLVMDialectTranslation(registry);
    context = std::make_unique<MLIRContext>(registry);
    context->loadAllAvailableDialects();
    ImplicitLocOpBuilder b(UnknownLoc::get(context.get()), context.get());
    module = ModuleOp::create(b, b.getLoc());
    b.setInsertionPointToStart(module->getBody());
    auto memref = MemRefType::get({ShapedType::kDynamic}, b.getF32Type());
    auto function = func::FuncOp::create(
        b, "f", b.getFunctionType({memref, memref}, TypeRange()));
    function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                      b.getUnitAttr());
    Block *body = function.addEntryBlock();
    b.setInsertionPointToStart(body);
    Value from = body->getArgument(0), to = body->getArgument(1);
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value step = arith::ConstantIndexOp::create(b, lanes);
    Value size = memref::DimOp::create(b, from, zero);
    scf::ForOp::create(
        b, zero, size, step, ValueRange(),
        [&](OpBuilder &nested, Location loc, Value i, ValueRange) {
          ImplicitLocOpBuilder inside(loc, nested);
          Value x = vector::LoadOp::create(
              inside, VectorType::get({lanes}, b.getF32Type()), from, i);
          vector::StoreOp::create(
              inside, ra::createExp2OfNonPositive(inside, x), to, i);
          scf::YieldOp::create(inside);
        });
    func::ReturnOp::create(b);
    PassManager pm(context.get());
    ra::buildLowerToCpuPipeline(pm, ra::LowerToCpuPipelineOptions());
    ASSERT_TRUE(succeeded(pm.run(*module)));
    auto created = ExecutionEngine::create(*module);
    ASSERT_TRUE(static_cast<bool>(created));
    engine = std::move(*created);
  }

  std::vector<float> run(std::vector<float> &x) {
    x.resize((x.size() + 15) / 16 * 16);
    std::vector<float> y(x.size(), -1.0f);
    StridedMemRefType<float, 1> from, to;
    for (auto [descriptor, data] : {std::pair(&from, &x), std::pair(&to, &y)}) {
      descriptor->basePtr = descriptor->data = data->data();
      descriptor->offset = 0;
      descriptor->sizes[0] = static_cast<int64_t>(data->size());
      descriptor->strides[0] = 1;
    }
    auto *fromPointer = &from, *toPointer = &to;
    llvm::Error error = engine->invoke("f", fromPointer, toPointer);
    EXPECT_FALSE(static_cast<bool>(error));
    return y;
  }

  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<ExecutionEngine> engine;
};

TEST_P(Exp2, IsWithinTwoUnitsInTheLastPlace) {
  // Every exponent, and enough of each binade to meet every n.
  std::vector<float> x;
  for (float start = 0x1p-30f; start < 128.0f; start *= 2)
    for (int i = 0; i < 40000; ++i) {
      float value = start + start * static_cast<float>(i) / 40000.0f;
      if (value < 126.5f)
        x.push_back(-value);
    }
  std::vector<float> y = run(x);
  double worst = 0;
  float worstAt = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double exact = std::exp2(static_cast<double>(x[i]));
    float above = static_cast<float>(exact);
    double unit = std::nextafter(above, kInfinity) - above;
    // Down to the smallest normal number a result keeps its precision.
    if (exact < std::numeric_limits<float>::min())
      unit = std::numeric_limits<float>::min() * 0x1p-1;
    double error = std::fabs(y[i] - exact) / unit;
    if (!(error <= worst)) {
      worst = error;
      worstAt = x[i];
    }
  }
  EXPECT_LE(worst, 2.1) << "at " << worstAt;
  // The polynomial is not better than it is said to be, either.
  EXPECT_GE(worst, 1.0);
}

TEST_P(Exp2, EndsAreExact) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  float payload = 0;
  uint32_t bits = 0xFFFFFFFF;
  std::memcpy(&payload, &bits, sizeof(bits));
  std::vector<float> x = {0.0f,    -0.0f,  -1.0f, -2.0f,      -126.0f, -127.0f,
                          -150.0f, -1e30f, nan,   -kInfinity, payload, -126.6f};
  std::vector<float> y = run(x);
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[1], 1.0f);
  EXPECT_EQ(y[2], 0.5f);
  EXPECT_EQ(y[3], 0.25f);
  EXPECT_EQ(y[4], 0x1p-126f);
  EXPECT_EQ(y[5], 0.0f);
  EXPECT_EQ(y[6], 0.0f);
  EXPECT_EQ(y[7], 0.0f);
  EXPECT_TRUE(std::isnan(y[8]));
  EXPECT_EQ(y[9], 0.0f);
  EXPECT_TRUE(std::isnan(y[10]));
  EXPECT_EQ(y[11], 0.0f);
}

INSTANTIATE_TEST_SUITE_P(Lanes, Exp2, testing::Values(8, 16));

} // namespace
