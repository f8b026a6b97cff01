//===- RaiseOperands.cpp - From products to query and key -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseOperands.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace ra::raise {

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// The step behind an elementwise op that multiplies by what does not depend on
/// `keep`; nothing if the op does anything else.
static std::optional<Step> throughFactor(ExprBuilder &builder, const Step &step,
                                         ArrayRef<DimId> keep) {
  auto op = step.value.getDefiningOp<linalg::LinalgOp>();
  if (!op || op.getNumReductionLoops() != 0)
    return std::nullopt;
  // A narrowing cast rounds; what is behind it is another value.
  bool narrows = false;
  op.getBlock()->walk([&](arith::TruncFOp cast) {
    Attribute constant;
    narrows |= !matchPattern(cast.getIn(), m_Constant(&constant));
  });
  if (narrows)
    return std::nullopt;
  const Expr *expr = builder.loadOneStep(step.value, step.indices);
  if (!expr)
    return std::nullopt;
  Step next = step;
  const Expr *source = nullptr;
  SmallVector<std::pair<const Expr *, bool>> work{{expr, false}};
  while (!work.empty()) {
    auto [part, inverse] = work.pop_back_val();
    if (part->kind == Kind::Mul) {
      work.push_back({part->operands[0], inverse});
      work.push_back({part->operands[1], inverse});
      continue;
    }
    if (part->kind == Kind::Div) {
      work.push_back({part->operands[0], inverse});
      work.push_back({part->operands[1], !inverse});
      continue;
    }
    // The factor may be a tensor that is one number all over.
    const Expr *factor = part->kind == Kind::Load
                             ? builder.load(part->value, part->indices)
                             : part;
    if (factor->isConstant() ||
        (!builder.dependsOn(factor, keep) && !hasProduct(builder, factor))) {
      splitFactor(builder, factor, inverse, next.number, next.factors);
      continue;
    }
    if (part->kind != Kind::Load || source || inverse)
      return std::nullopt;
    source = part;
  }
  if (!source)
    return std::nullopt;
  auto width = [](Value value) {
    return getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  };
  if (!isa<FloatType>(getElementTypeOrSelf(source->value.getType())) ||
      width(source->value) > width(step.value))
    return std::nullopt;
  next.value = source->value;
  next.indices = source->indices;
  return next;
}

/// The step behind a slice of dim `bound`, which is then replaced by a dim for
/// the whole.
static std::optional<Step>
throughSlice(ExprBuilder &builder, const Step &step, DimId bound,
             llvm::DenseMap<int64_t, DimId> &wholes) {
  auto slice = step.value.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || step.whole)
    return std::nullopt;
  Step next = step;
  next.value = slice.getSource();
  next.indices.clear();
  llvm::SmallBitVector dropped = slice.getDroppedDims();
  RankedTensorType type = slice.getSourceType();
  unsigned dim = 0;
  bool found = false;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    OpFoldResult size = slice.getMixedSizes()[i];
    std::optional<int64_t> offset =
        getConstantIntValue(slice.getMixedOffsets()[i]);
    std::optional<int64_t> stride =
        getConstantIntValue(slice.getMixedStrides()[i]);
    if (!offset || !stride)
      return std::nullopt;
    if (dropped.test(i)) {
      if (type.getDimSize(i) != 1)
        return std::nullopt;
      next.indices.push_back(Index::of(0));
      continue;
    }
    unsigned resultDim = dim++;
    const Index &index = step.indices[resultDim];
    std::optional<int64_t> extent = getConstantIntValue(size);
    bool isWhole =
        *offset == 0 && *stride == 1 &&
        (extent ? *extent == type.getDimSize(i)
                : builder.dims.extents.classOf(slice.getResult(), resultDim) ==
                      builder.dims.extents.classOf(slice.getSource(), i));
    if (isWhole) {
      next.indices.push_back(index);
      continue;
    }
    // A dim of extent 1 is indexed by 0.
    bool isBound = index.asDim() == bound ||
                   (builder.dims.size(bound) == 1 && extent == 1 &&
                    builder.dims.resolve(index).isConstant(0));
    if (found || !extent || type.isDynamicDim(i) || !isBound)
      return std::nullopt;
    found = true;
    auto [whole, isNew] = wholes.try_emplace(type.getDimSize(i), 0);
    if (isNew)
      whole->second = builder.dims.create(type.getDimSize(i));
    next.whole = whole->second;
    next.offset = *offset;
    next.stride = *stride;
    next.count = *extent;
    next.indices.push_back(Index::dim(whole->second));
  }
  if (!found)
    return std::nullopt;
  return next;
}

