//===- RaiseAttention.cpp - One product to an attention -------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseAttention.h"
#include "RaiseEmit.h"
#include "RaiseLayout.h"
#include "RaiseOperands.h"
#include "ra/Dialect/RA/IR/RAOps.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;

namespace ra::raise {

namespace {
/// An operand of the attention: a value and how it is viewed.
struct Operand {
  Value value;
  ViewPlan plan;
};

/// Everything an attention is made of.
struct Plan {
  Operand query, key, value;
  Groups queryGroups;
  /// What the result replaces, and how it comes from the attention's; without a
  /// plan, by a transpose of the default layout.
  Value replaced;
  SmallVector<Index> resultIndices;
  std::optional<ViewPlan> result;
  MaskPlan mask;
  double softcap = 0;
  int64_t headDim = 0;
  QueryKey products;
  double scale = 1.0;
};

/// Matches one attention; the operand of the product that is tried as the
/// probabilities is `side`.
class Matcher {
public:
  Matcher(linalg::LinalgOp product, unsigned side, Extents &extents,
          const MaskAssumptions &assumptions)
      : product(product), side(side), dims(extents), builder(dims),
        assumptions(assumptions) {}

  bool match();
  std::string rewrite();
  /// What was matched takes ra.reciprocal_attention.
  bool isGated() const {
    return plan.products.reciprocal || !plan.products.factors.empty();
  }

  Miss miss;

private:
  bool checkReadable(const Expr *p);
  bool findResult();
  bool dividedLater(Value value, ArrayRef<Index> indices, Value &divided);
  bool checkUses();
  bool assign(ArrayRef<QueryKey> candidates, std::optional<DimId> row);
  bool assign(const QueryKey &candidate, const Step &query, const Step &keys,
              const Step &values, std::optional<DimId> row);
  bool assignHeads(const QueryKey &candidate, const Step &query,
                   const Step &keys, const Step &values,
                   std::optional<DimId> row, ArrayRef<DimId> batch,
                   std::optional<DimId> head, ArrayRef<DimId> shared);
  bool checkFactors(const QueryKey &products, const Groups &groups);
  SmallVector<DimId> atomsOf(const Step &step) const;
  Value emitGate(OpBuilder &b, Location loc, double number,
                 ArrayRef<const Expr *> factors);
  Value biasAsItIs(OpBuilder &b, Location loc, const Expr *bias,
                   ArrayRef<SmallVector<DimId>> loops);
  Value makeTransposed(OpBuilder &b, Location loc, Value result,
                       RankedTensorType type);

