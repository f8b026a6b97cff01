//===- Gates.h - What the compiler knows of gates ---------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_GATES_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_GATES_H

#include "ra/Dialect/RA/IR/RAOps.h"

#include <optional>
#include <string>
#include <vector>

namespace ra::detail {

/// The values of a gate if they are known: those of a constant, or `byDefault`
/// when `gate` is null.
std::optional<std::vector<double>> getGateValues(mlir::Value gate,
                                                 double byDefault);

/// Error on a known negative gate of an op with the symmetric split, which has
/// no root of it.
llvm::LogicalResult checkGateSigns(ReciprocalAttentionOp op);

/// "rank 4, dims {60..63}" or "ranks 4, 4, 0".
std::string describeRanks(llvm::ArrayRef<llvm::SmallVector<int64_t>> dims);

} // namespace ra::detail

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_GATES_H