std::vector<Step> traceOperand(ExprBuilder &builder, const Access &access,
                               ArrayRef<DimId> keep, std::optional<DimId> bound,
                               llvm::DenseMap<int64_t, DimId> *wholes) {
  std::vector<Step> steps;
  Step step;
  step.value = access.value;
  step.indices = access.indices;
  while (true) {
    steps.push_back(step);
    if (auto view = builder.throughView(step.value, step.indices,
                                        /*throughSlices=*/false)) {
      step.value = view->first;
      step.indices = view->second;
      continue;
    }
    std::optional<Step> next;
    if (wholes && bound)
      next = throughSlice(builder, step, *bound, *wholes);
    if (!next) {
      SmallVector<DimId> kept(keep);
      if (step.whole)
        kept.push_back(*step.whole);
      next = throughFactor(builder, step, kept);
    }
    if (!next)
      return steps;
    step = *next;
  }
}

//===----------------------------------------------------------------------===//
// One product
//===----------------------------------------------------------------------===//

static bool reads(ExprBuilder &builder, const Access &access, DimId dim) {
  return llvm::any_of(access.indices, [&](const Index &index) {
    return llvm::is_contained(builder.dims.atoms(index), dim);
  });
}

/// The query and the key side of a product.
static bool sides(ExprBuilder &builder, const Product &product, DimId key,
                  const Access *&query, const Access *&keys, Miss &miss) {
  bool left = reads(builder, product.lhs, key);
  bool right = reads(builder, product.rhs, key);
  if (left == right)
    return miss("scores",
                left ? "both factors of a product of the scores depend "
                       "on the key"
                     : "no factor of a product of the scores depends "
                       "on the key");
  query = left ? &product.rhs : &product.lhs;
  keys = left ? &product.lhs : &product.rhs;
  return true;
}

static SmallVector<DimId> boundAtoms(ExprBuilder &builder,
                                     const Product &product) {
  SmallVector<DimId> atoms;
  for (DimId dim : product.bound)
    llvm::append_range(atoms, builder.dims.atoms(dim));
  return atoms;
}

SmallVector<DimId> rowCandidates(ExprBuilder &builder, const Product &product,
                                 DimId key) {
  const Access *query, *keys;
  Miss ignored;
  SmallVector<DimId> rows;
  if (!sides(builder, product, key, query, keys, ignored))
    return rows;
  SmallVector<DimId> bound = boundAtoms(builder, product);
  for (const Index &index : query->indices)
    for (DimId atom : builder.dims.atoms(index))
      if (!llvm::is_contained(bound, atom) && !reads(builder, *keys, atom))
        rows.push_back(atom);
  return rows;
}

bool matchSingleProduct(ExprBuilder &builder, const Product &product, DimId key,
                        QueryKey &result, Miss &miss) {
  const Access *query, *keys;
  if (!sides(builder, product, key, query, keys, miss))
    return false;
  SmallVector<DimId> keep = boundAtoms(builder, product);
  SmallVector<DimId> rows = rowCandidates(builder, product, key);
  llvm::append_range(keep, rows);
  keep.push_back(key);
  result.query = traceOperand(builder, *query, keep, std::nullopt, nullptr);
  result.key = traceOperand(builder, *keys, keep, std::nullopt, nullptr);
  result.bound = boundAtoms(builder, product);
  result.number = product.coefficient;
  result.factors = product.factors;
  return true;
}

