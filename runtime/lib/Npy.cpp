//===- Npy.cpp - NumPy array files ----------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Npy.h"

#include "Text.h"
#include "ra/Runtime/AtomicFile.h"
#include "ra/Runtime/MappedFile.h"

#include <optional>
#include <string_view>

using namespace ra::runtime;

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxHeader = 65535;
constexpr size_t kMaxRank = 64;

struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortranOrder;
  std::optional<Shape> shape;
};

/// A scanner for the one dict literal that a header may hold. No construct
/// nests, so nothing recurses.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  Expected<Header> run() {
    if (rest.empty() || rest.back() != '\n')
      return fail("the header does not end with a newline");
    rest.remove_suffix(1);
    Header header;
    if (!take('{'))
      return expected("'{'");
    while (!take('}')) {
      Status status = entry(header);
      if (!status.ok())
        return status.takeFailure();
      if (take(','))
        continue;
      if (!take('}'))
        return expected("',' or '}'");
      break;
    }
    skipSpace();
    if (!rest.empty())
      return fail("the header goes on after its '}'");
    if (!header.descr || !header.fortranOrder || !header.shape)
      return fail("the header lacks 'descr', 'fortran_order' or 'shape'");
    return header;
  }

private:
  void skipSpace() {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t'))
      rest.remove_prefix(1);
  }

  bool take(char wanted) {
    skipSpace();
    if (rest.empty() || rest[0] != wanted)
      return false;
    rest.remove_prefix(1);
    return true;
  }

  bool takeWord(std::string_view word) {
    skipSpace();
    if (rest.substr(0, word.size()) != word)
      return false;
    rest.remove_prefix(word.size());
    return true;
  }

  Failure expected(const std::string &what) {
    return fail("the header is not a dict of 'descr', 'fortran_order' and "
                "'shape': expected " +
                what +
                (rest.empty() ? std::string(" before its end")
                              : " at " + quoted(rest.substr(0, 20))));
  }

  Expected<std::string> string() {
    skipSpace();
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"'))
      return expected("a string");
    const size_t end = rest.find(rest[0], 1);
    if (end == std::string_view::npos)
      return expected("the end of a string");
    const std::string_view body = rest.substr(1, end - 1);
    if (body.find('\\') != std::string_view::npos)
      return expected("a string without escapes");
    std::string result(body);
    rest.remove_prefix(end + 1);
    return result;
  }

  Expected<int64_t> number() {
    skipSpace();
    size_t digits = 0;
    int64_t value = 0;
    for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9';
         ++digits)
      if (__builtin_mul_overflow(value, int64_t(10), &value) ||
          __builtin_add_overflow(value, int64_t(rest[digits] - '0'), &value))
        return fail("an extent of the shape overflows 64 bits");
    if (digits == 0 || (digits > 1 && rest[0] == '0'))
      return expected("an extent (a decimal number >= 0)");
    rest.remove_prefix(digits);
    return value;
  }

  Expected<Shape> tuple() {
    if (!take('('))
      return expected("a tuple");
    Shape shape;
    bool comma = true;
    while (!take(')')) {
      if (!comma)
        return expected("',' or ')'");
      Expected<int64_t> extent = number();
      if (!extent)
        return extent.takeFailure();
      if (shape.size() == kMaxRank)
        return fail("the shape has more than " + std::to_string(kMaxRank) +
                    " axes");
      shape.push_back(*extent);
      comma = take(',');
    }
    // "(3)" is a number in parentheses, not a tuple.
    if (shape.size() == 1 && !comma)
      return expected("',' after a single extent");
    return shape;
  }

  Status entry(Header &header) {
    Expected<std::string> key = string();
    if (!key)
      return key.takeFailure();
    if (!take(':'))
      return expected("':'");
    auto twice = [&] {
      return fail("the header names " + quoted(*key) + " twice");
    };
    if (*key == "descr") {
      if (header.descr)
        return twice();
      skipSpace();
      if (!rest.empty() && rest[0] == '[')
        return fail("structured elements are not supported; save each field as "
                    "its own array");
      Expected<std::string> value = string();
      if (!value)
        return value.takeFailure();
      header.descr = std::move(*value);
      return Status::success();
    }
    if (*key == "fortran_order") {
      if (header.fortranOrder)
        return twice();
      if (takeWord("True"))
        header.fortranOrder = true;
      else if (takeWord("False"))
        header.fortranOrder = false;
      else
        return expected("True or False");
      return Status::success();
    }
    if (*key == "shape") {
      if (header.shape)
        return twice();
      Expected<Shape> value = tuple();
      if (!value)
        return value.takeFailure();
      header.shape = std::move(*value);
      return Status::success();
    }
    return fail("the header has the unknown key " + quoted(*key));
  }

  std::string_view rest;
};

struct Descr {
  std::string_view text;
  ElementType type;
};

constexpr Descr kDescrs[] = {
    {"<f8", ElementType::F64}, {"<f4", ElementType::F32},
    {"<f2", ElementType::F16}, {"<i8", ElementType::I64},
    {"<i4", ElementType::I32}, {"<i2", ElementType::I16},
    {"|i1", ElementType::I8},  {"<u8", ElementType::U64},
    {"<u4", ElementType::U32}, {"<u2", ElementType::U16},
    {"|u1", ElementType::U8},  {"|b1", ElementType::I1},
    {"<V2", ElementType::BF16}};

