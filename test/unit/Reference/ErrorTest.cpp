//===- ErrorTest.cpp - What is refused, and how ---------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each case checks for one diagnostic, and for the words that say what to do.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

using namespace ra::reference;
using namespace ra::reference::test;

namespace {

class ErrorTest : public ReferenceTest {
protected:
  void expectError(const std::string &text, const std::vector<Tensor> &args,
                   const std::vector<std::string> &words) {
    std::string message = error(text, args);
    for (const std::string &word : words)
      EXPECT_NE(message.find(word), std::string::npos)
          << "'" << word << "' in: " << message;
  }
};

TEST_F(ErrorTest, UnsupportedOp) {
  expectError(
      R"mlir(
    func.func @main(%x: tensor<4xf32>, %i: tensor<1x1xindex>) -> tensor<8xf32> {
      %e = tensor.empty() : tensor<8xf32>
      %s = tensor.extract_slice %x[0] [1] [1] : tensor<4xf32> to tensor<1xf32>
      %0 = tensor.scatter %s into %e[%i] scatter_dims([0]) unique
        : (tensor<1xf32>, tensor<8xf32>, tensor<1x1xindex>) -> tensor<8xf32>
      return %0 : tensor<8xf32>
    })mlir",
      {tensor({4}, Values(4)), tensor({1, 1}, Values(1), ElementType::I64)},
      {"'tensor.scatter'", "supports", "linalg"});
}

TEST_F(ErrorTest, UnsupportedTypes) {
  expectError(R"mlir(
    func.func @main() -> vector<4xf32> {
      %0 = arith.constant dense<1.0> : vector<4xf32>
      return %0 : vector<4xf32>
    })mlir",
              {}, {"vector<4xf32>", "ranked tensors"});
  expectError("func.func @main(%m: memref<4xf32>) { return }",
              {tensor({4}, Values(4))}, {"memref<4xf32>"});
  expectError(R"mlir(
    func.func @main(%x: i128) -> i128 { return %x : i128 })mlir",
              {index(0)}, {"i128", "64 bits"});
}

TEST_F(ErrorTest, Branches) {
  expectError(R"mlir(
    func.func @main(%c: i1, %x: f32) -> f32 {
      cf.cond_br %c, ^a(%x : f32), ^b
    ^a(%y: f32):
      return %y : f32
    ^b:
      return %x : f32
    })mlir",
              {scalar(1, ElementType::I1), scalar(0)}, {"one block", "scf.if"});
}

TEST_F(ErrorTest, NumberOfArguments) {
  expectError("func.func @main(%x: f32) { return }", {},
              {"takes 1 arguments", "given 0"});
}

TEST_F(ErrorTest, ArgumentShapeAndType) {
  const char *text = "func.func @main(%a: f32, %x: tensor<2x?xf32>) { return }";
  expectError(text, {scalar(0), tensor({3, 4}, Values(12))},
              {"argument #1", "tensor<2x?xf32>", "3x4xf64"});
  expectError(text, {scalar(0), tensor({2, 4}, Values(8), ElementType::I32)},
              {"argument #1", "2x4xi32", "floats take floats"});
  expectError(text, {tensor({1}, {0}), tensor({2, 4}, Values(8))},
              {"argument #0", "1xf64"});
}

TEST_F(ErrorTest, MissingBody) {
  expectError("func.func private @main(%x: f32)", {scalar(0)},
              {"body of @main"});
  expectError(R"mlir(
    func.func private @g(f32) -> f32
    func.func @main(%x: f32) -> f32 {
      %0 = call @g(%x) : (f32) -> f32
      return %0 : f32
    })mlir",
              {scalar(0)}, {"body of @g"});
}

TEST_F(ErrorTest, EndlessRecursion) {
  expectError(R"mlir(
    func.func @main(%x: f32) -> f32 {
      %0 = call @main(%x) : (f32) -> f32
      return %0 : f32
    })mlir",
              {scalar(0)}, {"recursive"});
}

TEST_F(ErrorTest, StepOfALoop) {
  expectError(R"mlir(
    func.func @main(%s: index) {
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      scf.for %i = %c0 to %c4 step %s { }
      return
    })mlir",
              {index(0)}, {"step is 0", "positive"});
}

TEST_F(ErrorTest, OutOfBounds) {
  const char *text = R"mlir(
    func.func @main(%x: tensor<4xf32>, %i: index) -> f32 {
      %0 = tensor.extract %x[%i] : tensor<4xf32>
      return %0 : f32
    })mlir";
  Tensor x = tensor({4}, Values(4));
  expectError(text, {x, index(4)}, {"index 4", "out of bounds"});
  expectError(text, {x, index(-1)}, {"index -1", "out of bounds"});
  expectError(R"mlir(
    func.func @main(%x: tensor<4xf32>, %i: index) -> tensor<2xf32> {
      %0 = tensor.extract_slice %x[%i] [2] [1] : tensor<4xf32> to tensor<2xf32>
      return %0 : tensor<2xf32>
    })mlir",
              {x, index(3)}, {"leaves the tensor", "offset 3", "extent 4"});
  expectError(R"mlir(
    func.func @main(%x: tensor<4xf32>, %i: index) -> tensor<3xf32> {
      %0 = tensor.generate {
      ^bb0(%j: index):
        %k = arith.addi %i, %j : index
        %v = tensor.extract %x[%k] : tensor<4xf32>
        tensor.yield %v : f32
      } : tensor<3xf32>
      return %0 : tensor<3xf32>
    })mlir",
              {x, index(2)}, {"out of bounds"});
}