//===----------------------------------------------------------------------===//
// Standard and reciprocal products
//===----------------------------------------------------------------------===//

/// The step with one dim in place of another.
static Step renamed(const DimSpace &dims, Step step, DimId from, DimId to) {
  for (Index &index : step.indices) {
    Index resolved = dims.resolve(index);
    index = Index();
    index.constant = resolved.constant;
    index.symbols = resolved.symbols;
    for (auto [dim, coefficient] : resolved.dims)
      index += Index::dim(dim == from ? to : dim) * coefficient;
  }
  return step;
}

/// A side of a product as views of sources; without a slice the sum runs over
/// whole dims.
static std::vector<Step> traceSide(ExprBuilder &builder, const Access &access,
                                   DimId bound, ArrayRef<DimId> keep,
                                   llvm::DenseMap<int64_t, DimId> &wholes) {
  std::vector<Step> steps = traceOperand(builder, access, keep, bound, &wholes);
  int64_t size = builder.dims.size(bound);
  for (Step &step : steps) {
    if (step.whole || ShapedType::isDynamic(size))
      continue;
    auto [whole, isNew] = wholes.try_emplace(size, 0);
    if (isNew)
      whole->second = builder.dims.create(size);
    step = renamed(builder.dims, step, bound, whole->second);
    step.whole = whole->second;
    step.count = size;
  }
  return steps;
}

namespace {
/// A product with its sides traced to their sources.
struct Traced {
  std::vector<Step> row, column;
  bool isReciprocal = false;
  SmallVector<int64_t> dims;
  double number;
  SmallVector<const Expr *> factors;
};
} // namespace

/// The step of `steps` that reads `like`'s value at the same place, once row
/// and key stand for one position.
static const Step *findSource(ExprBuilder &builder, ArrayRef<Step> steps,
                              const Step &like, DimId key, DimId row) {
  auto positions = [&](const Index &index) {
    Index resolved = builder.dims.resolve(index), result;
    result.constant = resolved.constant;
    result.symbols = resolved.symbols;
    for (auto [dim, coefficient] : resolved.dims)
      result += Index::dim(dim == row ? key : dim) * coefficient;
    return result;
  };
  for (const Step &step : steps) {
    if (step.value != like.value || step.indices.size() != like.indices.size())
      continue;
    bool same = true;
    for (auto [a, b] : llvm::zip_equal(step.indices, like.indices))
      same &= positions(a) == positions(b);
    if (same)
      return &step;
  }
  return nullptr;
}

/// The dims a slice takes of the whole.
static SmallVector<int64_t> slicedDims(const Step &step) {
  SmallVector<int64_t> dims;
  for (int64_t i = 0; i < step.count; ++i)
    dims.push_back(step.offset + i * step.stride);
  return dims;
}

static bool sameFactors(ExprBuilder &builder, const Traced &a,
                        const Traced &b) {
  if (a.number != b.number || a.factors.size() != b.factors.size())
    return false;
  for (auto [left, right] : llvm::zip_equal(a.factors, b.factors))
    if (!builder.equal(left, right))
      return false;
  return true;
}

/// The products of the scores as seen from one value for the query and one for
/// the key; an empty list if some product reads neither.
static std::vector<Traced> seenFrom(ExprBuilder &builder, const Step &query,
                                    const Step &keys, ArrayRef<Traced> traced,
                                    DimId key, DimId row) {
  std::vector<Traced> terms;
  for (const Traced &each : traced) {
    Traced term = each;
    const Step *x = findSource(builder, each.row, query, key, row);
    const Step *y = findSource(builder, each.column, keys, key, row);
    if (!x || !y) {
      x = findSource(builder, each.row, keys, key, row);
      y = findSource(builder, each.column, query, key, row);
      term.isReciprocal = true;
    }
    if (!x || !y || slicedDims(*x) != slicedDims(*y))
      return {};
    term.dims = slicedDims(*x);
    term.number *= x->number * y->number;
    llvm::append_range(term.factors, x->factors);
    llvm::append_range(term.factors, y->factors);
    terms.push_back(std::move(term));
  }
  return terms;
}

