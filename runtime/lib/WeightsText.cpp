//===- WeightsText.cpp - Lists and gates as a person writes them ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/WeightsText.h"

#include "Text.h"
#include "ra/Runtime/MappedFile.h"
#include "ra/Runtime/Npy.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

using namespace ra::runtime;

namespace {

/// All of `text` as a whole number >= 0.
std::optional<int64_t> wholeNumber(std::string_view text) {
  int64_t value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() ||
      end != text.data() + text.size() || value < 0 || text[0] == '-')
    return std::nullopt;
  return value;
}

/// Calls `take` with what lies between any of `separators`; stops when it
/// returns false.
template <typename Take>
bool split(std::string_view text, std::string_view separators, Take take) {
  while (true) {
    const size_t end = text.find_first_of(separators);
    if (!take(text.substr(0, end)))
      return false;
    if (end == std::string_view::npos)
      return true;
    text.remove_prefix(end + 1);
  }
}

std::optional<double> finiteNumber(std::string_view text) {
  // from_chars takes no sign '+', which people write.
  if (text.size() > 1 && text[0] == '+' && text[1] != '-')
    text.remove_prefix(1);
  double value = 0.0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() ||
      end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// Numbers of one row; `spaces` separate as well as commas do.
Expected<std::vector<double>> gateRow(std::string_view text, bool spaces) {
  std::vector<double> row;
  std::string wrong;
  auto one = [&](std::string_view part) {
    std::optional<double> value = finiteNumber(part);
    if (!value)
      wrong = quoted(part) + " is not a finite number";
    else
      row.push_back(*value);
    return value.has_value();
  };
  split(text, ",", [&](std::string_view part) {
    if (!spaces)
      return one(part);
    const size_t before = row.size();
    const bool good = split(part, " \t", [&](std::string_view word) {
      return word.empty() || one(word);
    });
    if (good && row.size() == before)
      wrong = "a number is missing beside a comma";
    return wrong.empty();
  });
  if (!wrong.empty())
    return fail(wrong);
  if (row.empty())
    return fail("no number");
  return row;
}

Expected<GateTable> readGateNpy(const std::string &path) {
  Expected<Tensor> array = readNpy(path);
  if (!array)
    return array.takeFailure();
  if (!isFloat(array->elementType()) || array->rank() > 2 ||
      array->numElements() == 0)
    return fail(path + ": is " +
                shapeString(array->shape(), array->elementType()) +
                "; gates are floating point, one number, [heads], [layers, 1] "
                "or [layers, heads]");
  const std::vector<double> values = array->readAsDoubles();
  if (!std::all_of(values.begin(), values.end(),
                   [](double value) { return std::isfinite(value); }))
    return fail(path + ": a gate is not finite");
  const auto columns = static_cast<size_t>(
      array->rank() == 0 ? int64_t(1) : array->shape().back());
  GateTable table;
  for (size_t begin = 0; begin < values.size(); begin += columns)
    table.rows.emplace_back(values.begin() + static_cast<int64_t>(begin),
                            values.begin() +
                                static_cast<int64_t>(begin + columns));
  return table;
}

} // namespace

Expected<std::vector<int64_t>>
ra::runtime::parseIndices(std::string_view text) {
  constexpr int64_t limit = int64_t(1) << 20;
  std::vector<int64_t> indices;
  std::string wrong;
  split(text, ",", [&](std::string_view part) {
    const size_t dash = part.find('-');
    const std::optional<int64_t> first = wholeNumber(part.substr(0, dash));
    const std::optional<int64_t> last =
        dash == std::string_view::npos ? first
                                       : wholeNumber(part.substr(dash + 1));
    if (!first || !last || *first > *last || *last > limit)
      wrong = quoted(part) +
              " is neither an index nor a range such as 0-3 (at most 2^20)";
    else
      for (int64_t index = *first; index <= *last; ++index)
        indices.push_back(index);
    // Ranges that overlap could go on for ever.
    if (wrong.empty() && indices.size() > 2 * static_cast<size_t>(limit))
      wrong = "too many indices";
    return wrong.empty();
  });
  if (!wrong.empty())
    return fail(wrong);
  std::sort(indices.begin(), indices.end());
  auto twice = std::adjacent_find(indices.begin(), indices.end());
  if (twice != indices.end())
    return fail(std::to_string(*twice) + " is given twice");
  return indices;
}

Expected<std::vector<int64_t>>
ra::runtime::parseWholeNumbers(std::string_view text) {
  std::vector<int64_t> numbers;
  std::string wrong;
  split(text, ",", [&](std::string_view part) {
    if (std::optional<int64_t> value = wholeNumber(part))
      numbers.push_back(*value);
    else
      wrong = quoted(part) + " is not a whole number >= 0";
    return wrong.empty();
  });
  if (!wrong.empty())
    return fail(wrong);
  return numbers;
}

Expected<GateTable> ra::runtime::parseGateLines(std::string_view text) {
  GateTable table;
  std::string wrong;
  size_t line = 0;
  split(text, "\n", [&](std::string_view part) {
    ++line;
    if (!part.empty() && part.back() == '\r')
      part.remove_suffix(1);
    if (part.find_first_not_of(" \t") == std::string_view::npos)
      return true;
    Expected<std::vector<double>> row = gateRow(part, true);
    if (!row)
      wrong = "line " + std::to_string(line) + ": " + row.message();
    else
      table.rows.push_back(std::move(*row));
    return wrong.empty();
  });
  if (!wrong.empty())
    return fail(wrong);
  if (table.rows.empty())
    return fail("no gates");
  return table;
}

Expected<GateTable> ra::runtime::parseGates(std::string_view text) {
  if (text.empty() || text[0] != '@') {
    Expected<std::vector<double>> row = gateRow(text, false);
    if (!row)
      return row.takeFailure();
    return GateTable{{std::move(*row)}};
  }
  const std::string path(text.substr(1));
  constexpr std::string_view npy = ".npy";
  if (path.size() >= npy.size() &&
      path.compare(path.size() - npy.size(), npy.size(), npy) == 0)
    return readGateNpy(path);
  Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeFailure();
  Expected<GateTable> table =
      parseGateLines(std::string_view((*file)->data(), (*file)->size()));
  if (!table)
    return fail(path + ": " + table.message());
  return table;
}
