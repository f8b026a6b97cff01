// RUN: ra-opt %s --split-input-file --ra-cost | FileCheck %s
// RUN: ra-opt %s --split-input-file --ra-cost=print --remarks-filter-analyse=ra-cost 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// 2 * 2*16*8 outputs * 8 channels = 4096; bytes 4 * (256 + 64 + 256).
// REMARK: @linear: 4096 flops, 2304 bytes, 1 kernels, 0 copies, 0 allocations of 0 bytes
// CHECK-LABEL: func.func @linear(
// CHECK-SAME:  ra.cost = {allocation_bytes = 0 : i64, allocations = 0 : i64, bytes = 2304 : i64, copies = 0 : i64, flops = 4096 : i64, kernels = 1 : i64}
func.func @linear(%x: memref<2x16x8xf32>, %w: memref<8x8xf32>, %y: memref<2x16x8xf32>) {
  ra.linear ins(%x, %w : memref<2x16x8xf32>, memref<8x8xf32>) outs(%y : memref<2x16x8xf32>)
  return
}

// -----

// Causal counts half: 2 * 4 * 16 * 16 / 2 scores * 2 * (8 + 8) = 32768. The copy
// is a kernel, too; one allocation of 2*4*16*8 halves.
// REMARK: @causal: 32768 flops, 12288 bytes, 2 kernels, 1 copies, 1 allocations of 2048 bytes
// CHECK-LABEL: func.func @causal(
func.func @causal(%q: memref<2x4x16x8xf16>, %k: memref<2x4x16x8xf16>, %o: memref<2x4x16x8xf16>) {
  %a = memref.alloc() : memref<2x4x16x8xf16>
  ra.attention {mask = #ra.mask<causal>} ins(%q, %k, %k : memref<2x4x16x8xf16>, memref<2x4x16x8xf16>, memref<2x4x16x8xf16>) outs(%a : memref<2x4x16x8xf16>)
  memref.copy %a, %o : memref<2x4x16x8xf16> to memref<2x4x16x8xf16>
  memref.dealloc %a : memref<2x4x16x8xf16>
  return
}

// -----

// What depends on a dynamic dim is said to; what does not is still counted.
// REMARK: @dynamic: dynamic flops, dynamic bytes, 1 kernels, 0 copies, 0 allocations of 0 bytes
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME:  flops = -1 : i64
func.func @dynamic(%x: memref<?x8xf32>, %w: memref<8x8xf32>, %y: memref<?x8xf32>) {
  ra.linear ins(%x, %w : memref<?x8xf32>, memref<8x8xf32>) outs(%y : memref<?x8xf32>)
  return
}

// -----

// A generic: iterations times scalar operations of its body; a selection is a
// copy.
// REMARK: @generics: 64 flops, {{[0-9]+}} bytes, 2 kernels, 1 copies
func.func @generics(%x: memref<4x8xf32>, %c: memref<8xi1>, %y: memref<4x8xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%i: f32, %j: f32):
    %e = math.exp %i : f32
    %s = arith.addf %e, %i : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%c, %x : memref<8xi1>, memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%b: i1, %i: f32, %j: f32):
    %s = arith.select %b, %i, %j : f32
    linalg.yield %s : f32
  }
  return
}
