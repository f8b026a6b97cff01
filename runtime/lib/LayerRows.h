//===- LayerRows.h - A layer's projections as rows of outputs ---*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_LAYERROWS_H
#define RA_RUNTIME_LIB_LAYERROWS_H

#include "ra/Runtime/Recipe.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime {

/// The projections of q, k and v, whatever the family: weights [rows, C] and
/// biases [rows]. v has no rows where only q and k are meant.
struct LayerRows {
  std::array<Tensor, 3> weights;
  std::array<std::optional<Tensor>, 3> biases;

  const Tensor *bias(size_t index) const {
    return biases[index] ? &*biases[index] : nullptr;
  }
};

/// Types of what a layer stores.
struct LayerTypes {
  ElementType weight = ElementType::F32;
  std::optional<ElementType> bias;
};

/// The types of `tensors` in `file`: of the weights, which must agree, and of
/// the biases of q and k, which must agree when both are there.
Expected<LayerTypes> layerTypes(const Safetensors &file,
                                const AttentionTensors &tensors);

/// Reads `rows` of `tensors` from `file`, each name with `suffix`. Views of the
/// file where its layout allows, else copies.
Expected<LayerRows> readLayerRows(const Safetensors &file,
                                  const AttentionTensors &tensors,
                                  const ProjectionRows &rows,
                                  std::string_view suffix = {});

/// Names, types and shapes of what packLayerRows() gives, in its order.
std::vector<TensorEntry> layerEntries(const AttentionTensors &tensors,
                                      const ProjectionRows &rows,
                                      int64_t channels, const LayerTypes &types,
                                      std::string_view suffix = {});

/// The tensors that hold `rows` in the layout of the family: weights in the
/// order q, k, v, then biases; tensors without rows are left out.
Expected<std::vector<Tensor>> packLayerRows(const AttentionTensors &tensors,
                                            const LayerRows &rows);

/// The output projection of `tensors`, which must be named, as [Cout, H * Dv].
Expected<Tensor> readOutputWeight(const Safetensors &file,
                                  const AttentionTensors &tensors);

/// Folds `spec` into `raw`, rounding once to `types`; v is converted.
Expected<LayerRows> foldLayerRows(const FoldSpec &spec, const LayerRows &raw,
                                  const LayerTypes &types);

/// All rows converted, with one rounding.
Expected<LayerRows> convertLayerRows(const LayerRows &rows,
                                     const LayerTypes &types);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_LAYERROWS_H
