//===- RaiseIndex.cpp - Loop dims and what indexes tensors ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseIndex.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace ra::raise {

//===----------------------------------------------------------------------===//
// Index
//===----------------------------------------------------------------------===//

Index Index::of(int64_t constant) {
  Index index;
  index.constant = constant;
  return index;
}

Index Index::dim(DimId dim) {
  Index index;
  index.dims.push_back({dim, 1});
  return index;
}

Index Index::symbol(SymbolId symbol) {
  Index index;
  index.symbols.push_back({symbol, 1});
  return index;
}

std::optional<DimId> Index::asDim() const {
  if (constant != 0 || !symbols.empty() || dims.size() != 1 ||
      dims[0].second != 1)
    return std::nullopt;
  return dims[0].first;
}

int64_t Index::coefficient(DimId dim) const {
  for (auto [id, coefficient] : dims)
    if (id == dim)
      return coefficient;
  return 0;
}

bool Index::operator==(const Index &other) const {
  return constant == other.constant && dims == other.dims &&
         symbols == other.symbols;
}

template <typename Terms> static void addTerms(Terms &to, const Terms &from) {
  for (auto [id, coefficient] : from) {
    auto it = llvm::lower_bound(to, id, [](const auto &term, unsigned key) {
      return term.first < key;
    });
    if (it != to.end() && it->first == id)
      it->second += coefficient;
    else
      to.insert(it, {id, coefficient});
  }
  llvm::erase_if(to, [](const auto &term) { return term.second == 0; });
}

Index &Index::operator+=(const Index &other) {
  constant += other.constant;
  addTerms(dims, other.dims);
  addTerms(symbols, other.symbols);
  return *this;
}

Index &Index::operator*=(int64_t factor) {
  if (factor == 0)
    return *this = Index();
  constant *= factor;
  for (auto &term : dims)
    term.second *= factor;
  for (auto &term : symbols)
    term.second *= factor;
  return *this;
}

Index operator+(Index a, const Index &b) { return a += b; }
Index operator*(Index a, int64_t factor) { return a *= factor; }
Index operator-(Index a, const Index &b) { return a += b * -1; }

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

Extents::Extents(func::FuncOp function) {
  function.walk([&](Operation *op) { visit(op); });
}

unsigned Extents::node(Value value, int64_t dim) {
  auto [it, isNew] = ids.try_emplace({value, dim}, nodes.size());
  if (isNew) {
    nodes.push_back({value, dim});
    parents.push_back(it->second);
    int64_t size = ShapedType::kDynamic;
    if (dim >= 0)
      size = cast<ShapedType>(value.getType()).getDimSize(dim);
    else if (std::optional<int64_t> constant = getConstantIntValue(value))
      size = *constant;
    sizes.push_back(size);
    isExtent.push_back(dim >= 0);
  }
  return it->second;
}

unsigned Extents::find(unsigned node) const {
  while (parents[node] != node)
    node = parents[node] = parents[parents[node]];
  return node;
}

void Extents::unite(unsigned a, unsigned b) {
  a = find(a);
  b = find(b);
  if (a == b)
    return;
  // The older node represents: it is defined first.
  if (a > b)
    std::swap(a, b);
  parents[b] = a;
  if (ShapedType::isDynamic(sizes[a]))
    sizes[a] = sizes[b];
  isExtent[a] = isExtent[a] || isExtent[b];
}

