//===- ControlTest.cpp - Calls, branches, loops, affine, constants --------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

using namespace ra::reference;
using namespace ra::reference::test;

namespace {

class ControlTest : public ReferenceTest {};

TEST_F(ControlTest, CallsKeepTheirValuesApart) {
  EXPECT_EQ(values(R"mlir(
    func.func private @twice(%x: f64) -> f64 {
      %y = arith.addf %x, %x : f64
      return %y : f64
    }
    func.func private @four(%x: f64) -> f64 {
      %a = call @twice(%x) : (f64) -> f64
      %b = call @twice(%a) : (f64) -> f64
      return %b : f64
    }
    func.func @main(%x: f64) -> f64 {
      %a = call @four(%x) : (f64) -> f64
      %b = call @twice(%x) : (f64) -> f64
      %c = arith.subf %a, %b : f64
      return %c : f64
    })mlir",
                   {scalar(3)}),
            Values{6});
}

TEST_F(ControlTest, IfTakesOneSide) {
  const char *text = R"mlir(
    func.func @main(%c: i1, %x: i32) -> i32 {
      %r = scf.if %c -> i32 {
        %y = arith.addi %x, %x : i32
        scf.yield %y : i32
      } else {
        %zero = arith.constant 0 : i32
        %y = arith.divsi %x, %zero : i32
        scf.yield %y : i32
      }
      return %r : i32
    })mlir";
  Tensor x = scalar(21, ElementType::I32);
  EXPECT_EQ(values(text, {scalar(1, ElementType::I1), x}), Values{42});
  EXPECT_NE(error(text, {scalar(0, ElementType::I1), x}).find("by zero"),
            std::string::npos);
}

TEST_F(ControlTest, ForCarriesTensors) {
  // The running sum of 0, 3, 6, 9 beside their squares in a tensor; the tensor
  // that goes in stays as it was.
  std::vector<Tensor> r =
      run(R"mlir(
    func.func @main(%t: tensor<4xi64>, %n: index) -> (i64, tensor<4xi64>, tensor<4xi64>) {
      %c0 = arith.constant 0 : index
      %c3 = arith.constant 3 : index
      %z = arith.constant 0 : i64
      %s, %u = scf.for %i = %c0 to %n step %c3 iter_args(%a = %z, %b = %t)
          -> (i64, tensor<4xi64>) {
        %v = arith.index_cast %i : index to i64
        %sum = arith.addi %a, %v : i64
        %sq = arith.muli %v, %v : i64
        %at = arith.divui %i, %c3 : index
        %next = tensor.insert %sq into %b[%at] : tensor<4xi64>
        scf.yield %sum, %next : i64, tensor<4xi64>
      }
      return %s, %u, %t : i64, tensor<4xi64>, tensor<4xi64>
    })mlir",
          {tensor({4}, {7, 7, 7, 7}, ElementType::I64), index(12)});
  EXPECT_EQ(r[0].readAsDoubles(), Values{18});
  EXPECT_EQ(r[1].readAsDoubles(), (Values{0, 9, 36, 81}));
  EXPECT_EQ(r[2].readAsDoubles(), (Values{7, 7, 7, 7}));
}

TEST_F(ControlTest, ForThatDoesNotRun) {
  EXPECT_EQ(values(R"mlir(
    func.func @main(%x: f32) -> f32 {
      %c5 = arith.constant 5 : index
      %c1 = arith.constant 1 : index
      %r = scf.for %i = %c5 to %c5 step %c1 iter_args(%a = %x) -> f32 {
        %y = arith.addf %a, %a : f32
        scf.yield %y : f32
      }
      return %r : f32
    })mlir",
                   {scalar(1.5)}),
            Values{1.5});
}

TEST_F(ControlTest, Affine) {
  std::vector<Tensor> r = run(R"mlir(
    func.func @main(%i: index, %n: index) -> (index, index, index, index) {
      %0 = affine.apply affine_map<(d0)[s0] -> (d0 * 3 + s0 floordiv 4 - 1)>(%i)[%n]
      %1 = affine.min affine_map<(d0)[s0] -> (d0, s0 - d0, 5)>(%i)[%n]
      %2 = affine.max affine_map<(d0)[s0] -> (d0, s0 ceildiv 4)>(%i)[%n]
      %3 = affine.apply affine_map<(d0) -> (d0 mod 4)>(%i)
      return %0, %1, %2, %3 : index, index, index, index
    })mlir",
                              {index(-3), index(11)});
  EXPECT_EQ(r[0].at(0), -8);
  EXPECT_EQ(r[1].at(0), -3);
  EXPECT_EQ(r[2].at(0), 3);
  EXPECT_EQ(r[3].at(0), 1);
}

