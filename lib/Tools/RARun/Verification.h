//===- Verification.h - Results against the interpreter ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_TOOLS_RARUN_VERIFICATION_H
#define RA_LIB_TOOLS_RARUN_VERIFICATION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "ra/Reference/Compare.h"
#include "ra/Tools/RARun.h"

#include <string>

namespace ra::tools {

/// What the interpreter makes of an entry: the f64 reference and the yardstick.
struct ReferenceResults {
  llvm::SmallVector<runtime::Tensor> exact, yardstick;
  double exactSeconds = 0, yardstickSeconds = 0;
};

/// Evaluates `entry`, as the user wrote it; with `baseline`, a copy of its
/// module in which ra.reciprocal_attention is ra.attention. On failure the
/// diagnostics have been emitted.
llvm::FailureOr<ReferenceResults>
evaluateReference(mlir::func::FuncOp entry, bool baseline,
                  llvm::ArrayRef<runtime::Tensor> inputs, unsigned threads);

/// One result, judged.
struct ResultVerdict {
  reference::Comparison error;
  double yardstick = 0;
  reference::Verdict verdict;
};

/// Judges every result. The message of a failure names the result that has not
/// the reference's shape.
runtime::Expected<llvm::SmallVector<ResultVerdict>>
judgeResults(llvm::ArrayRef<runtime::Tensor> results,
             const ReferenceResults &reference);

/// "Result 0: max error ...; at [1, 2]: got 3, reference 4".
std::string describeMismatch(unsigned index, const runtime::Tensor &result,
                             const ResultVerdict &verdict);

} // namespace ra::tools

#endif // RA_LIB_TOOLS_RARUN_VERIFICATION_H
