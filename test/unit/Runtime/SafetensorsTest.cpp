//===- SafetensorsTest.cpp - safetensors files ----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Safetensors.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

using namespace ra::runtime;
using ra::runtime::test::says;
using ra::runtime::test::TempFolder;

namespace {

/// A file by the format's definition: length, header, data.
std::string file(const std::string &header, size_t dataSize) {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i)
    bytes += static_cast<char>((uint64_t(header.size()) >> (8 * i)) & 0xff);
  return bytes + header + std::string(dataSize, '\1');
}

Expected<Safetensors> parse(const std::string &bytes) {
  auto owner = std::make_shared<const std::string>(bytes);
  return Safetensors::parse(owner->data(), owner->size(), owner,
                            "x.safetensors");
}

void refuses(const std::string &header, size_t dataSize,
             const std::string &why) {
  Expected<Safetensors> result = parse(file(header, dataSize));
  ASSERT_FALSE(result) << why;
  EXPECT_TRUE(says(result.message(), why));
  EXPECT_TRUE(says(result.message(), "x.safetensors: "));
}

std::string entry(const std::string &name, const std::string &type,
                  const std::string &shape, const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

TEST(Safetensors, ReadsTensorsAndMetadata) {
  const std::string header =
      "{\"__metadata__\":{\"format\":\"pt\",\"k\":\"\"}," +
      entry("b", "F32", "[2,1]", "[0,8]") + ", " +
      entry("a", "I8", "[]", "[8, 9]") + " } \n\t ";
  Expected<Safetensors> result = parse(file(header, 9));
  ASSERT_TRUE(result) << result.message();
  ASSERT_EQ(result->entries().size(), 2u);
  EXPECT_EQ(result->entries()[0].name, "b");
  EXPECT_EQ(result->entries()[1].name, "a");
  EXPECT_EQ(result->metadata(), (Metadata{{"format", "pt"}, {"k", ""}}));
  Expected<Tensor> tensor = result->get("b");
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->shape(), (Shape{2, 1}));
  EXPECT_EQ(result->get("a")->at(0), 1.0);
}

TEST(Safetensors, ReadsTheSmallestFiles) {
  EXPECT_TRUE(parse(file("{}", 0)));
  Expected<Safetensors> empty =
      parse(file("{" + entry("e", "F64", "[0,5]", "[0,0]") + "," +
                     entry("f", "F64", "[1]", "[0,8]") + "}",
                 8));
  ASSERT_TRUE(empty) << empty.message();
  EXPECT_EQ(empty->get("e")->numElements(), 0);
}

TEST(Safetensors, HeaderOrderIsFreeButPlacesAreNot) {
  Expected<Safetensors> result =
      parse(file("{" + entry("late", "U8", "[2]", "[1,3]") + "," +
                     entry("early", "U8", "[1]", "[0,1]") + "}",
                 3));
  ASSERT_TRUE(result) << result.message();
  EXPECT_EQ(result->entries()[0].name, "early");
}

TEST(Safetensors, ReadsAllTypes) {
  struct {
    const char *name;
    ElementType type;
  } const known[] = {
      {"F64", ElementType::F64}, {"F32", ElementType::F32},
      {"F16", ElementType::F16}, {"BF16", ElementType::BF16},
      {"I64", ElementType::I64}, {"I32", ElementType::I32},
      {"I16", ElementType::I16}, {"I8", ElementType::I8},
      {"U64", ElementType::U64}, {"U32", ElementType::U32},
      {"U16", ElementType::U16}, {"U8", ElementType::U8},
      {"BOOL", ElementType::I1},
  };
  for (const auto &row : known) {
    const size_t size = elementSize(row.type);
    Expected<Safetensors> result = parse(file(
        "{" + entry("t", row.name, "[1]", "[0," + std::to_string(size) + "]") +
            "}",
        size));
    ASSERT_TRUE(result) << result.message();
    EXPECT_EQ(result->entries()[0].type, row.type);
    EXPECT_EQ(safetensorsTypeName(row.type), row.name);
  }
}

TEST(Safetensors, DecodesEscapesAndUtf8) {
  Expected<Safetensors> result =
      parse(file("{" +
                     entry("\\u0041\\n\\\"\\\\\\/\\u00e9\\ud83d\\ude00\xc3\xa9",
                           "U8", "[1]", "[0,1]") +
                     "}",
                 1));
  ASSERT_TRUE(result) << result.message();
  EXPECT_EQ(result->entries()[0].name,
            "A\n\"\\/\xc3\xa9\xf0\x9f\x98\x80\xc3\xa9");
}

