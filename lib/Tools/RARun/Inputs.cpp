//===- Inputs.cpp - Tensors for the arguments of an entry -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inputs.h"

#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Runtime/DefaultInput.h"
#include "ra/Runtime/InputSpec.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <map>

using namespace mlir;
using namespace ra;
using runtime::Tensor;

namespace {
/// What an argument is used for, as far as its default value goes.
enum class Role { Activation, Parameter, Gate, Cos, Sin };
} // namespace

static Role getRole(func::FuncOp entry, unsigned index) {
  for (OpOperand &use : entry.getArgument(index).getUses()) {
    Value value = use.get();
    if (auto op = dyn_cast<ReciprocalAttentionOp>(use.getOwner()))
      if (value == op.getWStd() || value == op.getWRec())
        return Role::Gate;
    if (auto op = dyn_cast<FoldWeightsOp>(use.getOwner()))
      if (value == op.getWStd() || value == op.getWRec())
        return Role::Gate;
    if (auto op = dyn_cast<RopeOp>(use.getOwner())) {
      if (use.getOperandNumber() == 1)
        return Role::Cos;
      if (use.getOperandNumber() == 2)
        return Role::Sin;
    }
  }
  if (entry.getArgAttr(index, RADialect::getParameterAttrName()))
    return Role::Parameter;
  return Role::Activation;
}

static std::optional<runtime::ElementType> toElementType(Type type) {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << type;
  return type.isIndex() ? runtime::ElementType::I64
                        : runtime::parseElementType(name);
}

static bool isRotaryTable(func::FuncOp entry, unsigned index,
                          const runtime::Shape &shape) {
  Role role = getRole(entry, index);
  return (role == Role::Cos || role == Role::Sin) && shape.size() >= 2;
}

std::string tools::defaultInput(func::FuncOp entry, unsigned index,
                                const runtime::Shape &shape) {
  Role role = getRole(entry, index);
  if (isRotaryTable(entry, index, shape))
    return role == Role::Cos ? "rotary-cos" : "rotary-sin";
  if (role == Role::Gate)
    return "uniform(0.05,1)";
  if (role != Role::Parameter)
    return "normal(0,1)";
  double bound = 1.0;
  if (!shape.empty() && shape.back() > 0)
    bound = 1.0 / std::sqrt(static_cast<double>(shape.back()));
  return llvm::formatv("uniform(-{0:f9},{0:f9})", bound);
}

/// "N:rest" to N and rest; nothing when `text` has no such prefix.
static std::optional<std::pair<unsigned, std::string>>
splitIndex(StringRef text) {
  size_t digits = text.find_first_not_of("0123456789");
  unsigned index;
  if (digits == 0 || digits == StringRef::npos || text[digits] != ':' ||
      text.take_front(digits).getAsInteger(10, index))
    return std::nullopt;
  return std::make_pair(index, text.drop_front(digits + 1).str());
}

runtime::Expected<std::vector<Tensor>>
tools::makeInputs(func::FuncOp entry, const ModuleOptions &options,
                  ArrayRef<DimExtent> dims, const WeightsModule *weights) {
  unsigned count = entry.getNumArguments();
  std::map<unsigned, std::string> specs;
  unsigned next = 0;
  for (const std::string &input : options.inputs) {
    unsigned index = next;
    std::string spec = input;
    if (auto indexed = splitIndex(input))
      std::tie(index, spec) = *indexed;
    if (index >= count)
      return runtime::fail(
          llvm::formatv("--input={0}: @{1} has {2} arguments, there is no "
                        "argument {3}",
                        input, entry.getName(), count, index));
    if (!specs.emplace(index, spec).second)
      return runtime::fail(llvm::formatv(
          "--input={0}: argument {1} has an input already", input, index));
    next = index + 1;
  }

  std::map<std::pair<unsigned, unsigned>, int64_t> extents;
  for (const DimExtent &dim : dims)
    extents[{dim.argument, dim.axis}] = dim.extent;

  std::vector<Tensor> tensors;
  for (unsigned index = 0; index < count; ++index) {
    Type argumentType = entry.getArgumentTypes()[index];
    auto type = dyn_cast<RankedTensorType>(argumentType);
    std::optional<runtime::ElementType> elementType =
        toElementType(type ? type.getElementType() : argumentType);
    if (!elementType || (!type && !argumentType.isIntOrIndexOrFloat()))
      return runtime::fail(describeArgument(entry, index) +
                           ": ra-run makes ranked tensors and scalars of float "
                           "and integer types only");
    runtime::Shape shape;
    std::string dynamic;
    for (int64_t axis = 0; type && axis < type.getRank(); ++axis) {
      auto given = extents.find({index, static_cast<unsigned>(axis)});
      int64_t extent = given != extents.end()    ? given->second
                       : type.isDynamicDim(axis) ? -1
                                                 : type.getDimSize(axis);
      if (extent < 0)
        dynamic += llvm::formatv(" --dim={0}.{1}=N", index, axis).str();
      shape.push_back(extent);
    }

    auto given = specs.find(index);
    runtime::RandomStream stream{options.seed, index};
    runtime::Expected<Tensor> tensor = runtime::fail("");
    if (given != specs.end() && weights && weights->parameters[index])
      return runtime::fail("--input: " + describeArgument(entry, index) +
                           " comes from the checkpoint");
    if (given != specs.end()) {
      runtime::Expected<runtime::InputSpec> spec =
          runtime::parseInputSpec(given->second);
      if (!spec)
        return runtime::fail("--input: " + spec.message());
      bool random = spec->kind == runtime::InputSpec::Kind::Normal ||
                    spec->kind == runtime::InputSpec::Kind::Uniform;
      if (random && !dynamic.empty())
        return runtime::fail(describeArgument(entry, index) +
                             " has dynamic dims; add" + dynamic);
      tensor = runtime::materialise(*spec, *elementType, shape, stream);
    } else if (weights && weights->parameters[index]) {
      tensor = weights->parameters[index]->convertTo(*elementType);
    } else if (!dynamic.empty()) {
      return runtime::fail(describeArgument(entry, index) +
                           " has dynamic dims; add" + dynamic +
                           ", or an --input with data");
    } else if (weights && isRotaryTable(entry, index, shape)) {
      tensor = runtime::makeRotaryTable(getRole(entry, index) == Role::Cos,
                                        weights->ropeBase, *elementType, shape);
    } else {
      tensor = runtime::makeDefaultInput(defaultInput(entry, index, shape),
                                         *elementType, shape, stream);
    }
    if (!tensor)
      return runtime::fail(describeArgument(entry, index) + ": " +
                           tensor.message());
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

std::vector<Tensor> tools::makeExact(ArrayRef<Tensor> inputs,
                                     const WeightsModule *weights) {
  std::vector<Tensor> exact(inputs.begin(), inputs.end());
  for (auto [index, tensor] : llvm::enumerate(exact))
    if (weights && weights->parameters[index])
      tensor = *weights->parameters[index];
  return exact;
}