TEST_F(ErrorTest, NegativeExtent) {
  expectError(R"mlir(
    func.func @main(%n: index) -> tensor<?xf32> {
      %0 = tensor.empty(%n) : tensor<?xf32>
      return %0 : tensor<?xf32>
    })mlir",
              {index(-2)}, {"negative"});
}

TEST_F(ErrorTest, TooLargeForMemory) {
  expectError(R"mlir(
    func.func @main(%n: index) -> tensor<?x?x?xf32> {
      %0 = tensor.empty(%n, %n, %n) : tensor<?x?x?xf32>
      return %0 : tensor<?x?x?xf32>
    })mlir",
              {index(int64_t(1) << 30)}, {"no memory", "smaller"});
}

TEST_F(ErrorTest, ShapesThatDoNotAgreeAtRunTime) {
  expectError(R"mlir(
    func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
      %0 = arith.addf %x, %y : tensor<?xf32>
      return %0 : tensor<?xf32>
    })mlir",
              {tensor({3}, Values(3)), tensor({4}, Values(4))},
              {"4", "expected 3"});
  expectError(R"mlir(
    func.func @main(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>, %o: tensor<?x?xf32>)
        -> tensor<?x?xf32> {
      %0 = linalg.matmul ins(%x, %y : tensor<?x?xf32>, tensor<?x?xf32>)
                         outs(%o : tensor<?x?xf32>) -> tensor<?x?xf32>
      return %0 : tensor<?x?xf32>
    })mlir",
              {tensor({2, 3}, Values(6)), tensor({4, 5}, Values(20)),
               tensor({2, 5}, Values(10))},
              {"loop 2", "3", "4"});
  expectError(R"mlir(
    func.func @main(%x: tensor<?xf32>) -> tensor<4xf32> {
      %0 = tensor.cast %x : tensor<?xf32> to tensor<4xf32>
      return %0 : tensor<4xf32>
    })mlir",
              {tensor({3}, Values(3))}, {"is 3", "tensor<4xf32>"});
}

TEST_F(ErrorTest, AttentionShapesAtRunTime) {
  const char *text = R"mlir(
    func.func @main(%q: tensor<1x2x?x4xf32>, %k: tensor<1x2x?x4xf32>,
                    %v: tensor<1x2x?x4xf32>, %o: tensor<1x2x?x4xf32>)
        -> tensor<1x2x?x4xf32> {
      %0 = ra.reciprocal_attention {rank = array<i64: 2>}
        ins(%q, %k, %v : tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>, tensor<1x2x?x4xf32>)
        outs(%o : tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32>
      return %0 : tensor<1x2x?x4xf32>
    })mlir";
  Tensor three = tensor({1, 2, 3, 4}, Values(24)),
         five = tensor({1, 2, 5, 4}, Values(40));
  expectError(text, {three, five, five, three}, {"3 and 5", "self-attention"});
  expectError(text, {three, three, five, three}, {"value", "1x2x5x4"});
  expectError(text, {three, three, three, five}, {"init", "1x2x5x4"});
}

TEST_F(ErrorTest, GatesOfFoldedWeights) {
  const char *text = R"mlir(
    func.func @main(%w: tensor<16x4xf32>, %wk: tensor<8x4xf32>, %g: tensor<4xf32>)
        -> (tensor<16x4xf32>, tensor<8x4xf32>) {
      %0, %1 = ra.fold_weights {num_heads = 4 : i64, num_kv_heads = 2 : i64,
                                rank = array<i64: 2>}
        ins(%w, %wk : tensor<16x4xf32>, tensor<8x4xf32>) w_std(%g : tensor<4xf32>)
        -> tensor<16x4xf32>, tensor<8x4xf32>
      return %0, %1 : tensor<16x4xf32>, tensor<8x4xf32>
    })mlir";
  Tensor wq = tensor({16, 4}, Values(64)), wk = tensor({8, 4}, Values(32));
  expectError(text, {wq, wk, tensor({4}, {1, 1, -0.5, -0.5})},
              {"head 2", "-0.5", "gate_split = query"});
  expectError(text, {wq, wk, tensor({4}, {1, 1, 1, 0.5})},
              {"heads 2 and 3", "gate_split = query"});
}

TEST_F(ErrorTest, ResourceWithoutData) {
  expectError(R"mlir(
    func.func @main() -> tensor<4xf32> {
      %0 = arith.constant dense_resource<gone> : tensor<4xf32>
      return %0 : tensor<4xf32>
    })mlir",
              {}, {"dense_resource<gone>", "elided"});
  expectError(R"mlir(
    func.func @main() -> tensor<4xf32> {
      %0 = arith.constant dense_resource<short> : tensor<4xf32>
      return %0 : tensor<4xf32>
    }
    {-# dialect_resources: { builtin: { short: "0x040000000000C03F" } } #-})mlir",
              {}, {"dense_resource<short>", "4 bytes", "needs 16"});
}

TEST_F(ErrorTest, Shift) {
  expectError(R"mlir(
    func.func @main(%x: i8, %s: i8) -> i8 {
      %0 = arith.shli %x, %s : i8
      return %0 : i8
    })mlir",
              {scalar(1, ElementType::I8), scalar(8, ElementType::I8)},
              {"shift"});
}

} // namespace
