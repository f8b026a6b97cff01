//===- CheckAlignment.cpp - What keeps operands from alignment ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

namespace ra {
#define GEN_PASS_DEF_CHECKALIGNMENTPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

static constexpr llvm::StringLiteral kCategory = "ra-check-alignment";
/// What one access of a tensor core's loads reads.
static constexpr int64_t kAlignment = 16;

namespace {
struct CheckAlignmentPass
    : ra::impl::CheckAlignmentPassBase<CheckAlignmentPass> {
  void report(Operation *op, StringRef name, const std::string &problem,
              const std::string &change) {
    remark::missed(op->getLoc(), remark::RemarkOpts::name("alignment")
                                     .category(kCategory)
                                     .function(getOperation().getName()))
        << remark::reason("{0}: {1}", name, problem)
        << remark::suggest("{0}", change);
  }

  /// Checks one operand whose contiguous dim should be `inner`.
  void check(Operation *op, Value value, StringRef name, unsigned inner,
             StringRef innerName) {
    auto type = cast<ShapedType>(value.getType());
    int64_t width = type.getElementTypeBitWidth() / 8;
    int64_t multiple = kAlignment / width;
    int64_t extent = type.getDimSize(inner);
    if (!ShapedType::isDynamic(extent) && extent % multiple != 0)
      report(op, name,
             llvm::formatv("{0} {1} of {2} is {3} bytes, not a multiple of {4}",
                           innerName, extent, type.getElementType(),
                           extent * width, kAlignment),
             llvm::formatv("pad it to {0}", llvm::alignTo(extent, multiple)));

    SmallVector<int64_t> strides;
    int64_t offset = 0;
    if (auto memref = dyn_cast<MemRefType>(value.getType())) {
      if (failed(memref.getStridesAndOffset(strides, offset))) {
        report(op, name, "its layout is not strided", "use a strided layout");
        return;
      }
    } else {
      viewOf(value, strides, offset);
    }
    if (strides.empty())
      return;
    if (!ShapedType::isDynamic(strides[inner]) && strides[inner] != 1)
      report(op, name,
             llvm::formatv("{0} has stride {1}", innerName, strides[inner]),
             "make it the contiguous dim");
    for (auto [dim, stride] : llvm::enumerate(strides))
      if (dim != inner && !ShapedType::isDynamic(stride) &&
          stride % multiple != 0 && type.getDimSize(dim) != 1 &&
          // A tight stride follows from the inner extent, reported above.
          stride != extent)
        report(op, name,
               llvm::formatv("dim {0} has a stride of {1} bytes, not a "
                             "multiple of {2}",
                             dim, stride * width, kAlignment),
               llvm::formatv("pad the packed rows to a multiple of {0} numbers",
                             multiple));
    if (!ShapedType::isDynamic(offset) && offset % multiple != 0)
      report(op, name,
             llvm::formatv("it starts {0} bytes into its buffer, not at a "
                           "multiple of {1}",
                           offset * width, kAlignment),
             "order or pad what is packed before it");
  }

  /// Strides and offset that a tensor will have as a view of what it is sliced
  /// and reshaped from; nothing when that cannot be told.
  static void viewOf(Value value, SmallVectorImpl<int64_t> &strides,
                     int64_t &offset) {
    if (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>()) {
      if (slice.getDroppedDims().any())
        return;
      viewOf(slice.getSource(), strides, offset);
      if (strides.empty())
        return;
      for (size_t dim = 0; dim < strides.size(); ++dim) {
        int64_t start = slice.getStaticOffsets()[dim];
        int64_t step = slice.getStaticStrides()[dim];
        bool dynamic = ShapedType::isDynamic(start) ||
                       ShapedType::isDynamic(strides[dim]) ||
                       ShapedType::isDynamic(offset);
        offset = start == 0 ? offset
                 : dynamic  ? ShapedType::kDynamic
                            : offset + start * strides[dim];
        strides[dim] =
            ShapedType::isDynamic(step) || ShapedType::isDynamic(strides[dim])
                ? ShapedType::kDynamic
                : strides[dim] * step;
      }
      return;
    }
    if (auto expand = value.getDefiningOp<tensor::ExpandShapeOp>()) {
      SmallVector<int64_t> source;
      viewOf(expand.getSrc(), source, offset);
      if (source.empty())
        return;
      ArrayRef<int64_t> shape = expand.getResultType().getShape();
      strides.resize(shape.size());
      for (auto [dim, group] :
           llvm::enumerate(expand.getReassociationIndices())) {
        int64_t stride = source[dim];
        for (int64_t part : llvm::reverse(group)) {
          strides[part] = stride;
          stride = ShapedType::isDynamic(stride) ||
                           ShapedType::isDynamic(shape[part])
                       ? ShapedType::kDynamic
                       : stride * shape[part];
        }
      }
      return;
    }
    // A whole buffer.
    auto type = cast<ShapedType>(value.getType());
    strides.assign(type.getRank(), 1);
    offset = 0;
    for (int64_t dim = type.getRank() - 2; dim >= 0; --dim) {
      int64_t extent = type.getDimSize(dim + 1);
      strides[dim] = ShapedType::isDynamic(extent) ||
                             ShapedType::isDynamic(strides[dim + 1])
                         ? ShapedType::kDynamic
                         : strides[dim + 1] * extent;
    }
  }

  template <typename OpTy> void checkAttention(OpTy op) {
    check(op, op.getQuery(), "query", getOperandDim(op.getQueryMap(), 3),
          "head dim");
    check(op, op.getKey(), "key", getOperandDim(op.getKeyMap(), 3), "head dim");
    check(op, op.getValue(), "value", getOperandDim(op.getValueMap(), 3),
          "head dim");
    check(op, op.getInit(), "output", getOperandDim(op.getInitMap(), 3),
          "head dim");
  }

  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (auto attention = dyn_cast<AttentionOp>(op))
        checkAttention(attention);
      else if (auto reciprocal = dyn_cast<ReciprocalAttentionOp>(op))
        checkAttention(reciprocal);
      else if (auto linear = dyn_cast<LinearOp>(op)) {
        check(op, linear.getInput(), "input",
              getOperandDim(linear.getInputMap(), linear.getNumLeadingDims()),
              "channels");
        if (!linear.getPanel())
          check(op, linear.getWeight(), "weight", linear.getChannelDim(),
                "channels");
        check(op, linear.getInit(), "output",
              getOperandDim(linear.getOutputMap(),
                            linear.getOutputMap().getNumDims() - 1),
              "outputs");
      }
    });
    markAllAnalysesPreserved();
  }
};
} // namespace
