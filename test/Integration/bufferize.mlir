// RUN: ra-opt %s --ra-bufferize | FileCheck %s --enable-var-scope --implicit-check-not=memref.copy
// RUN: ra-opt %s --ra-bufferize --ra-lower-to-cpu | FileCheck %s --check-prefix=LLVM --implicit-check-not="ra." --implicit-check-not=memref. --implicit-check-not=unrealized
// RUN: ra-opt %s --ra-bufferize --ra-lower-to-cpu=threads=2 | FileCheck %s --check-prefix=OMP

// The packed projection is read through views, heads merge where they are
// written, the result is the caller's buffer: two allocations and no copy.
// CHECK-LABEL: func.func @block(
// CHECK-SAME:    %[[X:[^:]+]]: memref<2x?x64xf32>, %[[W:[^:]+]]: memref<192x64xf32> {ra.parameter}, %[[WO:[^:]+]]: memref<64x64xf32> {ra.parameter}, %[[OUT:[^:]+]]: memref<2x?x64xf32> {ra.result})
// CHECK:         %[[QKV:.+]] = memref.alloc(%{{.+}}) {alignment = 64 : i64} : memref<2x?x192xf32>
// CHECK:         ra.linear ins(%[[X]], %[[W]] :{{.+}}) outs(%[[QKV]] :
// CHECK:         memref.subview %[[QKV]]
// CHECK:         memref.subview %[[QKV]]
// CHECK:         memref.subview %[[QKV]]
// CHECK:         %[[HEADS:.+]] = memref.alloc(%{{.+}}) {alignment = 64 : i64} : memref<2x?x2x32xf32>
// CHECK:         ra.attention
// CHECK-SAME:      outs(%[[HEADS]] :
// CHECK:         ra.linear ins(%{{.+}}, %[[WO]] :{{.+}}) outs(%[[OUT]] :
// CHECK-NOT:     memref.alloc
// CHECK-DAG:     memref.dealloc %[[QKV]]
// CHECK-DAG:     memref.dealloc %[[HEADS]]
// CHECK-NOT:     ra.
// CHECK-LABEL: func.func @block.shapes(

// The C interface, and the engine's allocator.
// LLVM-DAG: llvm.func @_mlir_memref_to_llvm_aligned_alloc
// LLVM-DAG: llvm.func @_mlir_memref_to_llvm_free
// LLVM-DAG: llvm.func @_mlir_ciface_block(
// LLVM-DAG: llvm.func internal @block_kernel_0_linear(
// LLVM-DAG: llvm.func internal @block_kernel_1_attention_tile(
// LLVM-NOT: omp.
// OMP: omp.parallel num_threads(
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
func.func @block(%x: tensor<2x?x64xf32>, %w: tensor<192x64xf32> {ra.parameter}, %wo: tensor<64x64xf32> {ra.parameter}) -> tensor<2x?x64xf32> {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x64xf32>
  %e = tensor.empty(%t) : tensor<2x?x192xf32>
  %qkv = ra.linear ins(%x, %w : tensor<2x?x64xf32>, tensor<192x64xf32>) outs(%e : tensor<2x?x192xf32>) -> tensor<2x?x192xf32>
  %q0 = tensor.extract_slice %qkv[0, 0, 0] [2, %t, 64] [1, 1, 1] : tensor<2x?x192xf32> to tensor<2x?x64xf32>
  %k0 = tensor.extract_slice %qkv[0, 0, 64] [2, %t, 64] [1, 1, 1] : tensor<2x?x192xf32> to tensor<2x?x64xf32>
  %v0 = tensor.extract_slice %qkv[0, 0, 128] [2, %t, 64] [1, 1, 1] : tensor<2x?x192xf32> to tensor<2x?x64xf32>
  %q = tensor.expand_shape %q0 [[0], [1], [2, 3]] output_shape [2, %t, 2, 32] : tensor<2x?x64xf32> into tensor<2x?x2x32xf32>
  %k = tensor.expand_shape %k0 [[0], [1], [2, 3]] output_shape [2, %t, 2, 32] : tensor<2x?x64xf32> into tensor<2x?x2x32xf32>
  %v = tensor.expand_shape %v0 [[0], [1], [2, 3]] output_shape [2, %t, 2, 32] : tensor<2x?x64xf32> into tensor<2x?x2x32xf32>
  %o = tensor.empty(%t) : tensor<2x?x2x32xf32>
  %a = ra.attention {mask = #ra.mask<causal>, indexing_maps = [#bthd, #bthd, #bthd, #bthd]}
      ins(%q, %k, %v : tensor<2x?x2x32xf32>, tensor<2x?x2x32xf32>, tensor<2x?x2x32xf32>) outs(%o : tensor<2x?x2x32xf32>) -> tensor<2x?x2x32xf32>
  %m = tensor.collapse_shape %a [[0], [1], [2, 3]] : tensor<2x?x2x32xf32> into tensor<2x?x64xf32>
  %e2 = tensor.empty(%t) : tensor<2x?x64xf32>
  %y = ra.linear ins(%m, %wo : tensor<2x?x64xf32>, tensor<64x64xf32>) outs(%e2 : tensor<2x?x64xf32>) -> tensor<2x?x64xf32>
  return %y : tensor<2x?x64xf32>
}
