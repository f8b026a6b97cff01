//===- TensorTest.cpp - Dense host tensors --------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Tensor.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <cstring>
#include <limits>

using namespace ra::runtime;
using ra::runtime::test::says;

namespace {

TEST(Tensor, CreateIsZeroAlignedAndWritable) {
  Expected<Tensor> tensor = Tensor::create({3, 5}, ElementType::F16);
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->numElements(), 15);
  EXPECT_EQ(tensor->byteSize(), 30u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->data()) % Tensor::kAlignment,
            0u);
  for (int64_t i = 0; i < 15; ++i)
    EXPECT_EQ(tensor->at(i), 0.0);
  tensor->set(7, 1.0 + 0x1p-11); // a tie in f16: to even
  EXPECT_EQ(tensor->at(7), 1.0);
}

TEST(Tensor, ScalarsAndEmptyTensors) {
  Expected<Tensor> scalar = Tensor::create({}, ElementType::F32);
  ASSERT_TRUE(scalar);
  EXPECT_EQ(scalar->numElements(), 1);
  Expected<Tensor> empty = Tensor::create({4, 0, 2}, ElementType::F32);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->numElements(), 0);
  EXPECT_TRUE(empty->readAsDoubles().empty());
  EXPECT_TRUE(empty->clone());
  EXPECT_EQ(Tensor().numElements(), 0);
}

TEST(Tensor, SizesAreChecked) {
  const int64_t large = int64_t(1) << 40;
  EXPECT_TRUE(says(checkedNumElements({2, -1}).message(), "negative"));
  EXPECT_TRUE(says(checkedNumElements({large, large}).message(), "overflow"));
  // A zero beside them does not excuse extents that overflow.
  EXPECT_TRUE(
      says(checkedNumElements({0, large, large}).message(), "overflow"));
  EXPECT_TRUE(
      says(checkedByteSize({int64_t(1) << 61}, ElementType::F64).message(),
           "overflow"));
  EXPECT_EQ(*checkedByteSize({3, 0, 5}, ElementType::F64), 0u);
  EXPECT_TRUE(
      says(Tensor::create({int64_t(1) << 55}, ElementType::F32).message(),
           "memory"));
  EXPECT_FALSE(Tensor::create({-3}, ElementType::F32));
}

TEST(Tensor, ViewKeepsItsOwnerAlive) {
  auto owner = std::make_shared<std::vector<float>>(
      std::vector<float>{1.0f, 2.0f, 3.0f});
  std::weak_ptr<std::vector<float>> watch = owner;
  {
    Expected<Tensor> view =
        Tensor::view({3}, ElementType::F32, owner->data(), 12, owner);
    ASSERT_TRUE(view) << view.message();
    owner.reset();
    EXPECT_FALSE(watch.expired());
    EXPECT_EQ(view->at(2), 3.0);
    EXPECT_FALSE(view->isWritable());
    EXPECT_EQ(view->mutableData(), nullptr);
    Expected<Tensor> copy = view->clone();
    ASSERT_TRUE(copy);
    copy->set(2, 9.0);
    EXPECT_EQ(view->at(2), 3.0);
    EXPECT_EQ(copy->at(2), 9.0);
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, ViewRefusesWrongSizeAndAlignment) {
  alignas(8) static const char bytes[16] = {};
  EXPECT_TRUE(says(
      Tensor::view({3}, ElementType::F32, bytes, 16, nullptr).message(), "12"));
  EXPECT_TRUE(
      says(Tensor::view({2}, ElementType::F32, bytes + 1, 8, nullptr).message(),
           "aligned"));
}

TEST(Tensor, ConvertRoundsOnceAndKeepsWideIntegers) {
  // 1 + 2^-11 + 2^-40 is above the tie of f16; by way of f32 it would be on it.
  Expected<Tensor> wide = Tensor::fromDoubles({2}, ElementType::F64,
                                              {1.0 + 0x1p-11 + 0x1p-40, -0.1});
  ASSERT_TRUE(wide);
  Expected<Tensor> half = wide->convertTo(ElementType::F16);
  ASSERT_TRUE(half);
  EXPECT_EQ(half->at(0), 1.0 + 0x1p-10);
  EXPECT_EQ(half->at(1), f16ToDouble(f16FromDouble(-0.1)));

  Expected<Tensor> integers = Tensor::create({2}, ElementType::I64);
  ASSERT_TRUE(integers);
  const int64_t values[2] = {(int64_t(1) << 53) + 1, -5};
  std::memcpy(integers->mutableData(), values, sizeof(values));
  Expected<Tensor> natural = integers->convertTo(ElementType::U64);
  ASSERT_TRUE(natural);
  uint64_t results[2];
  std::memcpy(results, natural->data(), sizeof(results));
  EXPECT_EQ(results[0], (uint64_t(1) << 53) + 1);
  EXPECT_EQ(results[1], 0u);
  EXPECT_EQ(integers->convertTo(ElementType::I8)->at(0), 127.0);
  EXPECT_EQ(integers->convertTo(ElementType::I1)->at(1), 1.0);
}

TEST(Tensor, EveryTypeReadsWhatWasWritten) {
  for (ElementType type :
       {ElementType::F64, ElementType::F32, ElementType::F16, ElementType::BF16,
        ElementType::I64, ElementType::I32, ElementType::I16, ElementType::I8,
        ElementType::U64, ElementType::U32, ElementType::U16, ElementType::U8,
        ElementType::I1}) {
    Expected<Tensor> tensor =
        Tensor::fromDoubles({2, 2}, type, {0.0, 1.0, 1.0, 0.0});
    ASSERT_TRUE(tensor);
    EXPECT_EQ(tensor->readAsDoubles(),
              (std::vector<double>{0.0, 1.0, 1.0, 0.0}))
        << elementTypeName(type);
    double middle[2];
    tensor->readDoubles(1, 2, middle);
    EXPECT_EQ(middle[0] + middle[1], 2.0);
  }
  EXPECT_TRUE(
      says(Tensor::fromDoubles({3}, ElementType::F32, {1.0}).message(), "3"));
}

TEST(Tensor, ReshapeSharesBytes) {
  Expected<Tensor> tensor = Tensor::create({2, 6}, ElementType::F32);
  ASSERT_TRUE(tensor);
  Expected<Tensor> other = tensor->reshape({3, 4});
  ASSERT_TRUE(other);
  tensor->set(5, 2.0);
  EXPECT_EQ(other->at(5), 2.0);
  EXPECT_FALSE(tensor->reshape({5}));
}

TEST(Tensor, ShapeText) {
  EXPECT_EQ(shapeString({2, -1}, ElementType::BF16), "2x?xbf16");
  EXPECT_EQ(shapeString({}, ElementType::F32), "f32");
}

TEST(Status, CarriesItsMessage) {
  EXPECT_TRUE(Status::success().ok());
  Status status = fail("why");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "why");
  Expected<int> handedOn = status.takeFailure();
  ASSERT_FALSE(handedOn);
  EXPECT_EQ(handedOn.message(), "why");
  Expected<int> value = 3;
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, 3);
}

} // namespace
