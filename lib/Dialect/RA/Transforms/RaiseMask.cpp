//===- RaiseMask.cpp - Which keys a formula hides -------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseMask.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace ra::raise {

/// exp(-104) is 0 in f32.
static constexpr double kVanishes = 104.0;
/// A term of at most 2^-25 of another does not change it in f32.
static constexpr double kAbsorbs = 33554432.0;
static std::string text(double number) {
  std::string string;
  llvm::raw_string_ostream(string) << llvm::format("%g", number);
  return string;
}

/// Masks over more elements are not evaluated one by one.
static constexpr int64_t kMaxEvaluated = int64_t(1) << 24;

namespace {
/// Keys j with i + upper - width < j <= i + upper, width 0 for no lower end.
struct Band {
  std::optional<Index> upper;
  /// j >= i - lower.
  std::optional<Index> lower;
};

/// A mask in one of its spellings.
struct Hidden {
  const Expr *visible;
  double fill;
  /// Added to the score, which an exact treatment must keep.
  bool additive;
  /// Masks with a larger number are applied before this one.
  unsigned order = ~0u;
};

class MaskMatcher {
public:
  MaskMatcher(ExprBuilder &builder, std::optional<DimId> query, DimId key,
              bool hiddenRowsAreZero, const MaskAssumptions &assumptions,
              MaskPlan &plan, Miss &miss)
      : builder(builder), dims(builder.dims), query(query), key(key),
        hiddenRowsAreZero(hiddenRowsAreZero), assumptions(assumptions),
        plan(plan), miss(miss) {}

  bool match(const Scores &scores) {
    for (const Hiding &hiding : scores.hidings) {
      if (!hides(hiding.fill))
        return miss(
            "mask",
            llvm::formatv("hidden scores become {0}, which does not hide them "
                          "unless all scores stay below {1}; say so with "
                          "score-bound",
                          text(hiding.fill),
                          text(std::max(0.0, -(hiding.fill + kVanishes) / 2))));
      unsigned order = hidden.size();
      hidden.push_back(
          {hiding.visible, hiding.fill, /*additive=*/false, order});
    }
    for (const Addend &addend : scores.addends)
      if (!takeAdditiveMask(addend))
        addends.push_back(addend);
    return decide();
  }

private:
  bool hides(double fill) const {
    return fill <= -2 * assumptions.scoreBound - kVanishes;
  }
  bool absorbs(double fill) const {
    return fill <= -kAbsorbs * assumptions.scoreBound;
  }

  /// An addend that is 0 where a condition holds and hides elsewhere.
  bool takeAdditiveMask(const Addend &addend) {
    const Expr *expr = addend.expr;
    if (expr->kind == Kind::Select)
      for (unsigned i : {1u, 2u}) {
        const Expr *zero = expr->operands[i], *fill = expr->operands[3 - i];
        if (!zero->isConstant(0) || !fill->isConstant() ||
            !hides(fill->number * addend.factor))
          continue;
        const Expr *condition = expr->operands[0];
        hidden.push_back(
            {i == 1 ? condition
                    : builder.make(Kind::Not, {condition}, condition->type),
             fill->number * addend.factor, /*additive=*/true});
        return true;
      }
    double fill = 0;
    bool isMask = true;
    auto element = [&](double value) {
      value *= addend.factor;
      if (value == 0)
        return true;
      isMask &= hides(value) && (fill == 0 || fill == value);
      fill = value;
      return false;
    };
    std::optional<std::vector<bool>> table = evaluate(expr, element);
    if (!table || !isMask)
      return false;
    if (fill == 0)
      return true;
    std::optional<Band> found = bandOf(*table);
    if (!found)
      return false;
    bands.push_back({*found, {expr, fill, /*additive=*/true}, addend});
    return true;
  }

  int64_t querySize() const { return query ? dims.size(*query) : 1; }

  /// `visible` at every query and key, where that follows from positions and
  /// constants.
  std::optional<std::vector<bool>>
  evaluate(const Expr *expr, llvm::function_ref<bool(double)> visible) {
    int64_t queries = querySize(), keys = dims.size(key);
    if (ShapedType::isDynamic(queries) || ShapedType::isDynamic(keys) ||
        queries * keys > kMaxEvaluated)
      return std::nullopt;
    for (DimId dim : builder.freeAtoms(expr))
      if (dim != key && (!query || dim != *query))
        return std::nullopt;
    std::vector<bool> table;
    llvm::DenseMap<DimId, int64_t> at;
    for (int64_t i = 0; i < queries; ++i)
      for (int64_t j = 0; j < keys; ++j) {
        if (query)
          at[*query] = i;
        at[key] = j;
        std::optional<double> value = builder.evaluate(expr, at);
        if (!value)
          return std::nullopt;
        table.push_back(visible(*value));
      }
    return table;
  }

