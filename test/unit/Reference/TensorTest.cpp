//===- TensorTest.cpp - The tensor dialect --------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include <cmath>

using namespace ra::reference;
using namespace ra::reference::test;

namespace {

class TensorTest : public ReferenceTest {};

Values iota(int64_t count) {
  Values values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = static_cast<double>(i);
  return values;
}

TEST_F(TensorTest, EmptyIsPoison) {
  Values v = values(R"mlir(
    func.func @main() -> tensor<2xf32> {
      %0 = tensor.empty() : tensor<2xf32>
      return %0 : tensor<2xf32>
    })mlir",
                    {});
  EXPECT_TRUE(std::isnan(v[0]) && std::isnan(v[1]));
}

TEST_F(TensorTest, ExtractSliceWithStridesAndDroppedDims) {
  EXPECT_EQ(values(R"mlir(
    func.func @main(%x: tensor<3x4x5xf32>, %o: index, %s: index) -> tensor<2x?xf32> {
      %0 = tensor.extract_slice %x[1, %o, 4] [2, %s, 1] [1, 2, 1]
        : tensor<3x4x5xf32> to tensor<2x?xf32>
      return %0 : tensor<2x?xf32>
    })mlir",
                   {tensor({3, 4, 5}, iota(60)), index(1), index(2)}),
            (Values{29, 39, 49, 59}));
}

TEST_F(TensorTest, InsertSliceKeepsTheOriginal) {
  std::vector<Tensor> r =
      run(R"mlir(
    func.func @main(%x: tensor<2xi32>, %d: tensor<2x4xi32>, %o: index)
        -> (tensor<2x4xi32>, tensor<2x4xi32>) {
      %0 = tensor.insert_slice %x into %d[1, %o] [1, 2] [1, 2]
        : tensor<2xi32> into tensor<2x4xi32>
      return %0, %d : tensor<2x4xi32>, tensor<2x4xi32>
    })mlir",
          {tensor({2}, {100, 200}, ElementType::I32),
           tensor({2, 4}, iota(8), ElementType::I32), index(1)});
  EXPECT_EQ(r[0].readAsDoubles(), (Values{0, 1, 2, 3, 4, 100, 6, 200}));
  EXPECT_EQ(r[1].readAsDoubles(), iota(8));
}

TEST_F(TensorTest, Reshapes) {
  std::vector<Tensor> r = run(R"mlir(
    func.func @main(%x: tensor<?x6xf32>, %n: index, %s: tensor<3xi32>)
        -> (tensor<?x2x3xf32>, tensor<?xf32>, tensor<?x?x?xf32>) {
      %0 = tensor.expand_shape %x [[0], [1, 2]] output_shape [%n, 2, 3]
        : tensor<?x6xf32> into tensor<?x2x3xf32>
      %1 = tensor.collapse_shape %x [[0, 1]] : tensor<?x6xf32> into tensor<?xf32>
      %2 = tensor.reshape %x(%s) : (tensor<?x6xf32>, tensor<3xi32>) -> tensor<?x?x?xf32>
      return %0, %1, %2 : tensor<?x2x3xf32>, tensor<?xf32>, tensor<?x?x?xf32>
    })mlir",
                              {tensor({4, 6}, iota(24)), index(4),
                               tensor({3}, {2, 3, 4}, ElementType::I32)});
  EXPECT_EQ(r[0].shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(r[1].shape(), (Shape{24}));
  EXPECT_EQ(r[2].shape(), (Shape{2, 3, 4}));
  for (const Tensor &t : r)
    EXPECT_EQ(t.readAsDoubles(), iota(24));
}

TEST_F(TensorTest, Concat) {
  Values out = values(R"mlir(
    func.func @main(%a: tensor<2x1x2xf32>, %b: tensor<2x?x2xf32>) -> tensor<2x?x2xf32> {
      %0 = tensor.concat dim(1) %a, %b
        : (tensor<2x1x2xf32>, tensor<2x?x2xf32>) -> tensor<2x?x2xf32>
      return %0 : tensor<2x?x2xf32>
    })mlir",
                      {tensor({2, 1, 2}, iota(4)),
                       tensor({2, 2, 2}, {10, 11, 12, 13, 14, 15, 16, 17})});
  EXPECT_EQ(out, (Values{0, 1, 10, 11, 12, 13, 2, 3, 14, 15, 16, 17}));
}