  linalg::LinalgOp product;
  unsigned side;
  DimSpace dims;
  ExprBuilder builder;
  const MaskAssumptions &assumptions;
  Access probabilities, values;
  SmallVector<Index> outIndices;
  DimId key = 0;
  Softmax softmax;
  Scores scores;
  std::vector<Step> valueSteps;
  SmallVector<DimId> valueDims;
  Plan plan;
};
} // namespace

//===----------------------------------------------------------------------===//
// The product with the values
//===----------------------------------------------------------------------===//

/// The value behind a chain of single uses that only rearranges or converts.
static Operation *onlyUser(Value value) {
  Operation *user = nullptr;
  for (Operation *each : value.getUsers()) {
    if (isa<tensor::DimOp>(each))
      continue;
    if (user && user != each)
      return nullptr;
    user = each;
  }
  return user;
}

/// Matches an elementwise op on `value` that divides it by the sum of the
/// exponentials.
bool Matcher::dividedLater(Value value, ArrayRef<Index> indices,
                           Value &divided) {
  auto op = dyn_cast_or_null<linalg::LinalgOp>(onlyUser(value));
  if (!op || op->getNumResults() != 1 || op.getNumReductionLoops() != 0)
    return miss("softmax", "the exponentials are not divided by their sum");
  // The element of the result at the place of `indices` must be that element of
  // the value, over the sum.
  for (OpOperand *operand : op.getDpsInputOperands())
    if (operand->get() == value &&
        !(op.getMatchingIndexingMap(operand).isIdentity() &&
          op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity()))
      return miss("softmax", "the exponentials are not divided by their sum");
  const Expr *expr = builder.load(op->getResult(0), indices);
  auto isValue = [&](const Expr *part) {
    if (part->kind != Kind::Load || part->value != value)
      return false;
    for (auto [a, b] : llvm::zip_equal(part->indices, indices))
      if (!(dims.resolve(a) == dims.resolve(b)))
        return false;
    return true;
  };
  if (expr->kind != Kind::Div || !isValue(expr->operands[0]))
    return miss("softmax", "the exponentials are not divided by their sum");
  const Expr *numerator =
      builder.load(probabilities.value, probabilities.indices);
  divided = op->getResult(0);
  return matchSum(builder, numerator, expr->operands[1], key, softmax, miss);
}

/// Follows the result through single uses that rearrange it, as far as the
/// attention can write it in place.
bool Matcher::findResult() {
  plan.replaced = product->getResult(0);
  plan.resultIndices = outIndices;
  if (softmax.dividesLater) {
    Value divided;
    if (!dividedLater(plan.replaced, outIndices, divided))
      return false;
    plan.replaced = divided;
  }
  return true;
}

/// The indices of the result of `op`, an op that rearranges the value whose
/// indices are given; false if it does something else.
static bool throughRearrangement(DimSpace &dims, Operation *op, Value value,
                                 SmallVector<Index> &indices) {
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    SmallVector<Index> result;
    ArrayRef<int64_t> shape = expand.getResultType().getShape();
    for (auto [group, index] :
         llvm::zip_equal(expand.getReassociationIndices(), indices)) {
      SmallVector<int64_t> sizes;
      for (int64_t dim : group)
        sizes.push_back(shape[dim]);
      size_t ones = 0;
      while (ones + 1 < sizes.size() && sizes[ones] == 1)
        ++ones;
      SmallVector<Index> parts;
      if (!dims.delinearize(index, ArrayRef(sizes).drop_front(ones), parts))
        return false;
      result.append(ones, Index::of(0));
      llvm::append_range(result, parts);
    }
    indices = result;
    return true;
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    SmallVector<Index> result;
    ArrayRef<int64_t> shape = collapse.getSrcType().getShape();
    for (const ReassociationIndices &group : collapse.getReassociationIndices()) {
      Index index;
      for (auto [i, dim] : llvm::enumerate(group)) {
        if (i > 0) {
          if (ShapedType::isDynamic(shape[dim]))
            return false;
          index *= shape[dim];
        }
        index += indices[dim];
      }
      result.push_back(dims.resolve(index));
    }
    indices = result;
    return true;
  }
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp->getNumResults() != 1 ||
      linalgOp.getNumDpsInputs() != 1 || linalgOp.getNumReductionLoops() != 0 ||
      linalgOp.getBlock()->getTerminator()->getOperand(0) !=
          linalgOp.getBlock()->getArgument(0) ||
      getElementTypeOrSelf(linalgOp->getResult(0).getType()) !=
          getElementTypeOrSelf(value.getType()))
    return false;
  SmallVector<AffineMap> maps = linalgOp.getIndexingMapsArray();
  SmallVector<std::optional<Index>> loops(linalgOp.getNumLoops());
  for (auto [expr, index] : llvm::zip_equal(maps[0].getResults(), indices)) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      loops[dim.getPosition()] = index;
    else if (!index.isConstant(0))
      return false;
  }
  SmallVector<Index> result;
  for (AffineExpr expr : maps[1].getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return false;
    std::optional<Index> index = loops[dim.getPosition()];
    // A loop that no input dim has repeats the value; one of extent 1 does not.
    if (!index) {
      auto type = cast<RankedTensorType>(linalgOp->getResult(0).getType());
      if (type.getDimSize(result.size()) != 1)
        return false;
      index = Index::of(0);
    }
    result.push_back(*index);
  }
  indices = result;
  return true;
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// A miss if the ops before the product look like a softmax of a product, but
/// some op between is not read through. Always false.
bool Matcher::checkReadable(const Expr *p) {
  Operation *def = probabilities.value.getDefiningOp();
  if (!def || isContraction(def))
    return false;
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.inclusive = true;
  options.omitBlockArguments = true;
  options.filter = [](Operation *op) { return !isContraction(op); };
  if (failed(getBackwardSlice(def, &slice, options)))
    return false;
  bool exponential = false, reduction = false, scores = false;
  for (Operation *op : slice) {
    if (isa<linalg::SoftmaxOp>(op))
      exponential = reduction = true;
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
      reduction |= linalgOp.getNumReductionLoops() != 0;
      op->walk([&](Operation *nested) {
        exponential |= isa<math::ExpOp, math::Exp2Op>(nested);
      });
    }
    for (Value operand : op->getOperands())
      scores |= isContraction(operand.getDefiningOp());
  }
  if (!exponential || !reduction || !scores)
    return false;
  Operation *obstacle = nullptr;
  builder.any(p, [&](const Expr *part) {
    Operation *leaf = part->kind == Kind::Load || part->kind == Kind::Unknown
                          ? part->value.getDefiningOp()
                          : nullptr;
    // Ops inside a body are not in the slice; tensors without inputs hide
    // nothing.
    if (leaf && !isContraction(leaf) && leaf->getNumOperands() != 0 &&
        (slice.contains(leaf) || part->kind == Kind::Unknown))
      obstacle = leaf;
    return obstacle != nullptr;
  });
  if (!obstacle)
    return false;
  return miss("form", llvm::formatv("the probabilities come through '{0}', which "
                                    "is not read through",
                                    obstacle->getName()));
}