  /// The causal mask or window that a table is; nothing if it is none.
  std::optional<Band> bandOf(const std::vector<bool> &table) const {
    int64_t queries = querySize(), keys = dims.size(key);
    std::optional<int64_t> upper, lower;
    for (int64_t i = 0; i < queries; ++i) {
      int64_t first = keys, last = -1;
      for (int64_t j = 0; j < keys; ++j)
        if (table[i * keys + j]) {
          first = std::min(first, j);
          last = j;
        }
      if (last < 0)
        continue;
      if (last < keys - 1 && !upper)
        upper = last - i;
      if (first > 0 && !lower)
        lower = i - first;
    }
    for (int64_t i = 0; i < queries; ++i)
      for (int64_t j = 0; j < keys; ++j)
        if (table[i * keys + j] !=
            ((!upper || j <= i + *upper) && (!lower || j >= i - *lower)))
          return std::nullopt;
    Band band;
    if (upper)
      band.upper = Index::of(*upper);
    if (lower)
      band.lower = Index::of(*lower);
    return band;
  }

  /// One bound of a band: j <= i + c or j >= i - c.
  std::optional<Band> bandOf(const Expr *condition) const {
    if (condition->kind != Kind::NonNegative)
      return std::nullopt;
    Index index = dims.resolve(condition->index);
    int64_t ofKey = index.coefficient(key);
    int64_t ofQuery = query ? index.coefficient(*query) : -ofKey;
    size_t others = index.dims.size();
    others -= ofKey != 0;
    others -= query && ofQuery != 0;
    if (others != 0 || std::abs(ofKey) != 1 || ofQuery != -ofKey)
      return std::nullopt;
    Index rest = index;
    rest.dims.clear();
    Band band;
    (ofKey < 0 ? band.upper : band.lower) = rest;
    return band;
  }

  static void conjuncts(const Expr *condition,
                        SmallVectorImpl<const Expr *> &into) {
    if (condition->kind == Kind::And) {
      for (const Expr *operand : condition->operands)
        conjuncts(operand, into);
      return;
    }
    into.push_back(condition);
  }

  /// Intersects with another band; false if the ends differ.
  static bool merge(Band &band, const Band &other) {
    if ((band.upper && other.upper && !(*band.upper == *other.upper)) ||
        (band.lower && other.lower && !(*band.lower == *other.lower)))
      return false;
    if (other.upper)
      band.upper = other.upper;
    if (other.lower)
      band.lower = other.lower;
    return true;
  }

  /// Every query sees a key of the band.
  bool everyRowSees(const Band &band) {
    auto atLeastZero = [&](const Index &index) {
      std::optional<int64_t> low = dims.lowerBound(dims.resolve(index));
      return low && *low >= 0;
    };
    std::optional<Index> keys = dims.extent(key);
    std::optional<Index> queries =
        query ? dims.extent(*query) : std::optional(Index::of(1));
    // Row 0 sees key 0 or more, and the last row reaches no further than the
    // last key.
    if (band.upper && !atLeastZero(*band.upper))
      return false;
    if (!band.lower)
      return true;
    if (!keys || !queries)
      return false;
    if (!atLeastZero(*keys - *queries + *band.lower))
      return false;
    return !band.upper || atLeastZero(*band.upper + *band.lower);
  }

  bool decide() {
    // Each mask as a band where it is one, and a remainder.
    for (const Hidden &mask : hidden) {
      SmallVector<const Expr *> parts;
      conjuncts(mask.visible, parts);
      Band found;
      const Expr *rest = nullptr;
      for (const Expr *part : parts) {
        std::optional<Band> bound = bandOf(part);
        if (bound && merge(found, *bound))
          continue;
        rest = rest ? builder.make(Kind::And, {rest, part}, part->type) : part;
      }
      if (rest)
        if (auto table =
                evaluate(mask.visible, [](double value) { return value != 0; }))
          if (std::optional<Band> whole = bandOf(*table)) {
            found = *whole;
            rest = nullptr;
            if (!found.upper && !found.lower)
              continue;
          }
      // An attribute has no lower end without an upper one.
      if (!found.upper) {
        others.push_back(mask);
        continue;
      }
      bands.push_back({found, mask});
      if (rest) {
        bands.back().remainder = others.size();
        others.push_back({rest, mask.fill, mask.additive, mask.order});
      }
    }
    // A row without a visible key is NaN where the fill is -inf: those bands
    // may always become the attribute. Elsewhere the fill says what such a row
    // gives, and unless there is none the mask stays in the bias.
    Band band;
    for (bool infinite : {true, false}) {
      Band merged = band;
      bool fits = true;
      for (BandMask &mask : bands)
        if (isNaNWhereHidden(mask) == infinite)
          fits &= merge(merged, mask.band);
      fits &= merged.upper || !merged.lower;
      if (!infinite)
        fits &= others.empty() && everyRowSees(merged);
      if (fits) {
        band = merged;
        continue;
      }
      for (BandMask &mask : bands) {
        if (isNaNWhereHidden(mask) != infinite)
          continue;
        if (mask.addend.expr)
          addends.push_back(mask.addend);
        else if (mask.remainder)
          others[*mask.remainder] = mask.whole;
        else
          others.push_back(mask.whole);
      }
    }
    if (band.upper && !setMask(band))
      return false;
    return makeBias();
  }

