//===- FoldConstants.cpp - Work on constant weights at compile time -------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Dialect/RA/Transforms/Passes.h"
#include "ra/Runtime/FoldWeights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

namespace ra {
#define GEN_PASS_DEF_FOLDCONSTANTSPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;
using runtime::Tensor;

static constexpr llvm::StringLiteral kCategory = "ra-fold-constants";
/// Smaller results are printed in place; larger ones are resources.
static constexpr size_t kInlineBytes = 256;

static std::optional<runtime::ElementType> toElementType(Type type) {
  if (type.isF32())
    return runtime::ElementType::F32;
  if (type.isF16())
    return runtime::ElementType::F16;
  if (type.isBF16())
    return runtime::ElementType::BF16;
  return std::nullopt;
}

/// The tensor behind a constant of f32, f16 or bf16: a view of its bytes, or a
/// copy when it is a splat.
static std::optional<Tensor> getConstant(Value value) {
  Attribute attr;
  if (!value || !matchPattern(value, m_Constant(&attr)))
    return std::nullopt;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  std::optional<runtime::ElementType> elementType =
      toElementType(type.getElementType());
  if (!elementType)
    return std::nullopt;
  runtime::Shape shape(type.getShape().begin(), type.getShape().end());
  runtime::Expected<Tensor> tensor = Tensor::create(shape, *elementType);
  if (!tensor)
    return std::nullopt;
  auto fill = [&](ArrayRef<char> bytes) -> std::optional<Tensor> {
    if (bytes.size() != tensor->byteSize())
      return std::nullopt;
    std::memcpy(tensor->mutableData(), bytes.data(), bytes.size());
    return std::move(*tensor);
  };
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return std::nullopt;
    return fill(blob->getData());
  }
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (!dense)
    return std::nullopt;
  if (!dense.isSplat())
    return fill(dense.getRawData());
  double splat = dense.getSplatValue<APFloat>().convertToDouble();
  std::vector<double> values(tensor->numElements(), splat);
  tensor->writeDoubles(0, tensor->numElements(), values.data());
  return std::move(*tensor);
}

/// Copies the box [0, sizes) between two tensors of the same element type;
/// `sourceOffsets`/`targetOffsets` and the strides select it in each.
static void copyBox(const Tensor &source, ArrayRef<int64_t> sourceOffsets,
                    ArrayRef<int64_t> sourceStrides, Tensor &target,
                    ArrayRef<int64_t> targetOffsets,
                    ArrayRef<int64_t> targetStrides, ArrayRef<int64_t> sizes) {
  size_t width = runtime::elementSize(source.elementType());
  SmallVector<int64_t> index(sizes.size(), 0);
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  const char *from = static_cast<const char *>(source.data());
  char *to = static_cast<char *>(target.mutableData());
  for (int64_t n = 0; n < count; ++n) {
    int64_t fromIndex = 0, toIndex = 0;
    for (size_t dim = 0; dim < sizes.size(); ++dim) {
      fromIndex = fromIndex * source.dim(dim) + sourceOffsets[dim] +
                  index[dim] * sourceStrides[dim];
      toIndex = toIndex * target.dim(dim) + targetOffsets[dim] +
                index[dim] * targetStrides[dim];
    }
    std::memcpy(to + toIndex * width, from + fromIndex * width, width);
    for (size_t dim = sizes.size(); dim-- > 0;) {
      if (++index[dim] < sizes[dim])
        break;
      index[dim] = 0;
    }
  }
}

namespace {
struct FoldConstantsPass : ra::impl::FoldConstantsPassBase<FoldConstantsPass> {
  /// Resources that this run made, to free those that end without a user.
  SmallVector<DenseResourceElementsHandle> created;