TEST(Safetensors, RefusesEveryTruncation) {
  const std::string bytes =
      file("{" + entry("t", "F32", "[2]", "[0,8]") + "}", 8);
  ASSERT_TRUE(parse(bytes));
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse(bytes.substr(0, size))) << size;
  EXPECT_TRUE(says(parse("1234567").message(), "too short"));
  EXPECT_TRUE(says(parse(bytes.substr(0, 20)).message(), "cut short"));
  EXPECT_TRUE(
      says(parse(bytes.substr(0, bytes.size() - 1)).message(), "cut short"));
}

TEST(Safetensors, RefusesHeaderOverTheCap) {
  std::string bytes = file("{}", 0);
  bytes[3] = 0x7f; // 2130706434 bytes
  EXPECT_TRUE(says(parse(bytes).message(), "at most 100000000"));
  bytes[7] = '\xff'; // beyond 2^63
  EXPECT_TRUE(says(parse(bytes).message(), "at most 100000000"));
}

TEST(Safetensors, RefusesDuplicateNames) {
  const std::string t = entry("t", "U8", "[1]", "[0,1]");
  refuses("{" + t + "," + entry("t", "U8", "[1]", "[1,2]") + "}", 2,
          "names 't' twice");
  // The same name by way of an escape.
  refuses("{" + t + "," + entry("\\u0074", "U8", "[1]", "[1,2]") + "}", 2,
          "names 't' twice");
  refuses("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice");
  refuses("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0,
          "metadata names 'a' twice");
  refuses("{\"t\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[],"
          "\"data_offsets\":[0,1]}}",
          1, "'dtype' is given twice");
  refuses("{\"t\":{\"dtype\":\"U8\",\"shape\":[],\"shape\":[],"
          "\"data_offsets\":[0,1]}}",
          1, "'shape' is given twice");
}

TEST(Safetensors, RefusesUnknownTypes) {
  refuses("{" + entry("w", "F8_E4M3", "[1]", "[0,1]") + "}", 1,
          "tensor 'w': dtype 'F8_E4M3' is not supported");
  refuses("{" + entry("w", "f32", "[1]", "[0,4]") + "}", 4, "'f32'");
}

TEST(Safetensors, RefusesBadPlaces) {
  const std::string a = entry("a", "U8", "[2]", "[0,2]");
  refuses("{" + a + "," + entry("b", "U8", "[2]", "[3,5]") + "}", 5,
          "tensor 'b' starts at byte 3 of the data, leaving a gap");
  refuses("{" + a + "," + entry("b", "U8", "[2]", "[1,3]") + "}", 3,
          "inside the tensor before it");
  refuses("{" + entry("b", "U8", "[2]", "[1,3]") + "}", 3, "gap");
  refuses("{" + a + "}", 3, "the file has 3");
  refuses("{" + a + "}", 1, "cut short");
  refuses("{}", 1, "the file has 1");
  refuses("{" + entry("a", "U8", "[2]", "[2,0]") + "}", 2, "backwards");
  refuses("{" + entry("a", "U8", "[2]", "[0,3]") + "}", 3, "takes 2 bytes");
  refuses("{" + entry("a", "F32", "[2]", "[0,2]") + "}", 2, "takes 8 bytes");
  refuses("{" + entry("a", "U8", "[2]", "[0]") + "}", 2, "two numbers");
  refuses("{" + entry("a", "U8", "[2]", "[0,2,4]") + "}", 2,
          "more than 2 numbers");
}

TEST(Safetensors, RefusesShapesThatOverflow) {
  refuses("{" + entry("a", "U8", "[4294967296,4294967296]", "[0,0]") + "}", 0,
          "overflow");
  refuses("{" + entry("a", "F64", "[2305843009213693952]", "[0,0]") + "}", 0,
          "overflow");
  refuses("{" + entry("a", "U8", "[0,4294967296,4294967296]", "[0,0]") + "}", 0,
          "overflow");
  refuses("{" + entry("a", "U8", "[99999999999999999999]", "[0,0]") + "}", 0,
          "overflow");
  std::string many = "[1";
  for (int i = 0; i < 64; ++i)
    many += ",1";
  refuses("{" + entry("a", "U8", many + "]", "[0,1]") + "}", 1, "more than 64");
}

TEST(Safetensors, RefusesNumbersThatAreNotWhole) {
  for (const char *bad : {"-1", "1.0", "1e0", "01", "+1", "\"1\"", "null",
                          "true", "[1]", "{}", ""})
    refuses("{" + entry("a", "U8", std::string("[") + bad + ",1]", "[0,1]") +
                "}",
            1, "'shape'");
}

TEST(Safetensors, RefusesMissingAndUnknownKeys) {
  refuses("{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "lacks 'dtype'");
  refuses("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1,
          "lacks 'shape'");
  refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1,
          "lacks 'data_offsets'");
  refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],"
          "\"x\":1}}",
          1, "unknown key 'x'");
}

