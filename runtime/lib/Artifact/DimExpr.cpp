//===- DimExpr.cpp - Integer expressions over extents ---------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/DimExpr.h"

#include <algorithm>
#include <array>

using namespace ra::runtime;

DimExpr DimExpr::dim(uint32_t argument, uint32_t axis) {
  return fromNodes({{Op::Dim, 0, argument, axis}});
}

DimExpr DimExpr::binary(Op op, const DimExpr &left, const DimExpr &right) {
  DimExpr result = left;
  result.nodes.insert(result.nodes.end(), right.nodes.begin(),
                      right.nodes.end());
  result.nodes.push_back({op, 0, 0, 0});
  return result;
}

DimExpr DimExpr::fromNodes(std::vector<Node> nodes) {
  DimExpr result;
  result.nodes = std::move(nodes);
  return result;
}

bool DimExpr::isValid(const std::vector<size_t> &ranks) const {
  if (nodes.empty() || nodes.size() > kMaxNodes)
    return false;
  size_t depth = 0;
  for (const Node &node : nodes) {
    switch (node.op) {
    case Op::Constant:
      ++depth;
      break;
    case Op::Dim:
      if (node.argument >= ranks.size() || node.axis >= ranks[node.argument])
        return false;
      ++depth;
      break;
    default:
      if (static_cast<uint8_t>(node.op) >= kNumOps || depth < 2)
        return false;
      --depth;
    }
    if (depth > kMaxDepth)
      return false;
  }
  return depth == 1;
}

/// False when there is no result.
static bool apply(DimExpr::Op op, int64_t a, int64_t b, int64_t &result) {
  using Op = DimExpr::Op;
  switch (op) {
  case Op::Add:
    return !__builtin_add_overflow(a, b, &result);
  case Op::Sub:
    return !__builtin_sub_overflow(a, b, &result);
  case Op::Mul:
    return !__builtin_mul_overflow(a, b, &result);
  case Op::Min:
    result = std::min(a, b);
    return true;
  case Op::Max:
    result = std::max(a, b);
    return true;
  default:
    break;
  }
  if (a < 0 || b <= 0)
    return false;
  result = op == Op::Mod ? a % b : a / b + (op == Op::CeilDiv && a % b != 0);
  return true;
}

Expected<int64_t> DimExpr::evaluate(const std::vector<Shape> &shapes) const {
  std::vector<const int64_t *> extents;
  extents.reserve(shapes.size());
  for (const Shape &shape : shapes)
    extents.push_back(shape.data());
  return evaluate(extents.data());
}

Expected<int64_t> DimExpr::evaluate(const int64_t *const *shapes) const {
  std::array<int64_t, kMaxDepth> stack;
  size_t depth = 0;
  for (const Node &node : nodes) {
    if (node.op == Op::Constant) {
      stack[depth++] = node.value;
    } else if (node.op == Op::Dim) {
      stack[depth++] = shapes[node.argument][node.axis];
    } else {
      --depth;
      int64_t result = 0;
      if (!apply(node.op, stack[depth - 1], stack[depth], result))
        return fail("the expression " + toString() +
                    " overflows or divides by zero for these shapes");
      stack[depth - 1] = result;
    }
  }
  return stack[0];
}

std::string DimExpr::toString() const {
  static constexpr const char *names[] = {
      "",           "",          " + ",   " - ", " * ",
      " floordiv ", " ceildiv ", " mod ", ", ",  ", "};
  std::vector<std::string> stack;
  for (const Node &node : nodes) {
    if (node.op == Op::Constant) {
      stack.push_back(std::to_string(node.value));
      continue;
    }
    if (node.op == Op::Dim) {
      stack.push_back("a" + std::to_string(node.argument) + "[" +
                      std::to_string(node.axis) + "]");
      continue;
    }
    std::string right = std::move(stack.back());
    stack.pop_back();
    std::string joined = node.op == Op::Min   ? "min("
                         : node.op == Op::Max ? "max("
                                              : "(";
    joined += stack.back();
    joined += names[static_cast<size_t>(node.op)];
    joined += right;
    joined += ")";
    stack.back() = std::move(joined);
  }
  std::string text = std::move(stack.back());
  // Of a whole expression, the outermost parentheses say nothing.
  if (text.front() == '(')
    text = text.substr(1, text.size() - 2);
  return text;
}
