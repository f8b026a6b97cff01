//===- InputSpecTest.cpp - Where the data of an argument comes from -------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/InputSpec.h"
#include "TestFiles.h"
#include "ra/Runtime/Npy.h"
#include "ra/Runtime/Safetensors.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ra::runtime;
using ra::runtime::test::says;
using ra::runtime::test::TempFolder;

namespace {

Expected<Tensor> make(const std::string &text, ElementType type,
                      const Shape &dims, RandomStream random = {}) {
  Expected<InputSpec> spec = parseInputSpec(text);
  if (!spec)
    return spec.takeFailure();
  return materialise(*spec, type, dims, random);
}

void refuses(const std::string &text, const std::string &why) {
  Expected<InputSpec> spec = parseInputSpec(text);
  ASSERT_FALSE(spec) << text;
  EXPECT_TRUE(says(spec.message(), why));
}

TEST(InputSpec, ParsesFiles) {
  Expected<InputSpec> spec = parseInputSpec("@dir/x.npy");
  ASSERT_TRUE(spec) << spec.message();
  EXPECT_EQ(spec->kind, InputSpec::Kind::Npy);
  EXPECT_EQ(spec->path, "dir/x.npy");
  EXPECT_FALSE(spec->cast);
  spec = parseInputSpec("@a#b.npy:cast");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->path, "a#b.npy");
  EXPECT_TRUE(spec->cast);
  spec = parseInputSpec("@m.safetensors#h.0#w.npy:cast");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->kind, InputSpec::Kind::Safetensors);
  EXPECT_EQ(spec->path, "m.safetensors");
  EXPECT_EQ(spec->tensorName, "h.0#w.npy");
  EXPECT_TRUE(spec->cast);
}

TEST(InputSpec, ParsesNumbers) {
  Expected<InputSpec> spec = parseInputSpec("normal(-1.5, 2e-1)");
  ASSERT_TRUE(spec) << spec.message();
  EXPECT_EQ(spec->first, -1.5);
  EXPECT_EQ(spec->second, 0.2);
  spec = parseInputSpec("uniform(0,1)");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->kind, InputSpec::Kind::Uniform);
  spec = parseInputSpec("2x3xf32=1, 2,3,4,5,-6");
  ASSERT_TRUE(spec) << spec.message();
  EXPECT_EQ(spec->shape, (Shape{2, 3}));
  EXPECT_EQ(spec->values, (std::vector<double>{1, 2, 3, 4, 5, -6}));
  EXPECT_EQ(parseInputSpec("bf16=inf")->type, ElementType::BF16);
}

TEST(InputSpec, RefusesBadText) {
  refuses("", "not an input");
  refuses("hello", "@file.npy");
  refuses("@", "must end in .npy");
  refuses("@x.txt", "must end in .npy");
  refuses("@x.safetensors", "'@x.safetensors#tensor.name'");
  refuses("@x.safetensors#", "no tensor after '#'");
  refuses("normal", "not an input");
  refuses("normal(", "normal(mean,std)");
  refuses("normal(1)", "normal(mean,std)");
  refuses("normal(1,2", "normal(mean,std)");
  refuses("normal(1,2) ", "normal(mean,std)");
  refuses("normal(a,2)", "'a' is not a number");
  refuses("normal(1,2,3)", "'2,3' is not a number");
  refuses("normal(0,-1)", "negative");
  refuses("normal(nan,1)", "finite");
  refuses("uniform(1,0)", "below");
  refuses("uniform(0,inf)", "finite");
  refuses("uniform(-1.7e308,1.7e308)", "finite");
  refuses("f32=", "is not a number");
  refuses("f32=1e999", "out of range");
  refuses("f32=0x10", "is not a number");
  refuses("f32=1,2", "1 elements, 2 values");
  refuses("2xf32=1,2,3", "2 elements, 3 values");
  refuses("2xf33=1", "'f33' is not an element type");
  refuses("x2xf32=1", "not an extent");
  refuses("-2xf32=1", "not an extent");
  refuses("?xf32=1", "not an extent");
  refuses("99999999999999999999xf32=1", "not an extent");
  refuses("4611686018427387904x4xf32=1", "overflow");
  refuses("i8=128", "not a value of i8");
  refuses("i32=0.5", "not a value of i32");
  refuses("i1=2", "not a value of i1");
  refuses("i64=9007199254740993000", "need a file");
  refuses("ui8=nan", "not a value of ui8");
}

TEST(InputSpec, LiteralsAndBroadcast) {
  Expected<Tensor> tensor = make("2x3xf16=0.1", ElementType::F16, {2, -1});
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->shape(), (Shape{2, 3}));
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(tensor->at(i), f16ToDouble(f16FromDouble(0.1)));
  EXPECT_EQ(make("f32=1", ElementType::F32, {})->at(0), 1.0);
  EXPECT_EQ(make("3xi32=1,-2,3", ElementType::I32, {3})->at(1), -2.0);
  EXPECT_EQ(make("0xf32=1", ElementType::F32, {-1})->numElements(), 0);
  EXPECT_TRUE(std::isnan(make("f32=nan", ElementType::F32, {})->at(0)));
}

