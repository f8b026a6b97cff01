//===- RecipeFuzzer.cpp - Hostile recipes ---------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Recipe.h"

#include <cstdlib>

using namespace ra::runtime;

/// Every text is an error or a recipe that the rules allow and that is read
/// back from its own text as it was.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Expected<Recipe> recipe =
      parseRecipe(std::string_view(reinterpret_cast<const char *>(data), size));
  if (!recipe) {
    if (recipe.message().empty())
      std::abort();
    return 0;
  }
  for (const LayerRecipe &layer : recipe->layers)
    if (!checkFold(foldFactsOf(layer)).empty() || layer.foldedHeadDim() <= 0)
      std::abort();
  const std::string text = recipeText(*recipe);
  Expected<Recipe> again = parseRecipe(text);
  if (!again || recipeText(*again) != text)
    std::abort();
  return 0;
}