bool Matcher::match() {
  SmallVector<AffineMap> maps = product.getIndexingMapsArray();
  SmallVector<utils::IteratorType> iterators = product.getIteratorTypesArray();
  SmallVector<Index> loops;
  SmallVector<DimId> summed;
  for (unsigned loop = 0; loop < product.getNumLoops(); ++loop) {
    AffineExpr expr = getAffineDimExpr(loop, product->getContext());
    std::optional<DimId> dim;
    for (unsigned operand = 0; operand < 3 && !dim; ++operand)
      if (auto position = maps[operand].getResultPosition(expr))
        dim = dims.create(product->getOperand(operand), *position);
    if (!dim)
      return false;
    loops.push_back(Index::dim(*dim));
    if (iterators[loop] == utils::IteratorType::reduction)
      summed.push_back(*dim);
  }
  auto access = [&](unsigned operand, SmallVectorImpl<Index> &indices) {
    for (AffineExpr expr : maps[operand].getResults()) {
      std::optional<Index> index = dims.apply(expr, loops);
      if (!index)
        return false;
      indices.push_back(*index);
    }
    return true;
  };
  probabilities.value = product->getOperand(side);
  values.value = product->getOperand(1 - side);
  if (!access(side, probabilities.indices) ||
      !access(1 - side, values.indices) || !access(2, outIndices))
    return false;

  const Expr *p = builder.load(probabilities.value, probabilities.indices);
  auto keyAtoms = [&] {
    SmallVector<DimId> atoms;
    for (DimId dim : summed)
      llvm::append_range(atoms, dims.atoms(dim));
    return atoms;
  };
  if (!matchSoftmax(builder, p, keyAtoms(), softmax, miss))
    return miss.rule.empty() && checkReadable(p);
  if (keyAtoms().size() != 1)
    return miss("layout", "the keys are more than one dim");
  key = keyAtoms().front();
  if (!matchScores(builder, softmax, key, scores, miss))
    return false;
  if (!builder.load(product.getDpsInits()[0], outIndices)->isConstant(0))
    return miss("values", "the product with the values does not start from 0");
  if (!findResult() || !checkUses())
    return false;

  // What of the values is a view or a wider type of something else.
  SmallVector<DimId> keep{key};
  for (const Index &index : values.indices)
    llvm::append_range(keep, dims.atoms(index));
  for (Step &step : traceOperand(builder, values, keep, std::nullopt, nullptr))
    if (step.number == 1.0 && step.factors.empty())
      valueSteps.push_back(step);

  SmallVector<DimId> rows = rowCandidates(builder, scores.products[0], key);
  // Among several, the rows are those that a mask compares with the keys, that
  // are as many as the keys, or that come last.
  auto rank = [&](DimId row) {
    bool masked = llvm::any_of(scores.hidings, [&](const Hiding &hiding) {
      return builder.dependsOn(hiding.visible, row);
    });
    return std::tuple(masked, dims.sameExtent(row, key),
                      llvm::find(rows, row) - rows.begin());
  };
  SmallVector<std::pair<decltype(rank(key)), DimId>> ranked;
  for (DimId row : rows)
    ranked.push_back({rank(row), row});
  llvm::sort(ranked);
  SmallVector<std::optional<DimId>> candidates;
  for (auto [order, row] : llvm::reverse(ranked))
    candidates.push_back(row);
  if (candidates.empty())
    candidates.push_back(std::nullopt);
  for (std::optional<DimId> row : candidates) {
    miss = Miss();
    std::vector<QueryKey> found;
    if (scores.products.size() > 1) {
      if (!row)
        return miss("reciprocal", "reciprocal terms need as many queries as keys");
      if (!matchReciprocal(builder, scores.products, key, *row, found, miss))
        continue;
    } else {
      found.emplace_back();
      if (!matchSingleProduct(builder, scores.products[0], key, found[0], miss))
        continue;
    }
    if (assign(found, row))
      return true;
  }
  return false;
}

/// Ops between the products of the scores and the product with the values have
/// no other users: they would have to stay.
bool Matcher::checkUses() {
  SetVector<Operation *> inner;
  for (const Product &each : scores.products)
    inner.insert(each.op);
  // What depends on a product of the scores and leads to the probabilities.
  llvm::DenseMap<Operation *, bool> depends;
  llvm::unique_function<bool(Operation *)> visit = [&](Operation *op) -> bool {
    if (!op)
      return false;
    if (inner.contains(op))
      return true;
    auto [it, isNew] = depends.try_emplace(op, false);
    if (!isNew)
      return it->second;
    bool any = false;
    if (!isContraction(op) && !isa<tensor::DimOp>(op))
      for (Value operand : op->getOperands())
        any |= visit(operand.getDefiningOp());
    depends[op] = any;
    return any;
  };
  visit(probabilities.value.getDefiningOp());
  Operation *last = plan.replaced.getDefiningOp();
  for (Value operand : last->getOperands())
    visit(operand.getDefiningOp());
  for (auto [op, any] : depends)
    if (any)
      inner.insert(op);
  for (Operation *op : inner)
    for (Value result : op->getResults())
      for (Operation *user : result.getUsers()) {
        if (isa<tensor::DimOp>(user) || inner.contains(user) ||
            user == product || user == last || isOpTriviallyDead(user))
          continue;
        bool isScore = llvm::any_of(scores.products, [&](const Product &each) {
          return each.op == op;
        });
        return miss("uses", isScore ? "the scores have another use"
                                    : "what leads from the scores to the "
                                      "probabilities has another use");
      }
  return true;
}

