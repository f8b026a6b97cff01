//===- ArtifactCompilerTest.cpp - Code ahead of time, and its runtime -----===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/ExecutionEngine/ArtifactCompiler.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "ra/InitAll.h"
#include "ra/Runtime/Program.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>
#include <thread>

using namespace ra;
using runtime::Artifact;
using runtime::ElementType;
using runtime::Shape;
using runtime::TensorRef;
using Call = runtime::Program::Call;

/// Counts what this thread allocates: running an artifact must not.
static thread_local int64_t numAllocations = 0;
void *operator new(size_t size) {
  ++numAllocations;
  void *memory = std::malloc(size == 0 ? 1 : size);
  if (!memory)
    std::abort();
  return memory;
}
// A sanitizer's own form would not come here, and its memory would.
void *operator new(size_t size, const std::nothrow_t &) noexcept {
  ++numAllocations;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace {

struct Compiled {
  explicit Compiled(const std::string &text, const std::string &cpu = "native",
                    bool parallel = true) {
    mlir::DialectRegistry registry;
    mlir::registerAllDialects(registry);
    ra::registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    mlir::ScopedDiagnosticHandler handler(&context,
                                          [&](mlir::Diagnostic &diagnostic) {
                                            messages += diagnostic.str() + "\n";
                                            return mlir::success();
                                          });
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      return;
    ArtifactOptions options;
    options.cpu = *findArtifactCpu(cpu);
    options.parallel = parallel;
    auto compiled = compileArtifact(*module, options);
    if (succeeded(compiled))
      artifact = std::move(*compiled);
  }

  std::shared_ptr<const runtime::Program> load(unsigned threads = 1) {
    runtime::ProgramOptions options;
    options.threads = threads;
    auto program =
        runtime::Program::load(*artifact, runtime::createCpuDevice(), options);
    EXPECT_TRUE(static_cast<bool>(program)) << program.message();
    return program ? *program : nullptr;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string messages;
  std::optional<Artifact> artifact;
};

/// y = (x W^T) V^T: an intermediate buffer of B*T*24 elements.
std::string twoProducts(const std::string &type) {
  std::string text = R"(
func.func @two(%x: tensor<?x?x16xF>, %w: tensor<24x16xF>, %v: tensor<8x24xF>)
    -> tensor<?x?x8xF> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x16xF>
  %t = tensor.dim %x, %c1 : tensor<?x?x16xF>
  %e = tensor.empty(%b, %t) : tensor<?x?x24xF>
  %h = ra.linear ins(%x, %w : tensor<?x?x16xF>, tensor<24x16xF>)
      outs(%e : tensor<?x?x24xF>) -> tensor<?x?x24xF>
  %f = tensor.empty(%b, %t) : tensor<?x?x8xF>
  %y = ra.linear ins(%h, %v : tensor<?x?x24xF>, tensor<8x24xF>)
      outs(%f : tensor<?x?x8xF>) -> tensor<?x?x8xF>
  return %y : tensor<?x?x8xF>
}
)";
  for (size_t at; (at = text.find("xF")) != std::string::npos;)
    text.replace(at, 2, "x" + type);
  return text;
}

/// Small integers, so that every sum is exact in every type and order.
struct Problem {
  explicit Problem(int64_t batch, int64_t length, ElementType type) {
    shapes = {{batch, length, 16}, {24, 16}, {8, 24}, {batch, length, 8}};
    std::mt19937_64 generator(17);
    for (size_t i = 0; i < 4; ++i) {
      tensors.push_back(*runtime::Tensor::create(shapes[i], type));
      for (int64_t k = 0; k < tensors[i].numElements(); ++k)
        tensors[i].set(k, i == 3
                              ? -1e4
                              : static_cast<double>(
                                    static_cast<int64_t>(generator() % 5) - 2));
      refs.push_back({reinterpret_cast<uintptr_t>(tensors[i].mutableData()),
                      type, shapes[i].data(), shapes[i].size()});
    }
    call.arguments = refs.data();
    call.numArguments = 3;
    call.results = &refs[3];
    call.numResults = 1;
  }

  /// By the definition.
  std::vector<double> expected() const {
    std::vector<double> result;
    for (int64_t row = 0; row < shapes[0][0] * shapes[0][1]; ++row) {
      std::vector<double> hidden(24, 0.0);
      for (int64_t n = 0; n < 24; ++n)
        for (int64_t k = 0; k < 16; ++k)
          hidden[n] += tensors[0].at(row * 16 + k) * tensors[1].at(n * 16 + k);
      for (int64_t m = 0; m < 8; ++m) {
        double sum = 0;
        for (int64_t n = 0; n < 24; ++n)
          sum += hidden[n] * tensors[2].at(m * 24 + n);
        result.push_back(sum);
      }
    }
    return result;
  }

  std::vector<Shape> shapes;
  std::vector<runtime::Tensor> tensors;
  std::vector<TensorRef> refs;
  Call call;
};

/// At a multiple of 64, poisoned.
struct Workspace {
  explicit Workspace(size_t bytes) : size(bytes) {
    memory = *runtime::Tensor::create({static_cast<int64_t>(bytes) + 1},
                                      ElementType::U8);
    for (size_t i = 0; i <= bytes; ++i)
      static_cast<unsigned char *>(memory.mutableData())[i] = 0xFF;
  }
  runtime::DeviceAddress address() {
    return reinterpret_cast<uintptr_t>(memory.mutableData());
  }
  bool isEndIntact() const {
    return memory.at(memory.numElements() - 1) == 255;
  }
  runtime::Tensor memory;
  size_t size;
};

TEST(ArtifactCompiler, ComputesWhatTheModuleSays) {
  for (const char *type : {"f32", "f16", "bf16"})
    for (const char *cpu : {"native", "generic"}) {
      Compiled compiled(twoProducts(type), cpu);
      ASSERT_TRUE(compiled.artifact) << compiled.messages;
      // Integers up to 9 bits are exact in bf16, too; keep hidden ones there.
      ElementType element = *runtime::parseElementType(type);
      for (auto [batch, length] : {std::pair(1, 1), {2, 7}, {3, 50}})
        for (unsigned threads : {1u, 2u, 5u}) {
          auto program = compiled.load(threads);
          ASSERT_TRUE(program);
          Problem problem(batch, length, element);
          auto bytes = program->workspaceBytes(problem.call);
          ASSERT_TRUE(static_cast<bool>(bytes)) << bytes.message();
          size_t hidden = batch * length * 24 * elementSize(element);
          EXPECT_EQ(*bytes, (hidden + 63) / 64 * 64);
          Workspace workspace(*bytes);
          runtime::Status status =
              program->run(problem.call, workspace.address(), *bytes);
          ASSERT_TRUE(status.ok()) << status.message();
          EXPECT_TRUE(workspace.isEndIntact());
          std::vector<double> expected = problem.expected();
          for (size_t i = 0; i < expected.size(); ++i)
            ASSERT_EQ(problem.tensors[3].at(i),
                      runtime::roundToType(element, expected[i]))
                << type << " " << cpu << " " << i;
        }
    }
}

/// The system's loader must not take one for the other.
TEST(ArtifactCompiler, SeveralAtATime) {
  Compiled first(twoProducts("f32")), second(twoProducts("f16"));
  ASSERT_TRUE(first.artifact && second.artifact);
  auto firstProgram = first.load(), secondProgram = second.load();
  ASSERT_TRUE(firstProgram && secondProgram);
  for (auto [program, type] : {std::pair(firstProgram, ElementType::F32),
                               {secondProgram, ElementType::F16}}) {
    Problem problem(2, 7, type);
    Workspace workspace(*program->workspaceBytes(problem.call));
    ASSERT_TRUE(
        program->run(problem.call, workspace.address(), workspace.size).ok());
    std::vector<double> expected = problem.expected();
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_EQ(problem.tensors[3].at(i), expected[i]);
  }
}

TEST(ArtifactCompiler, RunsWithoutAllocating) {
  Compiled compiled(twoProducts("f32"));
  ASSERT_TRUE(compiled.artifact) << compiled.messages;
  auto program = compiled.load(2);
  Problem problem(2, 7, ElementType::F32);
  Workspace workspace(*program->workspaceBytes(problem.call));
  int64_t before = numAllocations;
  bool ok =
      program->run(problem.call, workspace.address(), workspace.size).ok();
  EXPECT_EQ(numAllocations, before);
  EXPECT_TRUE(ok);
}

TEST(ArtifactCompiler, RunsOnSeveralThreadsAtATime) {
  Compiled compiled(twoProducts("f32"));
  ASSERT_TRUE(compiled.artifact) << compiled.messages;
  auto program = compiled.load(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      Problem problem(1 + caller, 33, ElementType::F32);
      std::vector<double> expected = problem.expected();
      Workspace workspace(*program->workspaceBytes(problem.call));
      for (int turn = 0; turn < 200; ++turn) {
        for (size_t i = 0; i < expected.size(); ++i)
          problem.tensors[3].set(i, -1e4);
        if (!program->run(problem.call, workspace.address(), workspace.size)
                 .ok())
          ++wrong;
        for (size_t i = 0; i < expected.size(); ++i)
          wrong += problem.tensors[3].at(i) != expected[i];
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ArtifactCompiler, RefusesCallsThatDoNotFit) {
  Compiled compiled(twoProducts("f32"));
  ASSERT_TRUE(compiled.artifact) << compiled.messages;
  auto program = compiled.load();
  auto message = [&](auto change) {
    Problem problem(2, 7, ElementType::F32);
    Workspace workspace(*program->workspaceBytes(problem.call));
    runtime::DeviceAddress address = workspace.address();
    change(problem, address, workspace.size);
    runtime::Status status =
        program->run(problem.call, address, workspace.size);
    return status.ok() ? std::string("accepted") : status.message();
  };
  using Bytes = size_t;
  using Address = runtime::DeviceAddress;
  EXPECT_EQ(message([](Problem &, Address &, Bytes &) {}), "accepted");
  EXPECT_EQ(message([](Problem &, Address &, Bytes &bytes) { --bytes; }),
            "@two needs 1344 bytes of workspace at a multiple of 64, got 1343");
  EXPECT_EQ(message([](Problem &, Address &address, Bytes &) { address = 0; }),
            "@two needs 1344 bytes of workspace at a multiple of 64, got 1344");
  EXPECT_EQ(message([](Problem &, Address &address, Bytes &) { ++address; }),
            "@two needs 1344 bytes of workspace at a multiple of 64, got 1344");
  EXPECT_EQ(
      message([](Problem &p, Address &, Bytes &) { p.call.numArguments = 2; }),
      "@two takes 3 arguments, got 2");
  EXPECT_EQ(message([](Problem &p, Address &, Bytes &) {
              p.refs[1].elementType = ElementType::F16;
            }),
            "@two: argument 1 is 24x16xf16, the entry takes 24x16xf32");
  EXPECT_EQ(
      message([](Problem &p, Address &, Bytes &) { p.refs[2].address = 0; }),
      "@two: argument 2 has no data");
  EXPECT_EQ(
      message([](Problem &p, Address &, Bytes &) { p.refs[3].address = 0; }),
      "@two: result 0 has no memory");
  EXPECT_EQ(
      message([](Problem &p, Address &, Bytes &) { p.shapes[3] = {2, 8, 8}; }),
      "@two: result 0 is 2x8x8xf32, which is not its type and shape for "
      "these arguments (?x?x8xf32)");
  EXPECT_EQ(
      message([](Problem &p, Address &, Bytes &) { p.call.numResults = 0; }),
      "@two has 1 results, got 0");
  EXPECT_EQ(message([](Problem &p, Address &, Bytes &) { p.call.entry = 1; }),
            "there is no entry 1");
  EXPECT_EQ(message([](Problem &p, Address &, Bytes &) {
              p.call.part = runtime::Program::Part::Prepare;
            }),
            "@two has nothing to prepare");
}

TEST(ArtifactCompiler, RefusesMachinesThatCannotRunIt) {
  Compiled compiled(twoProducts("f32"), "generic");
  ASSERT_TRUE(compiled.artifact) << compiled.messages;
  EXPECT_TRUE(compiled.artifact->images[0].features.empty());
  auto message = [&](auto change) {
    Artifact artifact = *compiled.artifact;
    change(artifact.images[0]);
    auto program = runtime::Program::load(artifact, runtime::createCpuDevice());
    return program ? std::string("accepted") : program.message();
  };
  using Image = runtime::ArtifactImage;
  EXPECT_EQ(message([](Image &) {}), "accepted");
  EXPECT_EQ(message([](Image &image) { image.features = {"avx99", "sse3"}; }),
            "the code needs a processor with avx99, which this one does not "
            "have; compile the module for less: ra-run compile --cpu=generic, "
            "or --cpu=x86-64-v3");
  EXPECT_EQ(message([](Image &image) { image.target = "riscv64"; }),
            "the code is for 'riscv64' CPUs, this machine is x86_64");
  EXPECT_EQ(message([](Image &image) { image.imports[0] = "system"; }),
            "the code calls 'system', which this runtime does not offer");
  EXPECT_EQ(
      message([](Image &image) { image.kind = Image::Kind::Cubin; }),
      "there is no code for the device cpu (x86_64); there is cubin x86_64");
  std::string broken = message([](Image &image) { image.size = 100; });
  EXPECT_NE(broken.find("the artifact: its code cannot be loaded: "),
            std::string::npos)
      << broken;
}

TEST(ArtifactCompiler, PlansBuffersByTheirLives) {
  // Three hidden tensors in a row: the first and the third can share memory.
  Compiled compiled(R"(
func.func @chain(%x: tensor<?x16xf32>, %w: tensor<16x16xf32>)
    -> tensor<?x16xf32> {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x16xf32>
  %e = tensor.empty(%t) : tensor<?x16xf32>
  %a = ra.linear ins(%x, %w : tensor<?x16xf32>, tensor<16x16xf32>)
      outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %b = ra.linear ins(%a, %w : tensor<?x16xf32>, tensor<16x16xf32>)
      outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %c = ra.linear ins(%b, %w : tensor<?x16xf32>, tensor<16x16xf32>)
      outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %d = ra.linear ins(%c, %w : tensor<?x16xf32>, tensor<16x16xf32>)
      outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %d : tensor<?x16xf32>
}
)");
  ASSERT_TRUE(compiled.artifact) << compiled.messages;
  auto program = compiled.load();
  int64_t x[] = {10, 16}, w[] = {16, 16};
  TensorRef arguments[] = {{0, ElementType::F32, x, 2},
                           {0, ElementType::F32, w, 2}};
  Call call;
  call.arguments = arguments;
  call.numArguments = 2;
  auto bytes = program->workspaceBytes(call);
  ASSERT_TRUE(static_cast<bool>(bytes)) << bytes.message();
  EXPECT_EQ(*bytes, 2u * 10 * 16 * 4);
}

TEST(ArtifactCompiler, DiagnosesWhatItCannotPlan) {
  Compiled carried(R"(
func.func @branch(%x: tensor<4xf32>, %n: tensor<1xi1>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c = tensor.extract %n[%c0] : tensor<1xi1>
  %e = tensor.empty() : tensor<4xf32>
  %r = scf.if %c -> tensor<4xf32> {
    %s = linalg.add ins(%x, %x : tensor<4xf32>, tensor<4xf32>)
        outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %s : tensor<4xf32>
  } else {
    scf.yield %x : tensor<4xf32>
  }
  %y = linalg.add ins(%r, %x : tensor<4xf32>, tensor<4xf32>)
      outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
)");
  EXPECT_FALSE(carried.artifact);
  EXPECT_NE(carried.messages.find("carries buffers through control flow"),
            std::string::npos)
      << carried.messages;
  Compiled dependent(R"(
func.func @data(%x: tensor<4xf32>, %n: tensor<1xindex>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %count = tensor.extract %n[%c0] : tensor<1xindex>
  %s = tensor.extract_slice %x[0] [%count] [1] : tensor<4xf32> to tensor<?xf32>
  return %s : tensor<?xf32>
}
)");
  EXPECT_FALSE(dependent.artifact);
  EXPECT_NE(dependent.messages.find("must depend on the shapes"),
            std::string::npos)
      << dependent.messages;
}

TEST(ArtifactCompiler, ConstantsTravel) {
  std::string numbers;
  for (int i = 0; i < 2048; ++i)
    numbers += (i ? ", " : "") + std::to_string(i % 100) + ".0";
  Compiled compiled(
      "func.func @add(%x: tensor<2048xf32>) -> tensor<2048xf32> {\n"
      "  %c = arith.constant dense<[" +
      numbers +
      "]> : tensor<2048xf32>\n"
      "  %e = tensor.empty() : tensor<2048xf32>\n"
      "  %s = linalg.add ins(%x, %c : tensor<2048xf32>, "
      "tensor<2048xf32>) outs(%e : tensor<2048xf32>) -> "
      "tensor<2048xf32>\n  return %s : tensor<2048xf32>\n}\n");
  ASSERT_TRUE(compiled.artifact) << compiled.messages;
  EXPECT_EQ(compiled.artifact->constants.size(), 1u);
  auto program = compiled.load();
  runtime::Tensor x = *runtime::Tensor::create({2048}, ElementType::F32);
  runtime::Tensor y = *runtime::Tensor::create({2048}, ElementType::F32);
  for (int i = 0; i < 2048; ++i)
    x.set(i, 0.5 * i);
  int64_t shape[] = {2048};
  TensorRef in = {reinterpret_cast<uintptr_t>(x.data()), ElementType::F32,
                  shape, 1};
  TensorRef out = {reinterpret_cast<uintptr_t>(y.data()), ElementType::F32,
                   shape, 1};
  Call call;
  call.arguments = &in;
  call.numArguments = 1;
  call.results = &out;
  call.numResults = 1;
  runtime::Status status = program->run(call, 0, 0);
  ASSERT_TRUE(status.ok()) << status.message();
  for (int i = 0; i < 2048; ++i)
    ASSERT_EQ(y.at(i), 0.5 * i + i % 100);
}

} // namespace
