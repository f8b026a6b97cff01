//===- Inputs.h - Tensors for the arguments of an entry ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_TOOLS_RARUN_INPUTS_H
#define RA_LIB_TOOLS_RARUN_INPUTS_H

#include "DimNames.h"
#include "ra/Runtime/Tensor.h"
#include "ra/Tools/RARun.h"
#include "ra/Tools/WeightsModule.h"

namespace ra::tools {

/// One tensor for each argument of `entry`, as the options' inputs and seed
/// ask; dynamic dims have the extents of `dims`. An argument without an input
/// is random, by what it is used for:
///
///   rotary tables   cos and sin of t * 10000^(-2f/rot)
///   gates           uniform(0.05, 1)
///   other parameters  uniform(-1/sqrt(C), 1/sqrt(C)), C the last extent
///   anything else   normal(0, 1)
///
/// Argument N draws from stream N of the seed. With `weights`, what would be
/// random takes the layer's parameters, and tables its base. The message of a
/// failure names the argument and says what to do.
runtime::Expected<std::vector<runtime::Tensor>>
makeInputs(mlir::func::FuncOp entry, const ModuleOptions &options,
           llvm::ArrayRef<DimExtent> dims,
           const WeightsModule *weights = nullptr);

/// What the reference takes in the place of `inputs`: parameters of a layer
/// before they were rounded to the type of their argument.
std::vector<runtime::Tensor> makeExact(llvm::ArrayRef<runtime::Tensor> inputs,
                                       const WeightsModule *weights);

/// What makeInputs() gives to an argument of this shape without an input, as
/// runtime::makeDefaultInput() takes it.
std::string defaultInput(mlir::func::FuncOp entry, unsigned index,
                         const runtime::Shape &shape);

} // namespace ra::tools

#endif // RA_LIB_TOOLS_RARUN_INPUTS_H