TEST(Safetensors, RefusesBadJson) {
  refuses("", 0, "does not start with '{'");
  refuses(" {}", 0, "does not start with '{'");
  refuses("[]", 0, "does not start with '{'");
  refuses("{", 0, "before the end");
  refuses("{}x", 0, "padding");
  refuses("{}{}", 0, "padding");
  refuses("{,}", 0, "a string");
  refuses("{\"a\"}", 0, "':'");
  refuses("{\"a\":1}", 0, "'{'");
  refuses("{\"a\":[]}", 0, "'{'");
  refuses("{" + entry("a", "U8", "[1]", "[0,1]") + ",}", 1, "a string");
  refuses("{\"a\":{\"dtype\":3}}", 0, "a string");
  refuses("{\"a\":{\"dtype\":\"U8\",}}", 0, "a string");
  refuses("{\"a\":{\"shape\":[1,]}}", 0, "whole number");
  refuses("{\"a\":{\"shape\":[1 2]}}", 0, "',' or ']'");
  refuses("{\"__metadata__\":{\"a\":1}}", 0, "metadata 'a'");
  refuses("{\"__metadata__\":{\"a\":{}}}", 0, "metadata 'a'");
  refuses("{\"__metadata__\":\"a\"}", 0, "'{'");
  refuses(std::string("{}\0", 3), 0, "padding");
}

TEST(Safetensors, RefusesBadStrings) {
  refuses("{\"a", 0, "the end of a string");
  refuses("{\"\\", 0, "escape");
  refuses("{\"\\x\":1}", 0, "escape");
  refuses(std::string("{\"\\\0\":1}", 8), 0, "escape");
  refuses("{\"\\u12g4\":1}", 0, "hexadecimal");
  refuses("{\"\\u12", 0, "hexadecimal");
  refuses("{\"\\ud800\":1}", 0, "surrogate");
  refuses("{\"\\ud800\\u0041\":1}", 0, "surrogate");
  refuses("{\"\\udc00\":1}", 0, "surrogate");
  refuses("{\"a\nb\":1}", 0, "control character");
  for (const char *bad :
       {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
        "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"})
    refuses(std::string("{\"") + bad + "\":1}", 0, "not UTF-8");
}

TEST(Safetensors, DeepNestingIsAnErrorAndNotACrash) {
  refuses("{\"a\":" + std::string(1000000, '['), 0, "'{'");
  std::string deep = "{";
  for (int i = 0; i < 100000; ++i)
    deep += "\"a\":{";
  refuses(deep, 0, "unknown key 'a'");
}

TEST(Safetensors, UnknownNameSuggestsTheNearest) {
  Expected<Safetensors> result =
      parse(file("{" + entry("h.0.attn.c_attn.weight", "U8", "[1]", "[0,1]") +
                     "," + entry("wte.weight", "U8", "[1]", "[1,2]") + "," +
                     entry("h.1.attn.c_attn.weight", "U8", "[1]", "[2,3]") +
                     "," + entry("ln_f.bias", "U8", "[1]", "[3,4]") + "}",
                 4));
  ASSERT_TRUE(result) << result.message();
  Expected<Tensor> tensor = result->get("h.0.atn.c_attn.weight");
  ASSERT_FALSE(tensor);
  EXPECT_TRUE(says(tensor.message(), "nearest: 'h.0.attn.c_attn.weight', "
                                     "'h.1.attn.c_attn.weight', "));
  EXPECT_FALSE(result->contains("x"));
  EXPECT_EQ(result->find("x"), nullptr);
  ASSERT_NE(result->find("ln_f.bias"), nullptr);
  EXPECT_EQ(*result->bytesOf(*result->find("ln_f.bias")), '\1');
  EXPECT_FALSE(says(parse(file("{}", 0))->get("x").message(), "nearest"));
}

TEST(Safetensors, HostileNamesAreEscapedInMessages) {
  refuses("{" + entry("\\u001b[31m", "X", "[1]", "[0,1]") + "}", 1,
          "tensor '\\x1b[31m'");
}