TEST(InputSpec, MismatchesNameBothSides) {
  Expected<Tensor> tensor = make("2x3xf32=1", ElementType::F32, {2, 4});
  ASSERT_FALSE(tensor);
  EXPECT_TRUE(
      says(tensor.message(), "the data is 2x3xf32, the argument is 2x4xf32"));
  tensor = make("2x3xf32=1", ElementType::F16, {2, 3});
  ASSERT_FALSE(tensor);
  EXPECT_TRUE(says(tensor.message(), "the argument is 2x3xf16"));
  EXPECT_TRUE(says(tensor.message(), "'2x3xf16=...'"));
  EXPECT_FALSE(make("6xf32=1", ElementType::F32, {2, 3}));
}

TEST(InputSpec, RandomIsDefinedBySeedStreamAndIndex) {
  const Shape shape = {70, 100}; // more than one chunk
  Expected<Tensor> a = make("normal(1,2)", ElementType::F32, shape, {9, 4});
  ASSERT_TRUE(a) << a.message();
  for (uint64_t i : {0, 1, 4095, 4096, 6999}) {
    double expected;
    RandomStream{9, 4}.normal(1.0, 2.0, i, 1, &expected);
    EXPECT_EQ(a->at(static_cast<int64_t>(i)),
              static_cast<double>(static_cast<float>(expected)));
  }
  EXPECT_EQ(
      make("normal(1,2)", ElementType::F32, shape, {9, 4})->readAsDoubles(),
      a->readAsDoubles());
  EXPECT_NE(
      make("normal(1,2)", ElementType::F32, shape, {9, 5})->readAsDoubles(),
      a->readAsDoubles());
  EXPECT_NE(
      make("normal(1,2)", ElementType::F32, shape, {8, 4})->readAsDoubles(),
      a->readAsDoubles());
}

TEST(InputSpec, RandomNeedsExtents) {
  EXPECT_TRUE(says(make("normal(0,1)", ElementType::F32, {2, -1}).message(),
                   "--dim=ARG.1=N"));
  EXPECT_TRUE(
      says(make("uniform(0,1)", ElementType::I1, {2}).message(), "random"));
}

TEST(InputSpec, FilesKeepTheirTypeUnlessCast) {
  TempFolder folder;
  const double value = 1.0 + 0x1p-11 + 0x1p-40; // above an f16 tie
  const std::string wide = folder.path("wide.npy");
  ASSERT_TRUE(
      writeNpy(wide, *Tensor::fromDoubles({1, 2}, ElementType::F64, {value, 2}))
          .ok());
  Expected<Tensor> tensor = make("@" + wide, ElementType::F64, {1, -1});
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->shape(), (Shape{1, 2}));
  for (ElementType type :
       {ElementType::F32, ElementType::F16, ElementType::BF16}) {
    tensor = make("@" + wide, type, {1, 2});
    ASSERT_FALSE(tensor);
    EXPECT_TRUE(says(tensor.message(), "the data is 1x2xf64"));
    EXPECT_TRUE(says(tensor.message(), "append ':cast'"));
    tensor = make("@" + wide + ":cast", type, {1, 2});
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(tensor->at(0), roundToType(type, value));
  }
  tensor = make("@" + wide + ":cast", ElementType::I32, {1, 2});
  ASSERT_FALSE(tensor);
  EXPECT_TRUE(says(tensor.message(), "convert the file"));
  EXPECT_TRUE(
      says(make("@" + wide + ":cast", ElementType::F16, {2, 1}).message(),
           "the argument's shape"));
  EXPECT_TRUE(
      says(make("@" + folder.path("no.npy"), ElementType::F32, {}).message(),
           "cannot open"));
}

TEST(InputSpec, BF16AndSafetensorsFiles) {
  TempFolder folder;
  const Tensor half = *Tensor::fromDoubles({2}, ElementType::BF16, {1, -0.5});
  ASSERT_TRUE(writeNpy(folder.path("b.npy"), half).ok());
  Expected<Tensor> tensor =
      make("@" + folder.path("b.npy"), ElementType::BF16, {2});
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->at(1), -0.5);
  EXPECT_FALSE(make("@" + folder.path("b.npy"), ElementType::F32, {2}));

  const std::string path = folder.path("m.safetensors");
  ASSERT_TRUE(writeSafetensors(path, {{"a:cast", half}, {"b", half}}).ok());
  EXPECT_EQ(make("@" + path + "#b", ElementType::BF16, {2})->at(0), 1.0);
  EXPECT_EQ(make("@" + path + "#b:cast", ElementType::F32, {2})->at(1), -0.5);
  EXPECT_EQ(make("@" + path + "#a:cast:cast", ElementType::F32, {2})->at(1),
            -0.5);
  EXPECT_TRUE(says(make("@" + path + "#c", ElementType::BF16, {2}).message(),
                   "nearest: 'b'"));
}

} // namespace
