//===- RaiseAttention.cpp - One product to an attention -------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseEmit.h"
#include "RaiseMatcher.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;

namespace ra::raise {

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
    for (const ReassociationIndices &group :
         collapse.getReassociationIndices()) {
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
  return miss("form",
              llvm::formatv("the probabilities come through '{0}', which "
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
        return miss("reciprocal",
                    "reciprocal terms need as many queries as keys");
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
        Type result = getElementTypeOrSelf(plan.replaced.getType());
        if (typeOf(keys) != typeOf(query) || !isStorageType(query.value) ||
            (result != typeOf(query) && !result.isF32()))
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
    return miss("layout", "query, key, value and result have not one element "
                          "type of f32, f16 and bf16");
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

/// Sorts the dims of one choice of operands into batch, heads, sequence and
/// head dim.
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
    return miss("layout",
                "the key has a batch or head dim that the query lacks");
  SmallVector<DimId> expected(ofQuery);
  llvm::append_range(expected, valueDims);
  if (!sameSet(out, expected))
    return miss("layout",
                "the result has a dim that neither query nor value has");
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
  for (ArrayRef<const Expr *> factors :
       {ArrayRef(products.factors), ArrayRef(products.recFactors)})
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
        planView(dims, step.value, step.indices, of);
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
      size =
          ShapedType::isDynamic(size) || ShapedType::isDynamic(dims.size(atom))
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
      return miss("reciprocal",
                  "the number of heads or the head dim is dynamic");
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
    return planView(dims, current, indices, resultGroups);
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
      return miss("layout",
                  "the result has several dynamic dims that would have "
                  "to be merged");
  return true;
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
