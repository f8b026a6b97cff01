// RUN: ra-opt %s --ra-approximate-math | FileCheck %s

// Vectors of f32 only, and exp and tanh only.
// CHECK-LABEL: func.func @f(
// CHECK-NOT:     math.exp %{{.+}} : vector<8xf32>
// CHECK-NOT:     math.tanh
// CHECK:         math.exp %{{.+}} : f32
// CHECK-NEXT:    math.exp %{{.+}} : vector<8xf16>
// CHECK-NEXT:    math.log %{{.+}} : vector<8xf32>
func.func @f(%x: vector<8xf32>, %s: f32, %h: vector<8xf16>)
    -> (vector<8xf32>, vector<8xf32>, f32, vector<8xf16>, vector<8xf32>) {
  %0 = math.exp %x : vector<8xf32>
  %1 = math.tanh %x : vector<8xf32>
  %2 = math.exp %s : f32
  %3 = math.exp %h : vector<8xf16>
  %4 = math.log %x : vector<8xf32>
  return %0, %1, %2, %3, %4 : vector<8xf32>, vector<8xf32>, f32, vector<8xf16>, vector<8xf32>
}