/// Divides the dims of the head among standard and reciprocal products.
static bool divideDims(ExprBuilder &builder, ArrayRef<Traced> terms, Step query,
                       Step keys, DimId key, DimId row, QueryKey &result,
                       Miss &miss) {
  int64_t headDim = builder.dims.size(*query.whole);
  SmallVector<unsigned> owner(headDim, 2);
  const Traced *kinds[2] = {nullptr, nullptr};
  if (llvm::none_of(terms,
                    [](const Traced &term) { return term.isReciprocal; }))
    return miss("reciprocal", "all products are of the query's rows with the "
                              "key's: there is no reciprocal one");
  for (const Traced &term : terms) {
    unsigned kind = term.isReciprocal;
    if (!kinds[kind])
      kinds[kind] = &term;
    else if (!sameFactors(builder, *kinds[kind], term))
      return miss("reciprocal", "products of one kind have different factors");
    for (int64_t dim : term.dims) {
      if (owner[dim] != 2)
        return miss("reciprocal",
                    llvm::formatv("dim {0} is in more than one product", dim));
      owner[dim] = kind;
    }
  }
  if (auto *it = llvm::find(owner, 2); it != owner.end())
    return miss("reciprocal",
                llvm::formatv("dim {0} of the head is in no product",
                              it - owner.begin()));
  // The kind with more dims is the standard one; where that is the other, query
  // and key change places.
  bool exchange = llvm::count(owner, 1) > llvm::count(owner, 0);
  unsigned reciprocal = exchange ? 0 : 1;
  result.reciprocal = true;
  result.headDim = headDim;
  result.bound = {*query.whole};
  result.number = kinds[1 - reciprocal]->number;
  result.factors = kinds[1 - reciprocal]->factors;
  result.recNumber = kinds[reciprocal]->number;
  result.recFactors = kinds[reciprocal]->factors;
  for (auto [dim, kind] : llvm::enumerate(owner))
    if (kind == reciprocal)
      result.recDims.push_back(dim);
  // What multiplies query and key counts among the factors of the products.
  for (Step *step : {&query, &keys}) {
    step->number = 1.0;
    step->factors.clear();
  }
  if (exchange) {
    std::swap(query, keys);
    query = renamed(builder.dims, query, key, row);
    keys = renamed(builder.dims, keys, row, key);
  }
  result.query = {query};
  result.key = {keys};
  return true;
}

bool matchReciprocal(ExprBuilder &builder, ArrayRef<Product> products,
                     DimId key, DimId row, std::vector<QueryKey> &results,
                     Miss &miss) {
  llvm::DenseMap<int64_t, DimId> wholes;
  std::vector<Traced> traced;
  for (const Product &product : products) {
    const Access *query, *keys;
    if (!sides(builder, product, key, query, keys, miss))
      return false;
    if (product.bound.size() != 1)
      return miss("reciprocal",
                  "a product of the scores sums over more than one "
                  "dim");
    Traced each;
    DimId bound = product.bound[0];
    SmallVector<DimId> keep{bound, key, row};
    each.row = traceSide(builder, *query, bound, keep, wholes);
    each.column = traceSide(builder, *keys, bound, keep, wholes);
    each.number = product.coefficient;
    each.factors = product.factors;
    traced.push_back(std::move(each));
  }
  // The first product says what query and key are.
  for (const Step &query : traced.front().row)
    for (const Step &keys : traced.front().column) {
      if (!query.whole || keys.whole != query.whole)
        continue;
      std::vector<Traced> terms =
          seenFrom(builder, query, keys, traced, key, row);
      QueryKey result;
      if (!terms.empty() &&
          divideDims(builder, terms, query, keys, key, row, result, miss))
        results.push_back(std::move(result));
    }
  if (!results.empty() || !miss.rule.empty())
    return !results.empty();
  return miss("reciprocal",
              "the products of the scores do not read slices of one query and "
              "one key, or a second product is not of the key's rows with the "
              "query's");
}

} // namespace ra::raise
