// RUN: ra-opt %s --ra-schedule-tiles | FileCheck %s
// RUN: ra-opt %s --convert-ra-to-vector --convert-scf-to-openmp --ra-schedule-tiles | FileCheck %s --check-prefix=KERNEL

// A loop over tiles; one over elements; one that calls something else.
// CHECK-LABEL: func.func @kinds(
// CHECK:         omp.wsloop schedule(dynamic) {
// CHECK:           func.call @tile(
// CHECK:         omp.wsloop {
// CHECK:           memref.store
// CHECK:         omp.wsloop {
// CHECK:           func.call @other(
// KERNEL-LABEL: func.func @linear(
// KERNEL:         omp.wsloop schedule(dynamic) {
func.func private @tile(index) attributes {ra.scratch_bytes = 64 : i64}
func.func private @other(index)
func.func @kinds(%n: index, %m: memref<?xindex>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  omp.parallel {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%n) step (%c1) {
        func.call @tile(%i) : (index) -> ()
        omp.yield
      }
    }
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%n) step (%c1) {
        memref.store %i, %m[%i] : memref<?xindex>
        omp.yield
      }
    }
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%n) step (%c1) {
        func.call @other(%i) : (index) -> ()
        omp.yield
      }
    }
    omp.terminator
  }
  return
}

func.func @linear(%x: memref<4x8xf32>, %w: memref<2x8xf32>, %y: memref<4x2xf32>) {
  ra.linear ins(%x, %w : memref<4x8xf32>, memref<2x8xf32>) outs(%y : memref<4x2xf32>)
  return
}