Expected<ElementType> typeOfDescr(const std::string &descr,
                                  NpyReadOptions options) {
  if (descr == "<V2" || descr == "|V2") {
    if (options.voidIsBF16)
      return ElementType::BF16;
    return fail("the elements are two-byte voids (" + quoted(descr) +
                "), read only where bf16 is asked for; bfloat16 arrays save "
                "like this, so give this file to a bf16 argument");
  }
  for (const Descr &known : kDescrs)
    if (descr == known.text)
      return known.type;
  if (descr == "<i1" || descr == "<u1" || descr == "<b1")
    return typeOfDescr("|" + descr.substr(1), options);
  std::string remedy =
      "known are <f2 <f4 <f8 <i2 <i4 <i8 |i1 <u2 <u4 <u8 |u1 |b1; convert the "
      "array with astype() before saving it";
  if (!descr.empty() && descr[0] == '>')
    remedy = "big-endian data is not read; save the array with "
             "astype(a.dtype.newbyteorder('<'))";
  else if (descr.size() >= 2 && descr[1] == 'O')
    remedy = "object arrays hold pickles, which are never loaded; save a "
             "numeric array";
  return fail("the element type is " + quoted(descr) + "; " + remedy);
}

Expected<Tensor> parseBytes(std::string_view file,
                            const std::shared_ptr<const void> &owner,
                            NpyReadOptions options) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(file[i]); };
  if (file.size() < kMagic.size() + 2)
    return fail("too short for an .npy file (" + std::to_string(file.size()) +
                " bytes)");
  if (file.substr(0, kMagic.size()) != kMagic)
    return fail("not an .npy file: it does not start with \\x93NUMPY");
  const unsigned major = byte(6), minor = byte(7);
  if (major < 1 || major > 3 || minor != 0)
    return fail("format version " + std::to_string(major) + "." +
                std::to_string(minor) +
                " is not known; 1.0, 2.0 and 3.0 are read");
  const size_t lengthBytes = major == 1 ? 2 : 4;
  const size_t prefix = kMagic.size() + 2 + lengthBytes;
  if (file.size() < prefix)
    return fail("cut short inside the header length");
  size_t length = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    length |= static_cast<size_t>(byte(8 + i)) << (8 * i);
  if (length > kMaxHeader)
    return fail("the header claims " + std::to_string(length) +
                " bytes; at most " + std::to_string(kMaxHeader) +
                " are accepted");
  if (length > file.size() - prefix)
    return fail("cut short: the header claims " + std::to_string(length) +
                " bytes, " + std::to_string(file.size() - prefix) +
                " are there");

  Expected<Header> header = HeaderParser(file.substr(prefix, length)).run();
  if (!header)
    return header.takeFailure();
  Expected<ElementType> type = typeOfDescr(*header->descr, options);
  if (!type)
    return type.takeFailure();
  if (*header->fortranOrder)
    return fail("the array is in Fortran order; save it with "
                "numpy.ascontiguousarray()");
  Expected<size_t> bytes = checkedByteSize(*header->shape, *type);
  if (!bytes)
    return fail("shape " + extentsString(*header->shape) + ": " +
                bytes.message());
  const std::string_view data = file.substr(prefix + length);
  if (data.size() != *bytes)
    return fail("shape " + extentsString(*header->shape) + " of " +
                quoted(*header->descr) + " takes " + std::to_string(*bytes) +
                " bytes of data, the file has " + std::to_string(data.size()));
  return tensorOnBytes(std::move(*header->shape), *type, data.data(),
                       data.size(), owner);
}

} // namespace

Expected<Tensor> ra::runtime::parseNpy(const char *data, size_t size,
                                       const std::shared_ptr<const void> &owner,
                                       const std::string &name,
                                       NpyReadOptions options) {
  Expected<Tensor> tensor =
      parseBytes(std::string_view(data, size), owner, options);
  if (!tensor)
    return fail(name + ": " + tensor.message());
  return tensor;
}

Expected<Tensor> ra::runtime::readNpy(const std::string &path,
                                      NpyReadOptions options) {
  Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeFailure();
  return parseNpy((*file)->data(), (*file)->size(), *file, path, options);
}

Status ra::runtime::writeNpy(const std::string &path, const Tensor &tensor) {
  std::string header = "{'descr': '";
  for (const Descr &known : kDescrs)
    if (known.type == tensor.elementType())
      header += known.text;
  header += "', 'fortran_order': False, 'shape': (";
  for (size_t axis = 0; axis < tensor.shape().size(); ++axis)
    header += (axis == 0 ? "" : ", ") + std::to_string(tensor.dim(axis));
  header += tensor.rank() == 1 ? ",), }" : "), }";

  constexpr size_t prefix = 10, alignment = 64;
  const size_t end =
      (prefix + header.size() + alignment) / alignment * alignment;
  header.append(end - prefix - header.size() - 1, ' ');
  header += '\n';
  if (header.size() > kMaxHeader)
    return fail(path + ": a tensor of rank " + std::to_string(tensor.rank()) +
                " does not fit into an .npy header");
  std::string start(kMagic);
  start += '\1';
  start += '\0';
  start += static_cast<char>(header.size() & 0xff);
  start += static_cast<char>(header.size() >> 8);
  start += header;

  Expected<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.takeFailure();
  Status status = file->write(start.data(), start.size());
  if (status.ok())
    status = file->write(tensor.data(), tensor.byteSize());
  if (status.ok())
    status = file->commit();
  return status;
}