  Value makeConstant(OpBuilder &builder, Location loc, const Tensor &tensor,
                     RankedTensorType type, StringRef name) {
    ArrayRef<char> bytes(static_cast<const char *>(tensor.data()),
                         tensor.byteSize());
    TypedAttr attr;
    if (bytes.size() <= kInlineBytes) {
      attr = DenseElementsAttr::getFromRawBuffer(type, bytes);
    } else {
      AsmResourceBlob blob =
          HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/16);
      auto resource =
          DenseResourceElementsAttr::get(type, name, std::move(blob));
      created.push_back(resource.getRawHandle());
      attr = resource;
    }
    return arith::ConstantOp::create(builder, loc, attr);
  }

  /// Results of `op` on constants; empty when it has other operands. Emits an
  /// error and fails when the fold itself does.
  FailureOr<SmallVector<Tensor>> evaluate(Operation *op) {
    using Results = SmallVector<Tensor>;
    return llvm::TypeSwitch<Operation *, FailureOr<Results>>(op)
        .Case([&](FoldWeightsOp fold) { return evaluateFold(fold); })
        .Case([&](tensor::ConcatOp concat) -> FailureOr<Results> {
          SmallVector<Tensor> parts;
          for (Value input : concat.getInputs()) {
            std::optional<Tensor> part = getConstant(input);
            if (!part)
              return Results();
            parts.push_back(std::move(*part));
          }
          std::optional<Tensor> result = emptyLike(concat.getResult());
          if (!result)
            return Results();
          SmallVector<int64_t> zeros(result->rank(), 0),
              ones(result->rank(), 1);
          SmallVector<int64_t> offsets = zeros;
          for (const Tensor &part : parts) {
            copyBox(part, zeros, ones, *result, offsets, ones, part.shape());
            offsets[concat.getDim()] += part.dim(concat.getDim());
          }
          return Results{std::move(*result)};
        })
        .Case([&](tensor::ExtractSliceOp slice) -> FailureOr<Results> {
          if (!isStatic(slice) || slice.getDroppedDims().any())
            return Results();
          std::optional<Tensor> source = getConstant(slice.getSource());
          std::optional<Tensor> result = emptyLike(slice.getResult());
          if (!source || !result)
            return Results();
          SmallVector<int64_t> zeros(result->rank(), 0),
              ones(result->rank(), 1);
          copyBox(*source, slice.getStaticOffsets(), slice.getStaticStrides(),
                  *result, zeros, ones, slice.getStaticSizes());
          return Results{std::move(*result)};
        })
        .Case([&](tensor::InsertSliceOp slice) -> FailureOr<Results> {
          if (!isStatic(slice) || slice.getDroppedDims().any())
            return Results();
          std::optional<Tensor> source = getConstant(slice.getSource());
          // The constant's bytes were copied: they can be written to.
          std::optional<Tensor> result = getConstant(slice.getDest());
          if (!source || !result)
            return Results();
          SmallVector<int64_t> zeros(result->rank(), 0),
              ones(result->rank(), 1);
          copyBox(*source, zeros, ones, *result, slice.getStaticOffsets(),
                  slice.getStaticStrides(), slice.getStaticSizes());
          return Results{std::move(*result)};
        })
        .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
            [&](auto reshape) -> FailureOr<Results> {
              std::optional<Tensor> source = getConstant(reshape.getSrc());
              auto type = reshape.getResultType();
              if (!source || !type.hasStaticShape())
                return Results();
              runtime::Expected<Tensor> result = source->reshape(runtime::Shape(
                  type.getShape().begin(), type.getShape().end()));
              if (!result)
                return Results();
              return Results{std::move(*result)};
            })
        .Default([](Operation *) -> FailureOr<Results> { return Results(); });
  }

  static bool isStatic(OffsetSizeAndStrideOpInterface op) {
    auto known = [](ArrayRef<int64_t> values) {
      return llvm::none_of(values, ShapedType::isDynamic);
    };
    return known(op.getStaticOffsets()) && known(op.getStaticSizes()) &&
           known(op.getStaticStrides());
  }

  static std::optional<Tensor> emptyLike(Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    std::optional<runtime::ElementType> elementType =
        toElementType(type.getElementType());
    if (!elementType || !type.hasStaticShape())
      return std::nullopt;
    runtime::Expected<Tensor> tensor = Tensor::create(
        runtime::Shape(type.getShape().begin(), type.getShape().end()),
        *elementType);
    if (!tensor)
      return std::nullopt;
    return std::move(*tensor);
  }

  FailureOr<SmallVector<Tensor>> evaluateFold(FoldWeightsOp op) {
    for (Value operand : op->getOperands())
      if (!getConstant(operand))
        return SmallVector<Tensor>();
    runtime::FoldSpec spec;
    spec.numHeads = op.getNumHeads();
    spec.numKvHeads = op.getKvHeads();
    spec.headDim = op.getHeadDim();
    for (const SmallVector<int64_t> &dims : op.getHeadDims())
      spec.recDims.emplace_back(dims.begin(), dims.end());
    spec.gateSplit = op.getGateSplit() == GateSplit::Symmetric
                         ? runtime::GateSplit::Symmetric
                         : runtime::GateSplit::Query;
    spec.grouped = op.getGqa() == GroupedMode::Mean
                       ? runtime::GroupedMode::Mean
                       : runtime::GroupedMode::Slots;
    if (op.getWStd())
      spec.wStd = getConstant(op.getWStd())->readAsDoubles();
    if (op.getWRec())
      spec.wRec = getConstant(op.getWRec())->readAsDoubles();
    if (op.getProjection())
      spec.projection = getConstant(op.getProjection());
    if (op.getBasisQuery()) {
      spec.basisQ = getConstant(op.getBasisQuery());
      spec.basisK = getConstant(op.getBasisKey());
    }
    std::optional<Tensor> wq = getConstant(op.getQueryWeight());
    std::optional<Tensor> wk = getConstant(op.getKeyWeight());
    std::optional<Tensor> bq = getConstant(op.getQueryBias());
    std::optional<Tensor> bk = getConstant(op.getKeyBias());
    runtime::Expected<runtime::FoldedWeights> folded = runtime::foldWeights(
        spec, *wq, *wk, bq ? &*bq : nullptr, bk ? &*bk : nullptr);
    if (!folded) {
      op.emitOpError() << "cannot be evaluated: " << folded.message();
      return failure();
    }
    SmallVector<Tensor> results = {std::move(folded->qWeight),
                                   std::move(folded->kWeight)};
    if (folded->qBias) {
      results.push_back(std::move(*folded->qBias));
      results.push_back(std::move(*folded->kBias));
    }
    remark::passed(op.getLoc(),
                   remark::RemarkOpts::name("folded").category(kCategory))
        << remark::reason("weights of {0} heads folded at compile time",
                          spec.numHeads);
    return results;
  }

  void runOnOperation() override {
    created.clear();
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<FoldWeightsOp, tensor::ConcatOp, tensor::ExtractSliceOp,
              tensor::InsertSliceOp, tensor::ExpandShapeOp,
              tensor::CollapseShapeOp>(op))
        work.push_back(op);
    });
    for (Operation *op : work) {
      FailureOr<SmallVector<Tensor>> results = evaluate(op);
      if (failed(results))
        return signalPassFailure();
      if (results->empty())
        continue;
      OpBuilder builder(op);
      for (auto [result, tensor] : llvm::zip_equal(op->getResults(), *results))
        result.replaceAllUsesWith(makeConstant(
            builder, op->getLoc(), tensor,
            cast<RankedTensorType>(result.getType()), "ra_folded"));
      op->erase();
    }

    // Constants on the way have no users now; their bytes would stay in the
    // context for ever.
    SmallVector<Operation *> dead;
    llvm::StringSet<> used;
    getOperation().walk([&](arith::ConstantOp op) {
      if (op->use_empty())
        dead.push_back(op);
      else if (auto attr = dyn_cast<DenseResourceElementsAttr>(op.getValue()))
        used.insert(attr.getRawHandle().getKey());
    });
    for (Operation *op : dead)
      op->erase();
    for (DenseResourceElementsHandle &handle : created)
      if (!used.contains(handle.getKey()))
        handle.getResource()->setBlob(AsmResourceBlob());
  }
};
} // namespace