  bool setMask(const Band &band) {
    Index upper = dims.resolve(*band.upper);
    plan.kind = MaskKind::Causal;
    if (band.lower) {
      // i + upper - W < j, so W = upper + lower + 1.
      Index width = dims.resolve(*band.upper + *band.lower + Index::of(1));
      if (!width.isConstant() || width.constant < 1)
        return miss("mask", "a window whose width is not known");
      plan.kind = MaskKind::Window;
      plan.window = width.constant;
    }
    std::optional<Index> keys = dims.extent(key);
    std::optional<Index> queries =
        query ? dims.extent(*query) : std::optional(Index::of(1));
    if (!upper.isConstant(0) && keys && queries &&
        upper == dims.resolve(*keys - *queries)) {
      plan.alignment = MaskAlignment::BottomRight;
      upper = Index();
    }
    plan.offset = upper;
    return true;
  }

  /// True if another mask is applied before `outer`, which replaces what that
  /// one hides by its own value: as terms of a bias the two would add up.
  bool addsUpInside(const Hidden &outer) const {
    auto inside = [&](const Hidden &mask) {
      return (std::isinf(mask.fill) || mask.additive) &&
             mask.order > outer.order;
    };
    return llvm::any_of(others, inside) ||
           llvm::any_of(
               bands, [&](const BandMask &mask) { return inside(mask.whole); });
  }

  bool makeBias() {
    const Expr *bias = nullptr;
    auto add = [&](const Expr *term) {
      bias = bias ? builder.make(Kind::Add, {bias, term}) : term;
    };
    for (const Addend &addend : addends)
      add(builder.make(Kind::Mul,
                       {builder.constant(addend.factor), addend.expr}));
    const double infinity = std::numeric_limits<double>::infinity();
    auto hide = [&](const Expr *visible, double fill) {
      add(builder.make(Kind::Select,
                       {visible, builder.constant(0), builder.constant(fill)}));
    };
    // Masks that replace scores by a finite value, outermost first.
    SmallVector<Hidden> replacing;
    for (const Hidden &mask : others) {
      bool exact = mask.additive || std::isinf(mask.fill) ||
                   hiddenRowsAreZero || assumptions.everyRowSeesAKey;
      if (exact)
        hide(mask.visible, hiddenRowsAreZero ? -infinity : mask.fill);
      else
        replacing.push_back(mask);
    }
    if (!replacing.empty()) {
      const Hidden &outer = replacing.front();
      const Expr *visible = nullptr;
      for (const Hidden &mask : replacing)
        visible = visible ? builder.make(Kind::And, {visible, mask.visible},
                                         mask.visible->type)
                          : mask.visible;
      if (!absorbs(outer.fill) ||
          llvm::any_of(
              replacing,
              [&](const Hidden &mask) { return mask.fill != outer.fill; }) ||
          addsUpInside(outer))
        return miss(
            "mask",
            llvm::formatv("a query may see no key, and then hidden scores of "
                          "{0} give the mean of the values; say "
                          "every-row-sees-a-key if that does not happen",
                          text(outer.fill)));
      hide(visible, outer.fill);
    }
    plan.bias = bias;
    return true;
  }

  /// A mask that is a band, perhaps with a remainder among `others`.
  struct BandMask {
    Band band;
    /// What to fall back to: the whole mask, or an addend.
    Hidden whole;
    Addend addend{0, nullptr};
    std::optional<size_t> remainder = std::nullopt;
  };
  bool isNaNWhereHidden(const BandMask &mask) const {
    return std::isinf(mask.whole.fill) || hiddenRowsAreZero ||
           assumptions.everyRowSeesAKey;
  }

  ExprBuilder &builder;
  DimSpace &dims;
  std::optional<DimId> query;
  DimId key;
  bool hiddenRowsAreZero;
  const MaskAssumptions &assumptions;
  MaskPlan &plan;
  Miss &miss;
  SmallVector<Hidden> hidden, others;
  SmallVector<Addend> addends;
  std::vector<BandMask> bands;
};
} // namespace

bool matchMask(ExprBuilder &builder, const Scores &scores,
               std::optional<DimId> query, DimId key, bool hiddenRowsAreZero,
               const MaskAssumptions &assumptions, MaskPlan &plan, Miss &miss) {
  return MaskMatcher(builder, query, key, hiddenRowsAreZero, assumptions, plan,
                     miss)
      .match(scores);
}

} // namespace ra::raise