void Extents::visit(Operation *op) {
  auto rankOf = [](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type ? type.getRank() : 0;
  };
  auto sameShape = [&](Value a, Value b) {
    for (int64_t i = 0; i < rankOf(a); ++i)
      unite(node(a, i), node(b, i));
  };
  auto mixed = [&](Value tensor, unsigned dim, OpFoldResult size) {
    if (auto value = dyn_cast<Value>(size))
      unite(node(value, -1), node(tensor, dim));
  };
  if (auto dps = dyn_cast<DestinationStyleOpInterface>(op))
    for (OpResult result : op->getResults())
      sameShape(dps.getTiedOpOperand(result)->get(), result);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    SmallVector<int64_t> loops(linalgOp.getNumLoops(), -1);
    for (OpOperand &operand : op->getOpOperands()) {
      if (rankOf(operand.get()) == 0)
        continue;
      AffineMap map = linalgOp.getMatchingIndexingMap(&operand);
      for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
        auto loop = dyn_cast<AffineDimExpr>(expr);
        if (!loop)
          continue;
        unsigned current = node(operand.get(), dim);
        if (loops[loop.getPosition()] >= 0)
          unite(loops[loop.getPosition()], current);
        loops[loop.getPosition()] = current;
      }
    }
    return;
  }
  if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op)) {
    sameShape(softmax.getInput(), softmax.getOutput());
  } else if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    if (std::optional<int64_t> index = dim.getConstantIndex())
      if (*index < rankOf(dim.getSource()))
        unite(node(dim.getSource(), *index), node(dim.getResult(), -1));
  } else if (auto cast = dyn_cast<arith::IndexCastOp>(op)) {
    if (!isa<ShapedType>(cast.getType()))
      unite(node(cast.getIn(), -1), node(cast.getResult(), -1));
  } else if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    for (auto [i, size] : llvm::enumerate(empty.getMixedSizes()))
      mixed(empty.getResult(), i, size);
  } else if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    if (rankOf(cast.getSource()) == rankOf(cast.getResult()))
      sameShape(cast.getSource(), cast.getResult());
  } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    unsigned dim = 0;
    for (auto [i, size] : llvm::enumerate(slice.getMixedSizes())) {
      if (dropped.test(i))
        continue;
      mixed(slice.getResult(), dim, size);
      ++dim;
    }
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    for (auto [i, size] : llvm::enumerate(expand.getMixedOutputShape()))
      mixed(expand.getResult(), i, size);
    for (auto [i, group] : llvm::enumerate(expand.getReassociationIndices()))
      if (group.size() == 1)
        unite(node(expand.getSrc(), i), node(expand.getResult(), group[0]));
  } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    for (auto [i, group] : llvm::enumerate(collapse.getReassociationIndices()))
      if (group.size() == 1)
        unite(node(collapse.getSrc(), group[0]), node(collapse.getResult(), i));
  }
}

unsigned Extents::classOf(Value tensor, unsigned dim) {
  return find(node(tensor, dim));
}

int64_t Extents::sizeOf(unsigned extentClass) const {
  return sizes[find(extentClass)];
}

std::optional<unsigned> Extents::classOf(Value index) {
  auto it = ids.find({index, -1});
  if (it == ids.end() || !isExtent[find(it->second)])
    return std::nullopt;
  return find(it->second);
}

std::pair<Value, int64_t>
Extents::member(unsigned extentClass,
                llvm::function_ref<bool(Value)> usable) const {
  for (auto [id, entry] : llvm::enumerate(nodes))
    if (find(id) == find(extentClass) && usable(entry.first))
      return entry;
  return {Value(), -1};
}

//===----------------------------------------------------------------------===//
// DimSpace
//===----------------------------------------------------------------------===//

DimId DimSpace::create(Value tensor, unsigned dim) {
  unsigned extentClass = extents.classOf(tensor, dim);
  infos.push_back({extents.sizeOf(extentClass), extentClass});
  return infos.size() - 1;
}

DimId DimSpace::create(int64_t size) {
  infos.push_back({size, std::nullopt});
  return infos.size() - 1;
}

std::optional<Index> DimSpace::extent(DimId dim) {
  const Info &info = infos[dim];
  if (!ShapedType::isDynamic(info.size))
    return Index::of(info.size);
  if (!info.extentClass)
    return std::nullopt;
  return Index::symbol(symbolOf(info.extentClass, {}));
}

bool DimSpace::sameExtent(DimId a, DimId b) const {
  if (!ShapedType::isDynamic(infos[a].size))
    return infos[a].size == infos[b].size;
  return infos[a].extentClass && infos[b].extentClass &&
         *infos[a].extentClass == *infos[b].extentClass;
}