SmallVector<DimId> Matcher::atomsOf(const Step &step) const {
  llvm::SmallSetVector<DimId, 8> atoms;
  for (const Index &index : step.indices)
    for (DimId atom : dims.atoms(index))
      atoms.insert(atom);
  return atoms.takeVector();
}

/// Tries the values that query, key and values are views of, those closest to
/// the source first.
bool Matcher::assign(ArrayRef<QueryKey> candidates, std::optional<DimId> row) {
  auto typeOf = [](const Step &step) {
    return getElementTypeOrSelf(step.value.getType());
  };
  for (const QueryKey &candidate : llvm::reverse(candidates))
    for (const Step &query : llvm::reverse(candidate.query))
      for (const Step &keys : llvm::reverse(candidate.key)) {
        if (typeOf(keys) != typeOf(query))
          continue;
        for (const Step &value : llvm::reverse(valueSteps)) {
          if (typeOf(value) != typeOf(query))
            continue;
          miss = Miss();
          if (assign(candidate, query, keys, value, row))
            return true;
          // What the masks or factors lack, no other view has.
          if (miss.rule != "layout")
            return false;
        }
      }
  if (miss.rule.empty())
    return miss("layout", "query, key and value have different element types");
  return false;
}

static SmallVector<DimId> without(ArrayRef<DimId> atoms, ArrayRef<DimId> less) {
  SmallVector<DimId> rest;
  for (DimId atom : atoms)
    if (!llvm::is_contained(less, atom))
      rest.push_back(atom);
  return rest;
}

static bool sameSet(ArrayRef<DimId> a, ArrayRef<DimId> b) {
  return without(a, b).empty() && without(b, a).empty();
}

/// Sorts the dims of one choice of operands into batch, heads, sequence and head
/// dim.
bool Matcher::assign(const QueryKey &candidate, const Step &query,
                     const Step &keys, const Step &value,
                     std::optional<DimId> row) {
  SmallVector<DimId> headDims;
  for (DimId dim : candidate.bound)
    llvm::append_range(headDims, dims.atoms(dim));
  SmallVector<DimId> ofQuery = without(atomsOf(query), headDims);
  SmallVector<DimId> ofKey = without(without(atomsOf(keys), headDims), key);
  SmallVector<DimId> ofValue = without(atomsOf(value), key);
  SmallVector<DimId> out;
  for (const Index &index : outIndices)
    llvm::append_range(out, dims.atoms(index));
  valueDims = without(ofValue, ofQuery);
  ofValue = without(ofValue, valueDims);
  if (dims.atoms(key).size() != 1 || (row && dims.atoms(*row).size() != 1))
    return miss("layout", "rows or keys are more than one dim");
  if (row && llvm::is_contained(ofKey, *row))
    return miss("layout", "the key depends on the query's row");
  if (!sameSet(ofKey, ofValue))
    return miss("layout", "key and value differ in their batch or head dims");
  if (!without(ofKey, ofQuery).empty())
    return miss("layout", "the key has a batch or head dim that the query lacks");
  SmallVector<DimId> expected(ofQuery);
  llvm::append_range(expected, valueDims);
  if (!sameSet(out, expected))
    return miss("layout", "the result has a dim that neither query nor value has");
  SmallVector<DimId> batch, shared;
  for (DimId atom : ofQuery) {
    if (llvm::is_contained(ofKey, atom))
      batch.push_back(atom);
    else if (atom != row)
      shared.push_back(atom);
  }
  // A head comes from the features that the head dim comes from, or is the last
  // of several batch dims.
  SmallVector<std::optional<DimId>> heads;
  for (const Index &index : query.indices) {
    SmallVector<DimId> atoms = dims.atoms(index);
    if (llvm::none_of(atoms, [&](DimId atom) {
          return llvm::is_contained(headDims, atom);
        }))
      continue;
    for (DimId atom : atoms)
      if (llvm::is_contained(batch, atom))
        heads.push_back(atom);
  }
  // A single one behind an extent of 1 is the head, the other the batch.
  bool afterUnit = false;
  for (const Index &index : query.indices) {
    if (batch.empty() || llvm::is_contained(dims.atoms(index), batch[0]))
      break;
    afterUnit |= dims.resolve(index).isConstant();
  }
  if (batch.size() == 1 && afterUnit)
    heads.push_back(batch[0]);
  if (batch.size() < 2)
    heads.push_back(std::nullopt);
  for (DimId atom : llvm::reverse(batch))
    heads.push_back(atom);
  for (std::optional<DimId> head : heads) {
    SmallVector<DimId> rest(batch);
    if (head)
      llvm::erase(rest, *head);
    miss = Miss();
    if (assignHeads(candidate, query, keys, value, row, rest, head, shared))
      return true;
    if (miss.rule != "layout" && miss.rule != "scale")
      return false;
  }
  return false;
}