TEST_F(TensorTest, PadWithAValueAndWithAnExpression) {
  EXPECT_EQ(values(R"mlir(
    func.func @main(%x: tensor<1x2xf32>, %v: f32, %n: index) -> tensor<2x?xf32> {
      %0 = tensor.pad %x low[1, %n] high[0, 1] {
      ^bb0(%i: index, %j: index):
        tensor.yield %v : f32
      } : tensor<1x2xf32> to tensor<2x?xf32>
      return %0 : tensor<2x?xf32>
    })mlir",
                   {tensor({1, 2}, {5, 6}), scalar(-1), index(2)}),
            (Values{-1, -1, -1, -1, -1, -1, -1, 5, 6, -1}));
  EXPECT_EQ(values(R"mlir(
    func.func @main(%x: tensor<1xi32>) -> tensor<4xi32> {
      %0 = tensor.pad %x low[2] high[1] {
      ^bb0(%i: index):
        %v = arith.index_cast %i : index to i32
        tensor.yield %v : i32
      } : tensor<1xi32> to tensor<4xi32>
      return %0 : tensor<4xi32>
    })mlir",
                   {tensor({1}, {50}, ElementType::I32)}),
            (Values{0, 1, 50, 3}));
}

TEST_F(TensorTest, Makers) {
  std::vector<Tensor> r = run(R"mlir(
    func.func @main(%x: f32, %n: index) -> (tensor<?xf32>, tensor<2x2xf32>, tensor<?x2xindex>) {
      %y = arith.addf %x, %x : f32
      %0 = tensor.splat %x[%n] : tensor<?xf32>
      %1 = tensor.from_elements %x, %y, %y, %x : tensor<2x2xf32>
      %2 = tensor.generate %n {
      ^bb0(%i: index, %j: index):
        %c10 = arith.constant 10 : index
        %a = arith.muli %i, %c10 : index
        %b = arith.addi %a, %j : index
        tensor.yield %b : index
      } : tensor<?x2xindex>
      return %0, %1, %2 : tensor<?xf32>, tensor<2x2xf32>, tensor<?x2xindex>
    })mlir",
                              {scalar(3), index(3)});
  EXPECT_EQ(r[0].readAsDoubles(), (Values{3, 3, 3}));
  EXPECT_EQ(r[1].readAsDoubles(), (Values{3, 6, 6, 3}));
  EXPECT_EQ(r[2].readAsDoubles(), (Values{0, 1, 10, 11, 20, 21}));
}

TEST_F(TensorTest, GenerateOfManyElements) {
  // More than one strip and one task; values captured from outside.
  Values out = values(R"mlir(
    func.func @main(%t: tensor<7xf32>, %s: f32) -> tensor<333x301xf32> {
      %c7 = arith.constant 7 : index
      %0 = tensor.generate {
      ^bb0(%i: index, %j: index):
        %k = affine.apply affine_map<(i, j) -> ((i * 3 + j) mod 7)>(%i, %j)
        %v = tensor.extract %t[%k] : tensor<7xf32>
        %w = arith.mulf %v, %s : f32
        tensor.yield %w : f32
      } : tensor<333x301xf32>
      return %0 : tensor<333x301xf32>
    })mlir",
                      {tensor({7}, {1, 2, 3, 4, 5, 6, 7}), scalar(0.5)});
  for (int64_t i = 0; i < 333; ++i)
    for (int64_t j = 0; j < 301; ++j)
      ASSERT_EQ(out[i * 301 + j], ((i * 3 + j) % 7 + 1) * 0.5) << i << "," << j;
}

TEST_F(TensorTest, Dims) {
  EXPECT_EQ(values(R"mlir(
    func.func @main(%x: tensor<?x3xf32>, %d: index) -> index {
      %0 = tensor.dim %x, %d : tensor<?x3xf32>
      %1 = tensor.rank %x : tensor<?x3xf32>
      %c100 = arith.constant 100 : index
      %2 = arith.muli %1, %c100 : index
      %3 = arith.addi %0, %2 : index
      return %3 : index
    })mlir",
                   {tensor({5, 3}, iota(15)), index(0)}),
            Values{205});
}

TEST_F(TensorTest, Gather) {
  std::vector<Tensor> r = run(R"mlir(
    func.func @main(%x: tensor<3x4x2xf32>, %i: tensor<2x1xindex>, %p: tensor<2x2xi32>)
        -> (tensor<2x3x1x2xf32>, tensor<2x4xf32>) {
      %0 = tensor.gather %x[%i] gather_dims([1])
        : (tensor<3x4x2xf32>, tensor<2x1xindex>) -> tensor<2x3x1x2xf32>
      %1 = tensor.gather %x[%p] gather_dims([0, 2])
        : (tensor<3x4x2xf32>, tensor<2x2xi32>) -> tensor<2x4xf32>
      return %0, %1 : tensor<2x3x1x2xf32>, tensor<2x4xf32>
    })mlir",
                              {tensor({3, 4, 2}, iota(24)),
                               tensor({2, 1}, {3, 0}, ElementType::I64),
                               tensor({2, 2}, {2, 1, 0, 0}, ElementType::I32)});
  EXPECT_EQ(r[0].readAsDoubles(),
            (Values{6, 7, 14, 15, 22, 23, 0, 1, 8, 9, 16, 17}));
  EXPECT_EQ(r[1].readAsDoubles(), (Values{17, 19, 21, 23, 0, 2, 4, 6}));
}

} // namespace