bool DimSpace::spans(DimId atom, Value tensor, unsigned dim) const {
  int64_t extent = cast<RankedTensorType>(tensor.getType()).getDimSize(dim);
  if (!ShapedType::isDynamic(extent) &&
      !ShapedType::isDynamic(infos[atom].size))
    return extent == infos[atom].size;
  return infos[atom].extentClass &&
         extents.classOf(tensor, dim) == *infos[atom].extentClass;
}

void DimSpace::split(DimId dim, int64_t innerSize) {
  int64_t size = infos[dim].size;
  DimId outer = create(ShapedType::isDynamic(size) ? size : size / innerSize);
  DimId inner = create(innerSize);
  infos[dim].isSplit = true;
  infos[dim].outer = outer;
  infos[dim].inner = inner;
}

void DimSpace::resolveDim(DimId dim, int64_t coefficient, Index &into) const {
  const Info &info = infos[dim];
  if (info.size == 1)
    return;
  if (!info.isSplit) {
    into += Index::dim(dim) * coefficient;
    return;
  }
  resolveDim(info.outer, coefficient * infos[info.inner].size, into);
  resolveDim(info.inner, coefficient, into);
}

Index DimSpace::resolve(const Index &index) const {
  Index result = Index::of(index.constant);
  for (auto [symbol, coefficient] : index.symbols) {
    std::optional<unsigned> extentClass = symbolInfos[symbol].extentClass;
    int64_t size =
        extentClass ? extents.sizeOf(*extentClass) : ShapedType::kDynamic;
    if (ShapedType::isDynamic(size))
      result += Index::symbol(symbol) * coefficient;
    else
      result.constant += coefficient * size;
  }
  for (auto [dim, coefficient] : index.dims)
    resolveDim(dim, coefficient, result);
  return result;
}

SmallVector<DimId> DimSpace::atoms(DimId dim) const {
  return atoms(Index::dim(dim));
}

SmallVector<DimId> DimSpace::atoms(const Index &index) const {
  auto terms = resolve(index).dims;
  llvm::sort(terms, [](const auto &a, const auto &b) {
    return std::pair(-std::abs(a.second), a.first) <
           std::pair(-std::abs(b.second), b.first);
  });
  return llvm::map_to_vector(terms,
                             [](const auto &term) { return term.first; });
}

std::optional<int64_t> DimSpace::lowerBound(const Index &index) const {
  Index resolved = resolve(index);
  int64_t bound = resolved.constant;
  // An extent is at least 0 and may be anything above.
  for (auto [symbol, coefficient] : resolved.symbols)
    if (coefficient < 0 || !symbolInfos[symbol].extentClass)
      return std::nullopt;
  for (auto [dim, coefficient] : resolved.dims) {
    if (coefficient >= 0)
      continue;
    if (ShapedType::isDynamic(infos[dim].size))
      return std::nullopt;
    bound += coefficient * (infos[dim].size - 1);
  }
  return bound;
}

std::optional<int64_t> DimSpace::upperBound(const Index &index) const {
  std::optional<int64_t> bound = lowerBound(index * -1);
  if (!bound)
    return std::nullopt;
  return -*bound;
}