bool Matcher::checkFactors(const QueryKey &products, const Groups &groups) {
  for (ArrayRef<const Expr *> factors : {ArrayRef(products.factors),
                                         ArrayRef(products.recFactors)})
    for (const Expr *factor : factors) {
      if (!without(builder.freeAtoms(factor), groups[1]).empty())
        return miss("scale", "scores are multiplied by a value that depends on "
                             "more than the head");
      if (!canEmit(factor))
        return miss("scale", "scores are multiplied by a value that cannot be "
                             "carried over");
    }
  return true;
}

bool Matcher::assignHeads(const QueryKey &candidate, const Step &query,
                          const Step &keys, const Step &value,
                          std::optional<DimId> row, ArrayRef<DimId> batch,
                          std::optional<DimId> head, ArrayRef<DimId> shared) {
  SmallVector<DimId> headDims;
  for (DimId dim : candidate.bound)
    llvm::append_range(headDims, dims.atoms(dim));
  Groups groups;
  groups[0].assign(batch.begin(), batch.end());
  if (head)
    groups[1].push_back(*head);
  Groups keyGroups = groups;
  llvm::append_range(groups[1], shared);
  if (row)
    groups[2].push_back(*row);
  keyGroups[2].push_back(key);
  groups[3] = keyGroups[3] = headDims;
  Groups valueGroups = keyGroups, resultGroups = groups;
  valueGroups[3] = resultGroups[3] = valueDims;

  auto view = [&](const Step &step, const Groups &of, Operand &operand) {
    operand.value = step.value;
    std::optional<ViewPlan> found =
        planView(dims, cast<RankedTensorType>(step.value.getType()).getShape(),
                 step.indices, of);
    if (found)
      operand.plan = *found;
    return found.has_value();
  };
  if (!view(query, groups, plan.query))
    return miss("layout", "the query is no view with batch, head, sequence and "
                          "head dims");
  if (!view(keys, keyGroups, plan.key))
    return miss("layout", "the key is no view with batch, head, sequence and "
                          "head dims");
  if (!view(value, valueGroups, plan.value))
    return miss("layout", "the value is no view with batch, head, sequence and "
                          "head dims");
  plan.queryGroups = groups;
  plan.products = candidate;
  QueryKey &products = plan.products;
  products.number *= query.number * keys.number;
  llvm::append_range(products.factors, query.factors);
  llvm::append_range(products.factors, keys.factors);
  if (!checkFactors(products, groups))
    return false;
  auto sizeOf = [&](ArrayRef<DimId> atoms) {
    int64_t size = 1;
    for (DimId atom : atoms)
      size = ShapedType::isDynamic(size) || ShapedType::isDynamic(dims.size(atom))
                 ? ShapedType::kDynamic
                 : size * dims.size(atom);
    return size;
  };
  plan.headDim = sizeOf(headDims);
  if (isGated()) {
    if (!row || !dims.sameExtent(*row, key))
      return miss(products.reciprocal ? "reciprocal" : "scale",
                  "reciprocal terms and gates need as many queries as keys");
    if (ShapedType::isDynamic(sizeOf(groups[1])) ||
        ShapedType::isDynamic(plan.headDim))
      return miss("reciprocal", "the number of heads or the head dim is dynamic");
  }
  plan.softcap = scores.softcap;
  plan.mask = MaskPlan();
  if (!matchMask(builder, scores, row, key, softmax.hiddenRowsAreZero,
                 assumptions, plan.mask, miss))
    return false;
  if (const Expr *bias = plan.mask.bias) {
    SmallVector<DimId> allowed(groups[0]);
    llvm::append_range(allowed, groups[1]);
    llvm::append_range(allowed, groups[2]);
    allowed.push_back(key);
    if (!without(builder.freeAtoms(bias), allowed).empty() || !canEmit(bias))
      return miss("mask", "what is added to the scores cannot be carried over");
  }
  if (!std::isfinite(products.number) || !std::isfinite(products.recNumber) ||
      !std::isfinite(plan.softcap))
    return miss("scale", "the scale of the scores is not finite");

  // The result as far on as the attention can write it.
  Value current = plan.replaced;
  SmallVector<Index> indices(outIndices);
  auto planResult = [&] {
    return planView(dims, cast<RankedTensorType>(current.getType()).getShape(),
                    indices, resultGroups);
  };
  plan.result = planResult();
  plan.resultIndices = indices;
  while (Operation *user = onlyUser(current)) {
    if (user->getBlock() != product->getBlock() ||
        !throughRearrangement(dims, user, current, indices))
      break;
    current = user->getResult(0);
    if (std::optional<ViewPlan> further = planResult()) {
      plan.result = further;
      plan.replaced = current;
      plan.resultIndices = indices;
    }
  }
  if (plan.result)
    return true;
  // A reshape infers one dynamic extent.
  for (ArrayRef<DimId> group : resultGroups)
    if (llvm::count_if(group, [&](DimId atom) {
          return ShapedType::isDynamic(dims.size(atom));
        }) > 1)
      return miss("layout", "the result has several dynamic dims that would have "
                            "to be merged");
  return true;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// The tensor of one factor per head: [1] if it is one number.
Value Matcher::emitGate(OpBuilder &b, Location loc, double number,
                        ArrayRef<const Expr *> factors) {
  if (factors.empty()) {
    auto type = RankedTensorType::get({1}, b.getF32Type());
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, static_cast<float>(number)));
  }
  const SmallVector<DimId> &heads = plan.queryGroups[1];
  // A tensor that is read as it is.
  if (factors.size() == 1 && number == 1.0 && heads.size() == 1 &&
      factors[0]->kind == Kind::Load && factors[0]->indices.size() == 1 &&
      dims.resolve(factors[0]->indices[0]).asDim() == heads[0] &&
      cast<RankedTensorType>(factors[0]->value.getType()).hasStaticShape())
    return factors[0]->value;
  const Expr *gate = factors[0];
  for (const Expr *factor : factors.drop_front())
    gate = builder.make(Kind::Mul, {gate, factor});
  gate = builder.make(Kind::Mul, {gate, builder.constant(number)});
  int64_t size = 1;
  for (DimId head : heads)
    size *= dims.size(head);
  return emitTensor(b, loc, dims, gate, {heads}, {b.getIndexAttr(size)});
}

