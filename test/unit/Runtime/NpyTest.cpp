//===- NpyTest.cpp - NumPy array files ------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Npy.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <cstring>

using namespace ra::runtime;
using ra::runtime::test::says;
using ra::runtime::test::TempFolder;

namespace {

/// An .npy file by the format's definition.
std::string npy(const std::string &dict, const std::string &data,
                char major = 1) {
  const std::string header = dict + "\n";
  std::string file("\x93NUMPY");
  file += major;
  file += '\0';
  const size_t lengthBytes = major == 1 ? 2 : 4;
  for (size_t i = 0; i < lengthBytes; ++i)
    file += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  return file + header + data;
}

std::string dict(const std::string &descr, const std::string &shape,
                 const std::string &order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }";
}

std::string floats(std::initializer_list<float> values) {
  std::string bytes;
  for (float value : values)
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
  return bytes;
}

Expected<Tensor> parse(const std::string &file, NpyReadOptions options = {}) {
  // The tensor may point into the bytes, so they live as long as it does.
  auto owner = std::make_shared<const std::string>(file);
  return parseNpy(owner->data(), owner->size(), owner, "x.npy", options);
}

void refuses(const std::string &file, const std::string &why) {
  Expected<Tensor> tensor = parse(file);
  ASSERT_FALSE(tensor) << why;
  EXPECT_TRUE(says(tensor.message(), why));
  EXPECT_TRUE(says(tensor.message(), "x.npy: "));
}

TEST(Npy, ReadsAllVersionsAndShapes) {
  for (char version : {1, 2, 3}) {
    Expected<Tensor> tensor =
        parse(npy(dict("<f4", "(2, 2)"), floats({1, 2, 3, 4}), version));
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(tensor->shape(), (Shape{2, 2}));
    EXPECT_EQ(tensor->readAsDoubles(), (std::vector<double>{1, 2, 3, 4}));
  }
  EXPECT_EQ(parse(npy(dict("<f4", "()"), floats({7})))->at(0), 7.0);
  EXPECT_EQ(parse(npy(dict("<f4", "(1,)"), floats({7})))->shape(), Shape{1});
  EXPECT_EQ(parse(npy(dict("<f4", "(0, 3)"), ""))->numElements(), 0);
  // Any order, either quote, no trailing comma.
  EXPECT_TRUE(parse(npy("{\"shape\":(1,),\"fortran_order\":False,"
                        "\"descr\":\"<f4\"}",
                        floats({7}))));
}

TEST(Npy, ReadsAllTypes) {
  struct {
    const char *descr;
    ElementType type;
  } const known[] = {
      {"<f8", ElementType::F64}, {"<f4", ElementType::F32},
      {"<f2", ElementType::F16}, {"<i8", ElementType::I64},
      {"<i4", ElementType::I32}, {"<i2", ElementType::I16},
      {"|i1", ElementType::I8},  {"<i1", ElementType::I8},
      {"<u8", ElementType::U64}, {"<u4", ElementType::U32},
      {"<u2", ElementType::U16}, {"|u1", ElementType::U8},
      {"|b1", ElementType::I1},
  };
  for (const auto &row : known) {
    Expected<Tensor> tensor = parse(npy(
        dict(row.descr, "(3,)"), std::string(3 * elementSize(row.type), 0)));
    ASSERT_TRUE(tensor) << row.descr << ": " << tensor.message();
    EXPECT_EQ(tensor->elementType(), row.type);
  }
}

TEST(Npy, BF16OnlyOnRequest) {
  const std::string file = npy(dict("<V2", "(1,)"), std::string("\x80\x3f", 2));
  refuses(file, "bf16 argument");
  Expected<Tensor> tensor = parse(file, {/*voidIsBF16=*/true});
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->elementType(), ElementType::BF16);
  EXPECT_EQ(tensor->at(0), 1.0);
}

TEST(Npy, RefusesBadStarts) {
  refuses("", "too short");
  refuses("\x93NUMP", "too short");
  refuses("PK\x03\x04 not an array", "not an .npy file");
  std::string file = npy(dict("<f4", "()"), floats({1}));
  file[6] = 4;
  refuses(file, "version 4.0");
  file[6] = 1;
  file[7] = 1;
  refuses(file, "version 1.1");
}

TEST(Npy, RefusesEveryTruncation) {
  const std::string file = npy(dict("<f4", "(2,)"), floats({1, 2}));
  ASSERT_TRUE(parse(file));
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(parse(file.substr(0, size))) << size;
  refuses(file.substr(0, 9), "header length");
  refuses(file.substr(0, 30), "cut short");
  refuses(file.substr(0, file.size() - 1), "takes 8 bytes");
}

TEST(Npy, RefusesHeaderOverTheCap) {
  const std::string large = dict("<f4", "()") + std::string(70000, ' ');
  refuses(npy(large, floats({1}), 2), "at most 65535");
}

TEST(Npy, RefusesTrailingData) {
  refuses(npy(dict("<f4", "(1,)"), floats({1, 2})), "takes 4 bytes");
}

TEST(Npy, RefusesFortranOrder) {
  refuses(npy(dict("<f4", "(1, 1)", "True"), floats({1})), "ascontiguousarray");
}

TEST(Npy, RefusesOtherTypes) {
  refuses(npy(dict(">f4", "(1,)"), floats({1})), "big-endian");
  refuses(npy(dict("=f4", "(1,)"), floats({1})), "'=f4'");
  refuses(npy(dict("|O", "(1,)"), "12345678"), "pickle");
  refuses(npy(dict("<c8", "(1,)"), "12345678"), "'<c8'");
  refuses(npy(dict("<U4", "(1,)"), "12345678"), "'<U4'");
  refuses(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': "
              "(1,), }",
              floats({1})),
          "structured");
}