TEST_F(ControlTest, Constants) {
  std::vector<Tensor> r = run(R"mlir(
    func.func @main() -> (tensor<2x2xf16>, tensor<3xbf16>, tensor<2xi8>,
                          tensor<4xi1>, tensor<2xf32>, tensor<2xi16>, i8,
                          tensor<3xindex>) {
      %0 = arith.constant dense<[[1.0, 2.0], [3.0, 0.1]]> : tensor<2x2xf16>
      %1 = arith.constant dense<0.3> : tensor<3xbf16>
      %2 = arith.constant dense<[-1, 127]> : tensor<2xi8>
      %3 = arith.constant dense<[true, false, false, true]> : tensor<4xi1>
      %4 = arith.constant dense_resource<floats> : tensor<2xf32>
      %5 = arith.constant dense_resource<shorts> : tensor<2xi16>
      %6 = arith.constant -128 : i8
      %7 = arith.constant dense<[-5, 0, 7]> : tensor<3xindex>
      return %0, %1, %2, %3, %4, %5, %6, %7 : tensor<2x2xf16>, tensor<3xbf16>,
        tensor<2xi8>, tensor<4xi1>, tensor<2xf32>, tensor<2xi16>, i8, tensor<3xindex>
    }
    {-# dialect_resources: { builtin: {
      floats: "0x040000000000C03F000020C1",
      shorts: "0x02000000FFFF0100"
    } } #-})mlir",
                              {});
  // 0.1 as f16 and 0.3 as bf16, though values are f64.
  EXPECT_EQ(r[0].readAsDoubles(), (Values{1, 2, 3, 0.0999755859375}));
  EXPECT_EQ(r[1].readAsDoubles(), Values(3, 0.30078125));
  EXPECT_EQ(r[2].readAsDoubles(), (Values{-1, 127}));
  EXPECT_EQ(r[3].readAsDoubles(), (Values{1, 0, 0, 1}));
  EXPECT_EQ(r[4].readAsDoubles(), (Values{1.5, -10}));
  EXPECT_EQ(r[5].readAsDoubles(), (Values{-1, 1}));
  EXPECT_EQ(r[6].readAsDoubles(), Values{-128});
  EXPECT_EQ(r[7].readAsDoubles(), (Values{-5, 0, 7}));
  EXPECT_EQ(r[2].elementType(), ElementType::I8);
  EXPECT_EQ(r[3].elementType(), ElementType::I1);
  EXPECT_EQ(r[7].elementType(), ElementType::I64);
}

TEST_F(ControlTest, QuantisedPerTensor) {
  std::vector<Tensor> r =
      run(R"mlir(
    !q = !quant.uniform<u8:f32, 0.5:10>
    func.func @main(%w: tensor<4xi8>, %x: tensor<6xf32>)
        -> (tensor<4xf32>, tensor<6xi8>) {
      %0 = quant.scast %w : tensor<4xi8> to tensor<4x!q>
      %1 = quant.dcast %0 : tensor<4x!q> to tensor<4xf32>
      %2 = quant.qcast %x : tensor<6xf32> to tensor<6x!q>
      %3 = quant.scast %2 : tensor<6x!q> to tensor<6xi8>
      return %1, %3 : tensor<4xf32>, tensor<6xi8>
    })mlir",
          {tensor({4}, {0, 10, 127, -1}, ElementType::I8),
           tensor({6}, {0, 0.25, 0.75, -100, 122.5, 1000})});
  EXPECT_EQ(r[0].readAsDoubles(), (Values{-5, 0, 58.5, 122.5}));
  // Ties to even: 0.25 / 0.5 is half way, and so is 0.75 / 0.5. 255 is -1.
  EXPECT_EQ(r[1].readAsDoubles(), (Values{10, 10, 12, 0, -1, -1}));
}

TEST_F(ControlTest, QuantisedPerAxis) {
  EXPECT_EQ(values(R"mlir(
    !q = !quant.uniform<i8:f32:0, {0.5, 2.0:-1}>
    func.func @main(%w: tensor<2x3xi8>) -> tensor<2x3xf32> {
      %0 = quant.scast %w : tensor<2x3xi8> to tensor<2x3x!q>
      %1 = quant.dcast %0 : tensor<2x3x!q> to tensor<2x3xf32>
      return %1 : tensor<2x3xf32>
    })mlir",
                   {tensor({2, 3}, {1, 2, -3, 1, 2, -3}, ElementType::I8)}),
            (Values{0.5, 1, -1.5, 4, 6, -4}));
}

} // namespace