bool DimSpace::divide(const Index &index, int64_t divisor, Index &quotient,
                      Index &remainder) {
  if (divisor <= 0)
    return false;
  while (true) {
    Index resolved = resolve(index);
    quotient = Index();
    remainder = Index();
    auto distribute = [&](const Index &term, int64_t coefficient) {
      if (coefficient % divisor == 0)
        quotient += term * (coefficient / divisor);
      else
        remainder += term * coefficient;
    };
    for (auto [dim, coefficient] : resolved.dims)
      distribute(Index::dim(dim), coefficient);
    for (auto [symbol, coefficient] : resolved.symbols)
      distribute(Index::symbol(symbol), coefficient);
    int64_t rest = resolved.constant % divisor;
    if (rest < 0)
      rest += divisor;
    remainder.constant = rest;
    quotient.constant = (resolved.constant - rest) / divisor;
    std::optional<int64_t> low = lowerBound(remainder),
                           high = upperBound(remainder);
    if (low && high && *low >= 0 && *high < divisor)
      return true;
    // A dim of which a whole number of runs fills the divisor.
    bool changed = false;
    for (auto [dim, coefficient] : remainder.dims) {
      if (coefficient <= 0 || divisor % coefficient != 0)
        continue;
      int64_t inner = divisor / coefficient, size = infos[dim].size;
      if (ShapedType::isDynamic(size) || (size % inner == 0 && size != inner)) {
        split(dim, inner);
        changed = true;
        break;
      }
    }
    if (!changed)
      return false;
  }
}

bool DimSpace::delinearize(Index index, ArrayRef<int64_t> shape,
                           SmallVectorImpl<Index> &indices) {
  indices.assign(shape.size(), Index());
  for (size_t i = shape.size(); i-- > 1;) {
    if (ShapedType::isDynamic(shape[i]))
      return false;
    Index quotient;
    if (!divide(index, shape[i], quotient, indices[i]))
      return false;
    index = quotient;
  }
  if (!shape.empty())
    indices[0] = index;
  return true;
}

std::optional<Index> DimSpace::apply(AffineExpr expr, ArrayRef<Index> loops) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return loops[dim.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return Index::of(constant.getValue());
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  std::optional<Index> lhs = apply(binary.getLHS(), loops);
  std::optional<Index> rhs = apply(binary.getRHS(), loops);
  if (!lhs || !rhs)
    return std::nullopt;
  Index quotient, remainder;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return *lhs + *rhs;
  case AffineExprKind::Mul:
    if (rhs->isConstant())
      return *lhs * rhs->constant;
    return std::nullopt;
  case AffineExprKind::FloorDiv:
  case AffineExprKind::Mod:
    if (!rhs->isConstant() || !divide(*lhs, rhs->constant, quotient, remainder))
      return std::nullopt;
    return expr.getKind() == AffineExprKind::Mod ? remainder : quotient;
  default:
    return std::nullopt;
  }
}

SymbolId DimSpace::symbolOf(std::optional<unsigned> extentClass, Value value) {
  for (auto [i, info] : llvm::enumerate(symbolInfos))
    if (extentClass ? info.extentClass == extentClass
                    : !info.extentClass && info.value == value)
      return i;
  symbolInfos.push_back({extentClass, value});
  return symbolInfos.size() - 1;
}

std::optional<Index> DimSpace::scalar(Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return Index::of(*constant);
  if (std::optional<unsigned> extentClass = extents.classOf(value))
    return Index::symbol(symbolOf(extentClass, value));
  Operation *def = value.getDefiningOp();
  if (isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(def)) {
    std::optional<Index> lhs = scalar(def->getOperand(0));
    std::optional<Index> rhs = scalar(def->getOperand(1));
    if (lhs && rhs) {
      if (isa<arith::AddIOp>(def))
        return *lhs + *rhs;
      if (isa<arith::SubIOp>(def))
        return *lhs - *rhs;
      if (lhs->isConstant())
        return *rhs * lhs->constant;
      if (rhs->isConstant())
        return *lhs * rhs->constant;
    }
  }
  if (isa_and_nonnull<arith::IndexCastOp, arith::ExtSIOp>(def))
    return scalar(def->getOperand(0));
  if (!value.getType().isIndex())
    return std::nullopt;
  return Index::symbol(symbolOf(std::nullopt, value));
}

std::pair<Value, int64_t>
DimSpace::symbolValue(SymbolId symbol,
                      llvm::function_ref<bool(Value)> usable) const {
  const SymbolInfo &info = symbolInfos[symbol];
  if (info.extentClass)
    return extents.member(*info.extentClass, usable);
  return {info.value, -1};
}

} // namespace ra::raise