/// The tensor that a bias is read from as it is, as [B or 1, H or 1, Tq, Tk];
/// null if the bias is computed or laid out otherwise.
Value Matcher::biasAsItIs(OpBuilder &b, Location loc, const Expr *bias,
                          ArrayRef<SmallVector<DimId>> loops) {
  if (bias->kind != Kind::Load)
    return {};
  auto type = cast<RankedTensorType>(bias->value.getType());
  if (!type.getElementType().isF32() && !type.getElementType().isF16() &&
      !type.getElementType().isBF16())
    return {};
  // Each dim of the tensor is the next loop that is not of extent 1.
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> reassociation;
  size_t loop = 0;
  auto addUnits = [&] {
    while (loop < loops.size() && loops[loop].empty()) {
      if (reassociation.empty())
        reassociation.emplace_back();
      reassociation.back().push_back(shape.size());
      shape.push_back(1);
      ++loop;
    }
  };
  addUnits();
  bool any = false;
  for (auto [dim, original] : llvm::enumerate(bias->indices)) {
    Index index = dims.resolve(original);
    if (index.isConstant(0) && type.getDimSize(dim) == 1 &&
        type.getRank() == 4 && loop > dim)
      continue;
    if (loop == loops.size() || loops[loop].size() != 1 ||
        index.asDim() != loops[loop][0])
      return {};
    if (any || reassociation.empty())
      reassociation.emplace_back();
    any = true;
    reassociation.back().push_back(shape.size());
    shape.push_back(type.getDimSize(dim));
    ++loop;
    addUnits();
  }
  if (loop != loops.size())
    return {};
  if (type.getRank() == 4)
    return bias->value;
  return tensor::ExpandShapeOp::create(
      b, loc, RankedTensorType::get(shape, type.getElementType()), bias->value,
      reassociation);
}

static std::string describeMask(const MaskPlan &mask) {
  std::string text;
  if (mask.kind == MaskKind::Causal)
    text = ", causal";
  else if (mask.kind == MaskKind::Window)
    text = llvm::formatv(", window({0})", mask.window);
  if (mask.alignment == MaskAlignment::BottomRight)
    text += " bottom_right";
  if (!mask.offset.isConstant(0))
    text += " with an offset";
  if (mask.bias)
    text += ", bias";
  return text;
}

