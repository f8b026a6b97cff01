//===- EntryFunction.cpp - A compiled function and how to call it ----===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EntryFunction.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "llvm/ADT/StringMap.h"

#include <cstring>

using namespace mlir;
using namespace ra;
using namespace ra::detail;
using ra::runtime::ElementType;
using ra::runtime::Tensor;

static constexpr StringLiteral kPrepareSuffix = ".prepare";

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

std::string ra::detail::signatureString(const TensorSignature &signature) {
  return runtime::shapeString(signature.shape, signature.elementType);
}

bool ra::detail::fits(const Tensor &tensor, const TensorSignature &signature) {
  return tensor.elementType() == signature.elementType &&
         tensor.rank() == static_cast<int64_t>(signature.shape.size()) &&
         llvm::all_of_zip(tensor.shape(), signature.shape,
                          [](int64_t extent, int64_t expected) {
                            return expected < 0 || extent == expected;
                          });
}

static std::optional<ElementType> convertElementType(Type type) {
  if (type.isF64())
    return ElementType::F64;
  if (type.isF32())
    return ElementType::F32;
  if (type.isF16())
    return ElementType::F16;
  if (type.isBF16())
    return ElementType::BF16;
  if (type.isIndex())
    return ElementType::I64;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return std::nullopt;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return ElementType::I1;
  case 8:
    return isUnsigned ? ElementType::U8 : ElementType::I8;
  case 16:
    return isUnsigned ? ElementType::U16 : ElementType::I16;
  case 32:
    return isUnsigned ? ElementType::U32 : ElementType::I32;
  case 64:
    return isUnsigned ? ElementType::U64 : ElementType::I64;
  default:
    return std::nullopt;
  }
}

static std::optional<TensorSignature> convertType(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref || !memref.getLayout().isIdentity() || memref.getMemorySpace())
    return std::nullopt;
  std::optional<ElementType> element =
      convertElementType(memref.getElementType());
  if (!element)
    return std::nullopt;
  TensorSignature signature;
  signature.elementType = *element;
  for (int64_t extent : memref.getShape())
    signature.shape.push_back(ShapedType::isDynamic(extent) ? -1 : extent);
  return signature;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The bytes of a constant: in place where they are stored as the code wants
/// them, else a copy.
static runtime::Expected<Tensor>
bindConstant(ElementsAttr attribute, const TensorSignature &signature) {
  runtime::Expected<size_t> bytes =
      runtime::checkedByteSize(signature.shape, signature.elementType);
  if (!bytes)
    return bytes.takeFailure();
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return runtime::fail("the resource '" +
                           resource.getRawHandle().getKey().str() +
                           "' has no data");
    // The context keeps the blob alive, and outlives the engine.
    return Tensor::view(signature.shape, signature.elementType,
                        blob->getData().data(), blob->getData().size(),
                        std::shared_ptr<const void>());
  }
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (!dense)
    return runtime::fail("this kind of constant is not supported; use dense or "
                         "dense_resource");
  if (signature.elementType == ElementType::I1) {
    runtime::Expected<Tensor> copy =
        Tensor::create(signature.shape, signature.elementType);
    if (!copy)
      return copy.takeFailure();
    int64_t position = 0;
    for (bool value : dense.getValues<bool>())
      copy->set(position++, value);
    return *copy;
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return Tensor::view(signature.shape, signature.elementType, raw.data(),
                        raw.size(), std::shared_ptr<const void>());
  runtime::Expected<Tensor> copy =
      Tensor::create(signature.shape, signature.elementType);
  if (!copy)
    return copy.takeFailure();
  char *data = static_cast<char *>(copy->mutableData());
  for (size_t offset = 0; offset < *bytes; offset += raw.size())
    std::memcpy(data + offset, raw.data(), raw.size());
  return *copy;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

FailureOr<EntryFunction> EntryFunction::describe(func::FuncOp function) {
  EntryFunction entry;
  entry.name = function.getName().str();
  for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i) {
    Type type = function.getArgument(i).getType();
    std::optional<TensorSignature> signature = convertType(type);
    if (!signature)
      return function.emitOpError()
             << "argument " << i << " of type " << type
             << " cannot be bound; entries take and return ranked tensors of "
                "f64, f32, f16, bf16, integers of 1, 8, 16, 32 or 64 bits, or "
                "index";
    if (auto constant =
            function.getArgAttrOfType<ElementsAttr>(i, kConstantAttrName)) {
      runtime::Expected<Tensor> bound = bindConstant(constant, *signature);
      if (!bound)
        return function.emitOpError()
               << "constant of type " << constant.getType()
               << " cannot be bound: " << bound.message();
      entry.constants.push_back(*bound);
    } else if (function.getArgAttr(i, kResultAttrName)) {
      entry.results.push_back(*signature);
    } else {
      entry.arguments.push_back(*signature);
    }
  }
  if (function.getNumResults() != 0)
    return function.emitOpError(
        "still has results on buffers; run ra-bufferize on functions on "
        "tensors");
  if (auto sources =
          function->getAttrOfType<DenseI64ArrayAttr>("ra.arguments")) {
    if (sources.size() != static_cast<int64_t>(entry.arguments.size()))
      return function.emitOpError() << "`ra.arguments` has " << sources.size()
                                    << " entries; expects one for each of the "
                                    << entry.arguments.size() << " arguments";
    entry.sources.assign(sources.asArrayRef().begin(),
                         sources.asArrayRef().end());
  } else {
    entry.sources =
        llvm::to_vector(llvm::seq<int64_t>(0, entry.arguments.size()));
  }
  if (auto types = function->getAttrOfType<ArrayAttr>("ra.argument_types"))
    for (Type type : types.getAsValueRange<TypeAttr>()) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      std::optional<TensorSignature> signature;
      if (tensor)
        signature = convertType(
            MemRefType::get(tensor.getShape(), tensor.getElementType()));
      if (!signature)
        return function.emitOpError()
               << "`ra.argument_types` has " << type
               << ", which is not a tensor that can be bound";
      entry.original.push_back(*signature);
    }
  return entry;
}

