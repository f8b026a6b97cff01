//===- OutputPlan.h - A file written group by group -------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A safetensors file begins with the places of all its tensors. So a conversion
// first plans what there will be, then makes and writes it, one group of
// tensors at a time.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_OUTPUTPLAN_H
#define RA_RUNTIME_LIB_OUTPUTPLAN_H

#include "ra/Runtime/Safetensors.h"

#include <functional>
#include <string>
#include <vector>

namespace ra::runtime {

class OutputPlan {
public:
  /// Makes the tensors of a group, in the order announced.
  using Maker = std::function<Expected<std::vector<Tensor>>()>;

  /// The bytes of a tensor of `file`, which must outlive the plan.
  void copy(const Safetensors &file, const TensorEntry &entry);

  /// Tensors that `make` gives when their turn comes.
  void add(std::vector<TensorEntry> entries, Maker make);

  /// Writes `path`, whole or not at all; its size in bytes.
  Expected<uint64_t> write(const std::string &path, const Metadata &metadata);

private:
  struct Group {
    std::vector<TensorEntry> entries;
    Maker make;
    const Safetensors *source = nullptr; ///< Copies only.
    const TensorEntry *sourceEntry = nullptr;
  };
  std::vector<Group> groups;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_OUTPUTPLAN_H