/// The result from the attention's in the default layout, by a transpose of the
/// atoms.
Value Matcher::makeTransposed(OpBuilder &b, Location loc, Value result,
                              RankedTensorType type) {
  Type element = type.getElementType();
  Groups groups = plan.queryGroups;
  groups[3] = valueDims;
  // One dim for each atom, and for each group without.
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> reassociation;
  llvm::DenseMap<DimId, int64_t> place;
  SmallVector<int64_t> permutation;
  for (ArrayRef<DimId> group : groups) {
    reassociation.emplace_back();
    if (group.empty()) {
      reassociation.back().push_back(shape.size());
      permutation.push_back(shape.size());
      shape.push_back(1);
    }
    for (DimId atom : group) {
      place[atom] = shape.size();
      reassociation.back().push_back(shape.size());
      shape.push_back(dims.size(atom));
    }
  }
  if (shape.size() != 4)
    result = tensor::ExpandShapeOp::create(
        b, loc, RankedTensorType::get(shape, element), result, reassociation);
  // Extents of 1 first, then the atoms as the result has them.
  SmallVector<ReassociationIndices> merged;
  SmallVector<int64_t> mergedShape;
  for (const Index &index : plan.resultIndices) {
    SmallVector<DimId> atoms = dims.atoms(index);
    if (atoms.empty())
      continue;
    merged.emplace_back();
    int64_t size = 1;
    for (DimId atom : atoms) {
      merged.back().push_back(permutation.size());
      permutation.push_back(place[atom]);
      bool isDynamic = ShapedType::isDynamic(size) ||
                       ShapedType::isDynamic(dims.size(atom));
      size = isDynamic ? ShapedType::kDynamic : size * dims.size(atom);
    }
    mergedShape.push_back(size);
  }
  int64_t ones = merged.front().front();
  for (int64_t i = ones; i-- > 0;)
    merged.front().insert(merged.front().begin(), i);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, result);
  SmallVector<OpFoldResult> transposed;
  for (int64_t dim : permutation)
    transposed.push_back(sizes[dim]);
  Value init = tensor::EmptyOp::create(b, loc, transposed, element);
  result = linalg::TransposeOp::create(b, loc, result, init, permutation)
               ->getResult(0);
  if (merged.size() != permutation.size())
    result = tensor::CollapseShapeOp::create(
        b, loc, RankedTensorType::get(mergedShape, element), result, merged);
  // Extents of 1 of the result join a neighbour.
  if (static_cast<int64_t>(merged.size()) != type.getRank()) {
    SmallVector<ReassociationIndices> expanded(1);
    SmallVector<int64_t> full;
    bool any = false;
    for (auto [i, index] : llvm::enumerate(plan.resultIndices)) {
      bool isUnit = dims.atoms(index).empty();
      if (!isUnit && any)
        expanded.emplace_back();
      any |= !isUnit;
      expanded.back().push_back(i);
      full.push_back(isUnit ? 1 : mergedShape[expanded.size() - 1]);
    }
    result = tensor::ExpandShapeOp::create(
        b, loc, RankedTensorType::get(full, element), result, expanded);
  }
  if (result.getType() != type)
    result = tensor::CastOp::create(b, loc, type, result);
  return result;
}

