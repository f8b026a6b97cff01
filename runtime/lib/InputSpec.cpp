//===- InputSpec.cpp - Where the data of an argument comes from -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/InputSpec.h"

#include "Text.h"
#include "ra/Runtime/Npy.h"
#include "ra/Runtime/Safetensors.h"

#include <algorithm>
#include <charconv>
#include <cmath>

using namespace ra::runtime;

namespace {

constexpr std::string_view kForms =
    "write @file.npy, @file.safetensors#name, normal(mean,std), "
    "uniform(lo,hi) or 2x3xf32=1,2,...";
constexpr std::string_view kCast = ":cast";

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

bool consumeSuffix(std::string_view &text, std::string_view suffix) {
  if (text.size() < suffix.size() ||
      text.substr(text.size() - suffix.size()) != suffix)
    return false;
  text.remove_suffix(suffix.size());
  return true;
}

bool endsWith(std::string_view text, std::string_view suffix) {
  return consumeSuffix(text, suffix);
}

Expected<double> parseNumber(std::string_view text) {
  const std::string_view body = trim(text);
  double value = 0.0;
  const auto [end, error] =
      std::from_chars(body.data(), body.data() + body.size(), value);
  if (error == std::errc::result_out_of_range)
    return fail("the number " + quoted(body) + " is out of range");
  if (body.empty() || error != std::errc() || end != body.data() + body.size())
    return fail(quoted(body) + " is not a number");
  return value;
}

Expected<InputSpec> parseFile(InputSpec spec, std::string_view body) {
  spec.cast = consumeSuffix(body, kCast);
  constexpr std::string_view separator = ".safetensors#";
  if (const size_t at = body.find(separator); at != std::string_view::npos) {
    spec.kind = InputSpec::Kind::Safetensors;
    spec.path = body.substr(0, at + separator.size() - 1);
    spec.tensorName = body.substr(at + separator.size());
    if (spec.tensorName.empty())
      return fail("names no tensor after '#'");
    return spec;
  }
  if (endsWith(body, ".safetensors"))
    return fail("names no tensor; write " +
                quoted("@" + std::string(body) + "#tensor.name"));
  if (!endsWith(body, ".npy"))
    return fail("the file must end in .npy or .safetensors#name");
  spec.kind = InputSpec::Kind::Npy;
  spec.path = body;
  return spec;
}

Expected<InputSpec> parseRandom(InputSpec spec, std::string_view arguments) {
  const bool normal = spec.kind == InputSpec::Kind::Normal;
  const char *form = normal ? "normal(mean,std)" : "uniform(lo,hi)";
  const size_t comma = arguments.find(',');
  if (comma == std::string_view::npos || arguments.back() != ')')
    return fail(std::string("must have the form ") + form);
  arguments.remove_suffix(1);
  Expected<double> first = parseNumber(arguments.substr(0, comma));
  if (!first)
    return first.takeFailure();
  Expected<double> second = parseNumber(arguments.substr(comma + 1));
  if (!second)
    return second.takeFailure();
  spec.first = *first;
  spec.second = *second;
  if (!std::isfinite(*first) || !std::isfinite(*second) ||
      !std::isfinite(*second - *first))
    return fail(std::string("the numbers of ") + form + " must be finite");
  if (normal && *second < 0.0)
    return fail("the standard deviation is negative");
  if (!normal && *second < *first)
    return fail("the upper bound is below the lower bound");
  return spec;
}

/// A literal's numbers are f64; an integer beyond 2^53 would silently change.
Status checkLiteral(ElementType type, double value, std::string_view text) {
  if (isFloat(type))
    return Status::success();
  if (std::abs(value) <= 0x1p53 && std::nearbyint(value) == value &&
      roundToType(type, value) == value)
    return Status::success();
  return fail(quoted(trim(text)) + " is not a value of " +
              std::string(elementTypeName(type)) +
              (std::abs(value) > 0x1p53
                   ? "; whole numbers beyond 2^53 need a file"
                   : ""));
}

Expected<InputSpec> parseLiteral(InputSpec spec, std::string_view type,
                                 std::string_view list) {
  spec.kind = InputSpec::Kind::Literal;
  constexpr size_t maxRank = 64;
  for (size_t at = type.find('x'); at != std::string_view::npos;
       at = type.find('x')) {
    const std::string_view extent = type.substr(0, at);
    int64_t value = 0;
    const auto [end, error] =
        std::from_chars(extent.data(), extent.data() + extent.size(), value);
    if (extent.empty() || error != std::errc() ||
        end != extent.data() + extent.size() || value < 0)
      return fail(quoted(extent) + " is not an extent; " + std::string(kForms));
    if (spec.shape.size() == maxRank)
      return fail("more than 64 axes");
    spec.shape.push_back(value);
    type.remove_prefix(at + 1);
  }
  std::optional<ElementType> known = parseElementType(type);
  if (!known)
    return fail(quoted(type) + " is not an element type; known are f64 f32 f16 "
                               "bf16 i64 i32 i16 i8 ui64 ui32 ui16 ui8 i1");
  spec.type = *known;
  Expected<size_t> bytes = checkedByteSize(spec.shape, spec.type);
  if (!bytes)
    return bytes.takeFailure();

  while (true) {
    const size_t comma = list.find(',');
    const std::string_view item = list.substr(0, comma);
    Expected<double> value = parseNumber(item);
    if (!value)
      return value.takeFailure();
    Status status = checkLiteral(spec.type, *value, item);
    if (!status.ok())
      return status.takeFailure();
    spec.values.push_back(*value);
    if (comma == std::string_view::npos)
      break;
    list.remove_prefix(comma + 1);
  }
  const size_t elements = *bytes / elementSize(spec.type);
  if (spec.values.size() != 1 && spec.values.size() != elements)
    return fail(shapeString(spec.shape, spec.type) + " has " +
                std::to_string(elements) + " elements, " +
                std::to_string(spec.values.size()) +
                " values are given; give one value for all, or each one");
  return spec;
}

Expected<InputSpec> parse(std::string_view text) {
  InputSpec spec;
  spec.text = text;
  if (!text.empty() && text[0] == '@')
    return parseFile(std::move(spec), text.substr(1));
  for (const auto &[name, kind] :
       {std::pair(std::string_view("normal("), InputSpec::Kind::Normal),
        std::pair(std::string_view("uniform("), InputSpec::Kind::Uniform)}) {
    if (text.substr(0, name.size()) != name)
      continue;
    spec.kind = kind;
    return parseRandom(std::move(spec), text.substr(name.size()));
  }
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return fail("not an input; " + std::string(kForms));
  return parseLiteral(std::move(spec), trim(text.substr(0, equals)),
                      text.substr(equals + 1));
}

/// The data must fit the argument; `remedy` ends the message about the type.
Status checkFits(const Shape &shape, ElementType have, const Shape &dims,
                 ElementType want, bool typeMayDiffer,
                 const std::string &remedy) {
  bool fits = shape.size() == dims.size();
  for (size_t axis = 0; fits && axis < dims.size(); ++axis)
    fits = dims[axis] < 0 || dims[axis] == shape[axis];
  const std::string both = "the data is " + shapeString(shape, have) +
                           ", the argument is " + shapeString(dims, want);
  if (!fits)
    return fail(both + "; give data of the argument's shape");
  if (have != want && !typeMayDiffer)
    return fail(both + "; " + remedy);
  return Status::success();
}

Expected<Tensor> fromFile(const InputSpec &spec, ElementType type,
                          const Shape &dims) {
  auto load = [&]() -> Expected<Tensor> {
    if (spec.kind == InputSpec::Kind::Npy)
      return readNpy(spec.path, {/*voidIsBF16=*/type == ElementType::BF16});
    Expected<Safetensors> file = Safetensors::open(spec.path);
    if (!file)
      return file.takeFailure();
    return file->get(spec.tensorName);
  };
  Expected<Tensor> tensor = load();
  if (!tensor)
    return tensor;
  const std::string name(elementTypeName(type));
  const std::string remedy =
      isFloat(type)
          ? "append ':cast' to convert it with one rounding, or give " + name +
                " data"
          : "an argument of " + name + " takes " + name +
                " data only; convert the file";
  Status status =
      checkFits(tensor->shape(), tensor->elementType(), dims, type,
                /*typeMayDiffer=*/spec.cast && isFloat(type), remedy);
  if (!status.ok())
    return status.takeFailure();
  return tensor->convertTo(type);
}

Expected<Tensor> fromRandom(const InputSpec &spec, ElementType type,
                            const Shape &dims, RandomStream random) {
  for (size_t axis = 0; axis < dims.size(); ++axis)
    if (dims[axis] < 0)
      return fail("the argument is " + shapeString(dims, type) +
                  " and random data has no extent for axis " +
                  std::to_string(axis) + "; fix it with --dim=ARG." +
                  std::to_string(axis) + "=N");
  if (type == ElementType::I1)
    return fail("the argument is " + shapeString(dims, type) +
                ", which has no random form; give a file or a literal");
  Expected<Tensor> tensor = Tensor::create(dims, type);
  if (!tensor)
    return tensor;
  constexpr int64_t chunk = 4096;
  std::vector<double> values(chunk);
  for (int64_t begin = 0; begin < tensor->numElements(); begin += chunk) {
    const int64_t count = std::min(chunk, tensor->numElements() - begin);
    const auto from = static_cast<uint64_t>(begin);
    const auto number = static_cast<uint64_t>(count);
    if (spec.kind == InputSpec::Kind::Normal)
      random.normal(spec.first, spec.second, from, number, values.data());
    else
      random.uniform(spec.first, spec.second, from, number, values.data());
    tensor->writeDoubles(begin, count, values.data());
  }
  return tensor;
}

Expected<Tensor> fromLiteral(const InputSpec &spec, ElementType type,
                             const Shape &dims) {
  Status status = checkFits(
      spec.shape, spec.type, dims, type, /*typeMayDiffer=*/false,
      "write the literal as " + quoted(shapeString(spec.shape, type) + "=..."));
  if (!status.ok())
    return status.takeFailure();
  if (spec.values.size() != 1)
    return Tensor::fromDoubles(spec.shape, type, spec.values);
  Expected<Tensor> tensor = Tensor::create(spec.shape, type);
  if (tensor)
    for (int64_t i = 0; i < tensor->numElements(); ++i)
      tensor->set(i, spec.values[0]);
  return tensor;
}

} // namespace

Expected<InputSpec> ra::runtime::parseInputSpec(std::string_view text) {
  Expected<InputSpec> spec = parse(text);
  if (!spec)
    return fail("input " + quoted(text) + ": " + spec.message());
  return spec;
}

Expected<Tensor> ra::runtime::materialise(const InputSpec &spec,
                                          ElementType type, const Shape &dims,
                                          RandomStream random) {
  auto make = [&]() -> Expected<Tensor> {
    switch (spec.kind) {
    case InputSpec::Kind::Npy:
    case InputSpec::Kind::Safetensors:
      return fromFile(spec, type, dims);
    case InputSpec::Kind::Normal:
    case InputSpec::Kind::Uniform:
      return fromRandom(spec, type, dims, random);
    case InputSpec::Kind::Literal:
      return fromLiteral(spec, type, dims);
    }
    return fail("unknown kind");
  };
  Expected<Tensor> tensor = make();
  if (!tensor)
    return fail("input " + quoted(spec.text) + ": " + tensor.message());
  return tensor;
}