/// The signature in terms of the original arguments.
static FailureOr<EntrySignature> makeSignature(ModuleOp module,
                                               const DescribedEntry &entry) {
  EntrySignature signature;
  signature.name = entry.main.name;
  signature.results = entry.main.results;
  signature.hasPrepare = entry.prepare.has_value();
  if (entry.prepare)
    signature.prepared = entry.prepare->results;
  std::vector<std::optional<TensorSignature>> arguments(
      entry.main.original.begin(), entry.main.original.end());
  auto add = [&](const EntryFunction &function, bool isPrepare) {
    for (auto [source, type] :
         llvm::zip_equal(function.sources, function.arguments)) {
      if (source < 0) {
        int64_t numPrepared = entry.prepare ? entry.prepare->results.size() : 0;
        if (isPrepare || -1 - source >= numPrepared) {
          module.emitError()
              << "@" << function.name << ": `ra.arguments` "
              << "names result " << -1 - source << " of a "
              << "prepare function with " << numPrepared << " results";
          return failure();
        }
        continue;
      }
      if (source >= static_cast<int64_t>(arguments.size()))
        arguments.resize(source + 1);
      arguments[source] = type;
    }
    return success();
  };
  if (failed(add(entry.main, false)) ||
      (entry.prepare && failed(add(*entry.prepare, true))))
    return failure();
  for (auto [index, type] : llvm::enumerate(arguments)) {
    if (!type) {
      module.emitError() << "@" << entry.main.name << ": no `ra.arguments` "
                         << "says what original argument " << index << " is";
      return failure();
    }
    signature.arguments.push_back(*type);
  }
  return signature;
}

FailureOr<std::vector<DescribedEntry>>
ra::detail::describeEntries(ModuleOp module) {
  std::vector<DescribedEntry> entries;
  llvm::StringMap<EntryFunction> prepares;
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isExternal() ||
        function->hasAttr(kShapesAttrName))
      continue;
    FailureOr<EntryFunction> described = EntryFunction::describe(function);
    if (failed(described))
      return failure();
    auto shapes = module.lookupSymbol<func::FuncOp>(described->name +
                                                    kShapesSuffix.str());
    if (shapes && shapes->hasAttr(kShapesAttrName)) {
      described->hasShapes = true;
      for (auto text : shapes->getAttrOfType<ArrayAttr>(kShapesAttrName)
                           .getAsRange<StringAttr>())
        described->conditions.push_back(text.str());
    }
    StringRef stem = function.getName();
    if (stem.consume_back(kPrepareSuffix) && module.lookupSymbol(stem))
      prepares.insert({stem, *described});
    else
      entries.push_back({std::move(*described), std::nullopt, {}});
  }
  for (DescribedEntry &entry : entries) {
    auto found = prepares.find(entry.main.name);
    if (found != prepares.end())
      entry.prepare = std::move(found->second);
    FailureOr<EntrySignature> signature = makeSignature(module, entry);
    if (failed(signature))
      return failure();
    entry.signature = std::move(*signature);
  }
  return entries;
}

