//===- Interpreter.h - The reference interpreter of modules -----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The oracle of every other part: it walks a module as the user wrote it, no
// pass has touched it, and evaluates each op from its definition. `ra` ops
// follow the formulas in their descriptions (RAOps.td); upstream ops follow
// theirs. It shares those definitions with the compiler and nothing else: no
// pass, no lowering, no folder, no weight folding.
//
//===----------------------------------------------------------------------===//

#ifndef RA_REFERENCE_INTERPRETER_H
#define RA_REFERENCE_INTERPRETER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "ra/Runtime/Tensor.h"

namespace ra::reference {

/// What a floating-point value is kept in.
enum class Precision {
  /// The reference. Every floating-point value is an f64, whatever its type in
  /// the IR; inputs are taken as they are given; casts between float types
  /// change nothing.
  F64,
  /// The yardstick: what correct f32 arithmetic on the IR's storage types may
  /// lose. Inputs are rounded to the type of their argument, every result of
  /// an op to its type in the IR, and what an op does inside is f32 (f64 where
  /// the IR says f64). In particular:
  ///
  /// * `ra.linear` accumulates in f32 and rounds its result once.
  /// * `ra.attention` and `ra.reciprocal_attention` take f32 scores and
  ///   softmax, round the probabilities P to the query's element type before
  ///   they meet v, accumulate in f32 and round the result.
  /// * `ra.reciprocal_attention` sees its gates, P and basis as folded weights
  ///   would bring them: what multiplies a query or key row (root or whole gate
  ///   by `gate_split`, the product with P or basis, the mean over a group) is
  ///   computed in f32 and the product is rounded once more to the storage
  ///   type. A folded weight a * W rounded to the storage type moves the
  ///   projection a * q by about one rounding of its typical size: each of C
  ///   independent weights is off by at most half a unit in its last place,
  ///   and the sum over C of x times those errors has the spread of x * W
  ///   times that unit. One rounding of a * q has the same spread, and needs no
  ///   look at where q came from. Where the symmetric split has no root (a
  ///   negative gate) the query side takes the whole gate.
  /// * `linalg` and `arith` ops round after every operation, as the IR says: a
  ///   16-bit accumulator is rounded at every step.
  Storage
};

struct InterpreterOptions {
  Precision precision = Precision::F64;
  /// Threads for large ops; 0 means as many as the machine has. The results do
  /// not depend on it beyond the order of sums inside a dense product.
  unsigned numThreads = 0;
};

/// Evaluates `entry` on `args`, one tensor for each argument (rank 0 for an
/// argument that is a scalar), and returns one tensor for each result.
///
/// Argument element types need not be those of the IR: floats take any float
/// tensor, integers and `index` any integer tensor. Float results are F64
/// tensors under Precision::F64, and of the IR's type under Precision::Storage
/// (F32 for a type that tensors do not know); integer results have the IR's
/// type, `index` is I64. Quantised tensors are passed as their storage
/// integers.
///
/// Supported are the ops of `ra`, `func.call`, `arith`, `math`, `tensor`
/// without `scatter`, every structured op of `linalg` and `linalg.softmax`,
/// `scf.if`, `scf.for`, `affine.apply`/`min`/`max` and `quant` casts, on ranked
/// tensors and scalars of float, integer (64 bits or fewer) and index type.
/// `quant.qcast` rounds to nearest even. The elements of `tensor.empty` and of
/// the other undefined values are NaN (integers: 0), so that reading one shows.
///
/// Fails, after one diagnostic at the op or function concerned, on an op or
/// type that is not supported, arguments that do not fit, shapes that do not
/// agree at run time, an index out of bounds, a division of integers by zero,
/// calls nested deeper than 64, and when memory runs out.
llvm::FailureOr<llvm::SmallVector<runtime::Tensor>>
evaluate(mlir::func::FuncOp entry, llvm::ArrayRef<runtime::Tensor> args,
         const InterpreterOptions &options = {});

} // namespace ra::reference

#endif // RA_REFERENCE_INTERPRETER_H
