// RUN: ra-opt %s --ra-outline-kernels | FileCheck %s --enable-var-scope
// RUN: ra-opt %s --ra-outline-kernels --ra-count-kernels | FileCheck %s --check-prefix=COUNT

// One function per op, in order; what an op captures comes along, constants as
// such; copies become structured ops. Counting: one call before each kernel and
// none elsewhere.

// COUNT:       func.func private @ra_rt_count_kernel()
// CHECK-LABEL: func.func @f(
// COUNT-LABEL: func.func @f(
// CHECK-SAME:    %[[A:.+]]: memref<8xf32>, %[[B:.+]]: memref<8xf32>, %[[C:[^:]+]]: memref<8xf32, strided<[2], offset: ?>>, %[[S:.+]]: f32)
// CHECK-SAME:    attributes {llvm.emit_c_interface}
// CHECK:         call @f_kernel_0_generic(%[[A]], %[[B]], %[[S]])
// CHECK-NEXT:    call @f_kernel_1_copy(%[[B]], %[[C]])
// CHECK-NEXT:    scf.if
// CHECK-NEXT:      func.call @f_kernel_2_exp
// CHECK:         return
// COUNT:         call @ra_rt_count_kernel() : () -> ()
// COUNT-NEXT:    call @f_kernel_0_generic
// COUNT-NEXT:    call @ra_rt_count_kernel() : () -> ()
// COUNT-NEXT:    call @f_kernel_1_copy
// COUNT-NEXT:    scf.if
// COUNT-NEXT:      func.call @ra_rt_count_kernel() : () -> ()
// COUNT-NEXT:      func.call @f_kernel_2_exp
// COUNT-NOT:     call @
func.func @f(%a: memref<8xf32>, %b: memref<8xf32>, %c: memref<8xf32, strided<[2], offset: ?>>, %s: f32) {
  %two = arith.constant 2.0 : f32
  %true = arith.constant true
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : memref<8xf32>) outs(%b : memref<8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %y = arith.mulf %x, %two : f32
    %z = arith.addf %y, %s : f32
    linalg.yield %z : f32
  }
  memref.copy %b, %c : memref<8xf32> to memref<8xf32, strided<[2], offset: ?>>
  scf.if %true {
    linalg.exp ins(%a : memref<8xf32>) outs(%b : memref<8xf32>)
  }
  return
}

// CHECK-LABEL: func.func private @f_kernel_0_generic(
// CHECK-SAME:    %[[X:.+]]: memref<8xf32>, %[[Y:.+]]: memref<8xf32>, %[[T:.+]]: f32) attributes {llvm.linkage = #llvm.linkage<internal>, ra.kernel}
// CHECK-NEXT:    arith.constant 2.0
// CHECK-NEXT:    linalg.generic
// CHECK-SAME:      ins(%[[X]] : memref<8xf32>) outs(%[[Y]] : memref<8xf32>)
// CHECK-LABEL: func.func private @f_kernel_1_copy(
// CHECK:         linalg.copy
// CHECK-LABEL: func.func private @f_kernel_2_exp(
// CHECK:         linalg.exp

// Private functions are left alone.
// CHECK-LABEL: func.func private @g
// CHECK-NEXT:    linalg.exp
func.func private @g(%a: memref<8xf32>, %b: memref<8xf32>) {
  linalg.exp ins(%a : memref<8xf32>) outs(%b : memref<8xf32>)
  return
}