runtime::Expected<SmallVector<runtime::Shape>>
EntryFunction::resultShapes(ArrayRef<Tensor> tensors) const {
  SmallVector<runtime::Shape> shapes;
  std::vector<int64_t> numbers;
  if (hasShapes) {
    size_t dynamic = 0;
    for (const TensorSignature &result : results)
      dynamic += llvm::count_if(result.shape,
                                [](int64_t extent) { return extent < 0; });
    numbers.resize(dynamic + 2 * conditions.size());
    PackedArguments packed;
    for (const Tensor &tensor : tensors)
      packed.add(tensor.data(), tensor.shape());
    packed.add(numbers.data(), {static_cast<int64_t>(numbers.size())});
    shapesCode(packed.pack());
    for (auto [index, text] : llvm::enumerate(conditions)) {
      int64_t a = numbers[dynamic + 2 * index];
      int64_t b = numbers[dynamic + 2 * index + 1];
      if (a != b)
        return runtime::fail("@" + name +
                             ": the shapes of the arguments do "
                             "not fit together: " +
                             text +
                             " must be equal, "
                             "got " +
                             std::to_string(a) + " and " + std::to_string(b));
    }
  }
  size_t next = 0;
  for (const TensorSignature &result : results) {
    shapes.push_back(result.shape);
    for (int64_t &extent : shapes.back()) {
      if (extent >= 0)
        continue;
      extent = numbers[next++];
      if (extent < 0)
        return runtime::fail("@" + name +
                             ": the shapes of the arguments give "
                             "a result a negative extent, " +
                             std::to_string(extent));
    }
  }
  return shapes;
}

runtime::Expected<SmallVector<Tensor>>
EntryFunction::createResults(ArrayRef<Tensor> tensors) const {
  runtime::Expected<SmallVector<runtime::Shape>> shapes = resultShapes(tensors);
  if (!shapes)
    return shapes.takeFailure();
  SmallVector<Tensor> outputs;
  for (auto [shape, signature] : llvm::zip_equal(*shapes, results)) {
    runtime::Expected<Tensor> tensor =
        Tensor::create(shape, signature.elementType);
    if (!tensor)
      return tensor.takeFailure();
    outputs.push_back(*tensor);
  }
  return outputs;
}

PackedArguments EntryFunction::pack(ArrayRef<Tensor> tensors,
                                    MutableArrayRef<Tensor> outputs) const {
  PackedArguments packed;
  for (const Tensor &tensor : tensors)
    packed.add(tensor.data(), tensor.shape());
  for (const Tensor &tensor : constants)
    packed.add(tensor.data(), tensor.shape());
  for (Tensor &tensor : outputs)
    packed.add(tensor.mutableData(), tensor.shape());
  return packed;
}

void PackedArguments::add(const void *data, const runtime::Shape &shape) {
  // Two pointers, an offset, the extents, the strides.
  std::vector<int64_t> descriptor(3 + 2 * shape.size());
  descriptor[0] = descriptor[1] =
      static_cast<int64_t>(reinterpret_cast<intptr_t>(data));
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0;) {
    descriptor[3 + dim] = shape[dim];
    descriptor[3 + shape.size() + dim] = stride;
    stride *= shape[dim];
  }
  descriptors.push_back(std::move(descriptor));
}

void **PackedArguments::pack() {
  pointers.clear();
  packed.clear();
  for (std::vector<int64_t> &descriptor : descriptors)
    pointers.push_back(descriptor.data());
  for (void *&pointer : pointers)
    packed.push_back(&pointer);
  return packed.data();
}
