//===- Gates.cpp - What the compiler knows of gates ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Gates.h"

#include "mlir/IR/Matchers.h"
#include "ra/Runtime/FoldRules.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace ra::detail {

std::optional<std::vector<double>> getGateValues(Value gate, double byDefault) {
  if (!gate)
    return std::vector<double>{byDefault};
  DenseFPElementsAttr constant;
  if (!matchPattern(gate, m_Constant(&constant)))
    return std::nullopt;
  std::vector<double> values;
  for (const APFloat &value : constant.getValues<APFloat>())
    values.push_back(value.convertToDouble());
  return values;
}

LogicalResult checkGateSigns(ReciprocalAttentionOp op) {
  if (op.getGateSplit() != GateSplit::Symmetric)
    return success();
  for (auto [gate, name] : {std::make_pair(op.getWStd(), StringRef("w_std")),
                            std::make_pair(op.getWRec(), StringRef("w_rec"))}) {
    std::optional<std::vector<double>> values = getGateValues(gate, 0.0);
    if (!values)
      continue;
    for (auto [head, value] : llvm::enumerate(*values))
      if (value < 0.0)
        return op.emitOpError()
               << "gate: " << name << "[" << head << "] = " << value
               << " is negative and the symmetric split needs its root; use "
                  "gate_split = #ra.gate_split<query>";
  }
  return success();
}

std::string describeRanks(ArrayRef<SmallVector<int64_t>> dims) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (llvm::all_equal(dims)) {
    os << "rank " << dims.front().size() << ", dims "
       << runtime::dimsString(
              std::vector<int64_t>(dims.front().begin(), dims.front().end()));
  } else {
    os << "ranks ";
    llvm::interleaveComma(dims, os, [&](const auto &low) { os << low.size(); });
  }
  return text;
}

} // namespace ra::detail