TEST(Safetensors, WritesWhatItReads) {
  TempFolder folder;
  std::vector<NamedTensor> tensors;
  // The i8 tensor of three bytes leaves the f32 behind it misaligned.
  tensors.push_back({"odd \"name\"\n\xc3\xa9",
                     *Tensor::fromDoubles({3}, ElementType::I8, {1, -2, 3})});
  tensors.push_back({"w", *Tensor::fromDoubles({2, 2}, ElementType::F32,
                                               {1.5, 2.5, -3.5, 4.5})});
  tensors.push_back({"none", *Tensor::create({0, 7}, ElementType::F64)});
  tensors.push_back({"s", *Tensor::fromDoubles({}, ElementType::BF16, {0.5})});
  const Metadata metadata = {{"format", "pt"}, {"recipe", "{\"r\": 4}\t"}};
  const std::string path = folder.path("x.safetensors");
  Status status = writeSafetensors(path, tensors, metadata);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(static_cast<unsigned char>(folder.read("x.safetensors")[0]) % 8, 0);

  Expected<Safetensors> back = Safetensors::open(path);
  ASSERT_TRUE(back) << back.message();
  EXPECT_EQ(back->metadata(), metadata);
  ASSERT_EQ(back->entries().size(), tensors.size());
  for (const NamedTensor &named : tensors) {
    Expected<Tensor> tensor = back->get(named.name);
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(tensor->shape(), named.tensor.shape());
    EXPECT_EQ(tensor->elementType(), named.tensor.elementType());
    EXPECT_EQ(tensor->readAsDoubles(), named.tensor.readAsDoubles());
  }
  EXPECT_TRUE(back->get("w")->isWritable()); // misaligned, so a copy
  EXPECT_FALSE(back->get("odd \"name\"\n\xc3\xa9")->isWritable());
}

TEST(Safetensors, TensorsOutliveTheFileObject) {
  TempFolder folder;
  const std::string path = folder.path("x.safetensors");
  ASSERT_TRUE(
      writeSafetensors(path, {{"w", *Tensor::fromDoubles({2}, ElementType::F32,
                                                         {1.0, 2.0})}})
          .ok());
  Expected<Tensor> tensor = [&] { return Safetensors::open(path)->get("w"); }();
  ASSERT_TRUE(tensor);
  EXPECT_FALSE(tensor->isWritable());
  EXPECT_EQ(tensor->at(1), 2.0);
}

TEST(Safetensors, WriterRefusesBadInput) {
  TempFolder folder;
  const std::string path = folder.path("x.safetensors");
  const Tensor t = *Tensor::create({2}, ElementType::F32);
  EXPECT_TRUE(says(writeSafetensors(path, {{"a", t}, {"a", t}}).message(),
                   "two tensors"));
  EXPECT_TRUE(says(writeSafetensors(path, {{"__metadata__", t}}).message(),
                   "reserved"));
  EXPECT_TRUE(
      says(writeSafetensors(path, {{"\xff", t}}).message(), "not UTF-8"));
  EXPECT_TRUE(
      says(writeSafetensors(path, {{"a", t}}, {{"k", "\xff"}}).message(),
           "not UTF-8"));
  EXPECT_EQ(folder.count(), 0u);
}

TEST(Safetensors, StreamingWriterChecksItsLayout) {
  TempFolder folder;
  const std::string path = folder.path("x.safetensors");
  const Tensor a = *Tensor::fromDoubles({2}, ElementType::F32, {1, 2});
  const Tensor b = *Tensor::fromDoubles({1}, ElementType::F64, {3});
  const Tensor none = *Tensor::create({0}, ElementType::F32);
  const std::vector<TensorEntry> layout = {
      {"a", ElementType::F32, {2}, 0, 0},
      {"none", ElementType::F32, {0}, 0, 0},
      {"b", ElementType::F64, {1}, 0, 0}};
  {
    Expected<SafetensorsWriter> writer =
        SafetensorsWriter::create(path, layout);
    ASSERT_TRUE(writer) << writer.message();
    EXPECT_TRUE(says(writer->append(b).message(), "was announced as"));
    ASSERT_TRUE(writer->append(a).ok());
    EXPECT_TRUE(says(writer->commit().message(), "8 announced bytes"));
  }
  EXPECT_EQ(folder.count(), 0u);
  {
    Expected<SafetensorsWriter> writer =
        SafetensorsWriter::create(path, layout);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append(a).ok());
    ASSERT_TRUE(writer->append(none).ok());
    ASSERT_TRUE(writer->append(b).ok());
    EXPECT_TRUE(says(writer->append(b).message(), "more tensors"));
    EXPECT_TRUE(says(writer->appendBytes("x", 1).message(), "more bytes"));
    ASSERT_TRUE(writer->commit().ok());
    EXPECT_EQ(Safetensors::open(path)->get("b")->at(0), 3.0);
  }
  {
    // Raw bytes and tensors mixed; the empty tensor may be left out.
    Expected<SafetensorsWriter> writer =
        SafetensorsWriter::create(path, layout);
    ASSERT_TRUE(writer);
    const char *bytes = static_cast<const char *>(a.data());
    ASSERT_TRUE(writer->appendBytes(bytes, 3).ok());
    EXPECT_TRUE(says(writer->append(a).message(), "in the middle"));
    ASSERT_TRUE(writer->appendBytes(bytes + 3, 5).ok());
    ASSERT_TRUE(writer->append(b).ok());
    ASSERT_TRUE(writer->commit().ok());
    EXPECT_EQ(Safetensors::open(path)->get("a")->at(1), 2.0);
  }
}

} // namespace
