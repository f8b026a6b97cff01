//===- Npy.h - NumPy array files --------------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reading and writing .npy files (format versions 1, 2 and 3). The reader is
// strict: what it does not understand it refuses, and it never trusts a size.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_NPY_H
#define RA_RUNTIME_NPY_H

#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstddef>
#include <memory>
#include <string>

namespace ra::runtime {

struct NpyReadOptions {
  /// Take two-byte void elements ('<V2', as ml_dtypes writes bfloat16) as
  /// BF16. NumPy has no name for bfloat16, so the caller must ask for it; all
  /// other types are read as they are.
  bool voidIsBF16 = false;
};

/// Reads the array in the file `path`: little-endian f2 f4 f8, i1 i2 i4 i8, u1
/// u2 u4 u8, b1, in C order. The bytes stay in the mapped file where they are
/// aligned for their type. Refused, with the path and the reason: another
/// magic or version, a header that is cut, larger than 64 KiB or not exactly
/// {'descr', 'fortran_order', 'shape'}, big-endian, structured and object
/// types, fortran_order True, shapes whose size overflows, data that is shorter
/// or longer than the shape says.
Expected<Tensor> readNpy(const std::string &path, NpyReadOptions options = {});

/// The same on bytes in memory; `name` stands for the path in messages. The
/// tensor may point into `data`, which `owner` keeps alive.
Expected<Tensor> parseNpy(const char *data, size_t size,
                          const std::shared_ptr<const void> &owner,
                          const std::string &name, NpyReadOptions options = {});

/// Writes `tensor` to `path`, whole or not at all. BF16 becomes '<V2'. The data
/// starts at a multiple of 64 bytes.
Status writeNpy(const std::string &path, const Tensor &tensor);

} // namespace ra::runtime

#endif // RA_RUNTIME_NPY_H