std::string Matcher::rewrite() {
  Location loc = product.getLoc();
  OpBuilder b(product);
  AffineMap queryMap, keyMap, valueMap;
  Value query = makeView(b, loc, dims.extents, plan.query.value, plan.query.plan, queryMap);
  Value keys = makeView(b, loc, dims.extents, plan.key.value, plan.key.plan, keyMap);
  Value value = makeView(b, loc, dims.extents, plan.value.value, plan.value.plan, valueMap);
  // The extent of a group: of its atom, or read off the view.
  auto extent = [&](Value tensor, AffineMap map, ArrayRef<DimId> atoms,
                    unsigned group) -> OpFoldResult {
    unsigned dim = getOperandDim(map, group);
    auto type = cast<RankedTensorType>(tensor.getType());
    if (type.isDynamicDim(dim) && atoms.size() == 1)
      if (std::optional<Index> index = dims.extent(atoms[0]))
        return emitIndex(b, loc, dims, *index);
    return tensor::getMixedSize(b, loc, tensor, dim);
  };
  const Groups &groups = plan.queryGroups;
  std::array<OpFoldResult, 4> sizes = {extent(query, queryMap, groups[0], 0),
                                       extent(query, queryMap, groups[1], 1),
                                       extent(query, queryMap, groups[2], 2),
                                       extent(value, valueMap, valueDims, 3)};

  Value bias;
  if (plan.mask.bias) {
    SmallVector<DimId> used = builder.freeAtoms(plan.mask.bias);
    auto loop = [&](unsigned group) {
      bool any = llvm::any_of(groups[group], [&](DimId atom) {
        return llvm::is_contained(used, atom);
      });
      return any ? groups[group] : SmallVector<DimId>();
    };
    SmallVector<SmallVector<DimId>> loops = {
        loop(0), loop(1), groups[2], {key}};
    SmallVector<OpFoldResult> extents = {
        loops[0].empty() ? b.getIndexAttr(1) : sizes[0],
        loops[1].empty() ? b.getIndexAttr(1) : sizes[1], sizes[2],
        extent(keys, keyMap, key, 2)};
    bias = biasAsItIs(b, loc, plan.mask.bias, loops);
    if (!bias)
      bias = emitTensor(b, loc, dims, plan.mask.bias, loops, extents);
  }
  Value offset;
  if (!plan.mask.offset.isConstant(0))
    offset = emitIndex(b, loc, dims, plan.mask.offset);

  // Without a layout that suits the result, the default one.
  std::array<unsigned, 4> order = {0, 1, 2, 3};
  if (plan.result)
    llvm::copy(plan.result->order, order.begin());
  Type element = getElementTypeOrSelf(plan.replaced.getType());
  SmallVector<OpFoldResult> initSizes;
  for (unsigned group : order)
    initSizes.push_back(sizes[group]);
  Value init = tensor::EmptyOp::create(b, loc, initSizes, element);
  AffineMap initMap = AffineMap::getPermutationMap(order, b.getContext());

  MLIRContext *context = b.getContext();
  auto mask = MaskAttr::get(context, plan.mask.kind, plan.mask.window,
                            plan.mask.alignment);
  ArrayAttr maps;
  if (!queryMap.isIdentity() || !keyMap.isIdentity() ||
      !valueMap.isIdentity() || !initMap.isIdentity())
    maps = b.getAffineMapArrayAttr({queryMap, keyMap, valueMap, initMap});
  FloatAttr softcap =
      plan.softcap != 0 ? b.getF64FloatAttr(plan.softcap) : FloatAttr();
  const QueryKey &products = plan.products;
  std::string description;
  Value result;
  if (!isGated()) {
    auto attention = AttentionOp::create(
        b, loc, init.getType(), query, keys, value, bias, offset, init, Value(),
        mask, b.getF64FloatAttr(products.number), softcap, maps);
    result = attention->getResult(0);
    description = llvm::formatv("attention: scale {0:f6}", products.number);
  } else {
    // score = scale * (w_std * standard + w_rec * reciprocal). The scale is the
    // number that stands before a gate that is a value; between numbers it is
    // the default.
    double scale = 1.0 / std::sqrt(static_cast<double>(plan.headDim));
    if (!products.factors.empty())
      scale = products.number;
    else if (!products.recFactors.empty())
      scale = products.recNumber;
    Value standard =
        emitGate(b, loc, products.number / scale, products.factors);
    Value reciprocal;
    if (products.reciprocal)
      reciprocal =
          emitGate(b, loc, products.recNumber / scale, products.recFactors);
    DenseI64ArrayAttr rank, recDims;
    int64_t count = products.recDims.size();
    if (count == 0 || products.recDims.front() == plan.headDim - count)
      rank = b.getDenseI64ArrayAttr({count});
    else
      recDims = b.getDenseI64ArrayAttr(products.recDims);
    // Only numbers are known to have a root.
    bool known = products.factors.empty() && products.recFactors.empty() &&
                 products.number / scale >= 0 && products.recNumber / scale >= 0;
    auto split = GateSplitAttr::get(context, known ? GateSplit::Symmetric
                                                   : GateSplit::Query);
    auto gqa = GroupedModeAttr::get(context, GroupedMode::Slots);
    if (cast<ShapedType>(keys.getType()).getDimSize(getOperandDim(keyMap, 1)) ==
        cast<ShapedType>(query.getType()).getDimSize(getOperandDim(queryMap, 1)))
      gqa = GroupedModeAttr::get(context, GroupedMode::Mean);
    auto attention = ReciprocalAttentionOp::create(
        b, loc, init.getType(), query, keys, value, standard, reciprocal,
        Value(), Value(), Value(), bias, offset, init, Value(), rank, recDims,
        split, gqa, mask, b.getF64FloatAttr(scale), softcap, maps);
    result = attention->getResult(0);
    description = llvm::formatv(
        "reciprocal attention: scale {0:f6}, reciprocal dims {{{1}}", scale,
        llvm::join(llvm::map_range(products.recDims,
                                   [](int64_t d) { return std::to_string(d); }),
                   ", "));
  }
  description += describeMask(plan.mask);
  if (plan.softcap != 0)
    description += llvm::formatv(", softcap {0:f6}", plan.softcap);

  auto type = cast<RankedTensorType>(plan.replaced.getType());
  if (plan.result) {
    result = makeInverseView(b, loc, result, *plan.result, type);
  } else {
    result = makeTransposed(b, loc, result, type);
  }
  plan.replaced.replaceAllUsesWith(result);
  return description;
}

Outcome raiseAttention(linalg::LinalgOp product, Extents &extents,
                       const MaskAssumptions &assumptions,
                       bool reciprocalOnly) {
  Outcome outcome;
  for (unsigned side : {0u, 1u}) {
    Matcher matcher(product, side, extents, assumptions);
    if (matcher.match()) {
      if (reciprocalOnly && !matcher.isGated())
        return Outcome();
      outcome.raised = true;
      outcome.description = matcher.rewrite();
      return outcome;
    }
    if (outcome.miss.rule.empty())
      outcome.miss = matcher.miss;
  }
  return outcome;
}

} // namespace ra::raise