TEST(Npy, RefusesBadShapes) {
  refuses(npy(dict("<f4", "(-1,)"), ""), "extent");
  refuses(npy(dict("<f4", "(1)"), floats({1})), "','");
  refuses(npy(dict("<f4", "1"), floats({1})), "a tuple");
  refuses(npy(dict("<f4", "(1 1)"), floats({1})), "','");
  refuses(npy(dict("<f4", "(01,)"), floats({1})), "extent");
  refuses(npy(dict("<f4", "(1L,)"), floats({1})), "','");
  refuses(npy(dict("<f4", "(99999999999999999999,)"), ""), "overflow");
  refuses(npy(dict("<f4", "(4611686018427387904, 4)"), ""), "overflow");
  refuses(npy(dict("<f8", "(4611686018427387904,)"), ""), "overflow");
  refuses(npy(dict("<f4", "(1099511627776, 1099511627776, 0)"), ""),
          "overflow");
  std::string many = "(";
  for (int i = 0; i < 65; ++i)
    many += "1, ";
  refuses(npy(dict("<f4", many + ")"), floats({1})), "64 axes");
}

TEST(Npy, RefusesBadDicts) {
  refuses(npy("{'descr': '<f4', 'fortran_order': False, }", ""), "lacks");
  refuses(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, "
              "'shape': (), }",
              floats({1})),
          "twice");
  refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1, "
              "}",
              floats({1})),
          "unknown key 'x'");
  refuses(npy("{'descr': '<f4' 'fortran_order': False, 'shape': (), }", ""),
          "',' or '}'");
  refuses(npy("{'descr' '<f4'}", ""), "':'");
  refuses(npy("{'descr': '<f\\x34', 'fortran_order': False, 'shape': ()}", ""),
          "without escapes");
  refuses(npy("{'descr': '<f4, }", ""), "a string");
  refuses(npy("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (), }", ""),
          "True or False");
  refuses(npy(dict("<f4", "()") + "}", floats({1})), "goes on");
  refuses(npy("", ""), "'{'");
  refuses(npy("[]", ""), "'{'");
  refuses(npy("{", ""), "before its end");
  // No newline at the end of the header.
  std::string file = npy(dict("<f4", "()"), floats({1}));
  file[file.size() - 5] = ' ';
  refuses(file, "newline");
}

TEST(Npy, MisalignedDataIsCopied) {
  for (size_t pad = 0; pad < 4; ++pad) {
    auto owner = std::make_shared<const std::string>(
        npy(dict("<f4", "(2,)") + std::string(pad, ' '), floats({1, 2})));
    Expected<Tensor> tensor =
        parseNpy(owner->data(), owner->size(), owner, "x.npy");
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(tensor->readAsDoubles(), (std::vector<double>{1, 2}));
    const char *data = static_cast<const char *>(tensor->data());
    const bool inside =
        data >= owner->data() && data < owner->data() + owner->size();
    const auto place =
        reinterpret_cast<uintptr_t>(owner->data()) + owner->size() - 8;
    EXPECT_EQ(inside, place % 4 == 0);
  }
}

TEST(Npy, WritesWhatItReads) {
  TempFolder folder;
  for (ElementType type :
       {ElementType::F64, ElementType::F32, ElementType::F16, ElementType::BF16,
        ElementType::I64, ElementType::I32, ElementType::I16, ElementType::I8,
        ElementType::U64, ElementType::U32, ElementType::U16, ElementType::U8,
        ElementType::I1})
    for (const Shape &shape : {Shape{}, Shape{3}, Shape{2, 3}, Shape{2, 0}}) {
      Expected<Tensor> tensor = Tensor::create(shape, type);
      ASSERT_TRUE(tensor);
      for (int64_t i = 0; i < tensor->numElements(); ++i)
        tensor->set(i, static_cast<double>(i));
      const std::string path = folder.path("x.npy");
      Status status = writeNpy(path, *tensor);
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ((folder.read("x.npy").size() - tensor->byteSize()) % 64, 0u);
      Expected<Tensor> back =
          readNpy(path, {/*voidIsBF16=*/type == ElementType::BF16});
      ASSERT_TRUE(back) << back.message();
      EXPECT_EQ(back->elementType(), type);
      EXPECT_EQ(back->shape(), shape);
      EXPECT_EQ(back->readAsDoubles(), tensor->readAsDoubles());
      EXPECT_FALSE(back->isWritable()); // on the mapped file
    }
  EXPECT_EQ(folder.count(), 1u);
}

TEST(Npy, WritesTheBytesThatNumPyWrites) {
  TempFolder folder;
  Expected<Tensor> tensor = Tensor::fromDoubles({1}, ElementType::F32, {1.0});
  ASSERT_TRUE(tensor);
  ASSERT_TRUE(writeNpy(folder.path("x.npy"), *tensor).ok());
  // numpy.save of an array([1.], dtype=float32): a 128-byte head.
  std::string head("\x93NUMPY\x01\x00\x76\x00", 10);
  head += "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
  head.append(127 - head.size(), ' ');
  EXPECT_EQ(folder.read("x.npy").substr(0, 67), head.substr(0, 67));
  EXPECT_EQ(folder.read("x.npy").substr(128), floats({1}));
}

TEST(Npy, MissingFile) {
  TempFolder folder;
  EXPECT_TRUE(says(readNpy(folder.path("none.npy")).message(), "cannot open"));
}

} // namespace
