//===- DimExpr.h - Integer expressions over extents -------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What an artifact knows only when it runs - extents of results, sizes of
// buffers, grids of kernels - is an expression over the extents of a function's
// arguments. Artifacts come from elsewhere, so evaluation trusts nothing: depth
// is bounded, every operation is checked for overflow.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_DIMEXPR_H
#define RA_RUNTIME_DIMEXPR_H

#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ra::runtime {

/// An expression in postfix form.
class DimExpr {
public:
  /// Division is of numbers that are not negative by positive ones, and an
  /// error otherwise: all conventions agree there.
  enum class Op : uint8_t {
    Constant, ///< `value`
    Dim,      ///< extent `axis` of argument `argument`
    Add,
    Sub,
    Mul,
    FloorDiv,
    CeilDiv,
    Mod,
    Min,
    Max
  };
  static constexpr uint8_t kNumOps = 10;
  struct Node {
    Op op = Op::Constant;
    int64_t value = 0;
    uint32_t argument = 0, axis = 0;
  };
  /// The longest expression, in nodes, and the deepest, in numbers at a time.
  static constexpr size_t kMaxNodes = 1024;
  static constexpr size_t kMaxDepth = 64;

  /// The constant 0.
  DimExpr() : DimExpr(0) {}
  DimExpr(int64_t value) : nodes{{Op::Constant, value, 0, 0}} {}
  static DimExpr dim(uint32_t argument, uint32_t axis);
  static DimExpr binary(Op op, const DimExpr &left, const DimExpr &right);

  /// An expression of these nodes; whether they are one, isValid() says.
  static DimExpr fromNodes(std::vector<Node> nodes);
  const std::vector<Node> &getNodes() const { return nodes; }

  /// True when the nodes form one expression within the limits, and every
  /// extent is one of arguments with these ranks.
  bool isValid(const std::vector<size_t> &ranks) const;

  /// The value for arguments of these shapes, which have the ranks that
  /// isValid() was asked about. Fails on overflow and on a bad division, with
  /// the expression in the message.
  Expected<int64_t> evaluate(const std::vector<Shape> &shapes) const;
  /// The same for extents in memory; allocates only for a message.
  Expected<int64_t> evaluate(const int64_t *const *shapes) const;

  /// Infix, extents as "a0[1]": argument 0, axis 1.
  std::string toString() const;

private:
  std::vector<Node> nodes;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_DIMEXPR_H
