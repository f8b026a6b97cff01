//===- InputSpec.h - Where the data of an argument comes from ---*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The grammar of `--input=SPEC`:
//
//   spec    := file | random | literal
//   file    := '@' PATH.npy [':cast']
//            | '@' PATH.safetensors '#' NAME [':cast']
//   random  := ('normal' | 'uniform') '(' number ',' number ')'
//   literal := [ dims 'x' ] type '=' number { ',' number }
//   dims    := extent { 'x' extent }
//
//   @x.npy                       the array, which must have the argument's type
//   @model.safetensors#h.0.w     one tensor of a file
//   @x.npy:cast                  the same, converted, with one rounding
//   normal(0,0.02)               mean, standard deviation
//   uniform(-1,1)                lower bound, upper bound
//   2x3xf32=1,2,3,4,5,6          row-major values
//   8x64xf16=0.5                 one value for all elements
//   f32=1                        a scalar
//
// Spaces are allowed around the numbers of a random spec and of a literal. A
// name after '#' may contain anything; ':cast' at the very end is always the
// suffix.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_INPUTSPEC_H
#define RA_RUNTIME_INPUTSPEC_H

#include "ra/Runtime/Random.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime {

/// A parsed spec; which members count depends on the kind.
struct InputSpec {
  enum class Kind { Npy, Safetensors, Normal, Uniform, Literal };

  Kind kind = Kind::Normal;
  std::string text; ///< As it was given.

  std::string path;       ///< Npy, Safetensors
  std::string tensorName; ///< Safetensors
  bool cast = false;      ///< Npy, Safetensors: ':cast' was given

  /// Normal: mean and standard deviation; Uniform: lower and upper bound.
  double first = 0.0, second = 1.0;

  /// Literal: its own type, shape, and one value or one per element.
  ElementType type = ElementType::F32;
  Shape shape;
  std::vector<double> values;
};

/// Parses `text`. Numbers are decimal, independent of the locale, finite except
/// that a floating-point literal may say inf, -inf or nan. Files are not opened
/// yet.
Expected<InputSpec> parseInputSpec(std::string_view text);

/// Makes the tensor for an argument of `type` and `dims`, where -1 stands for a
/// dynamic extent that the data decides.
///
/// Random numbers (see Random.h) are made in f64 at the row-major index and
/// rounded once to `type`; they need every extent. Data from files and literals
/// must have the argument's type and rank and agree with its static extents.
/// Nothing is converted silently: a file of another type is an error unless the
/// spec ends in ':cast', which converts, with one rounding, to a floating-point
/// argument (never to an integer one). Two-byte voids in .npy files are bf16
/// for bf16 arguments.
Expected<Tensor> materialise(const InputSpec &spec, ElementType type,
                             const Shape &dims, RandomStream random);

} // namespace ra::runtime

#endif // RA_RUNTIME_INPUTSPEC_H
