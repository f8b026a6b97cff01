// RUN: ra-opt %s --split-input-file --verify-diagnostics --convert-ra-to-vector
// RUN: not ra-opt %s --convert-ra-to-vector=lanes=7 2>&1 | FileCheck %s --check-prefix=OPTION

// OPTION: error: convert-ra-to-vector: lanes must be 8 or 16, rows 1 to 16, chunks 1 to 8; got 7, 6, 4

func.func @tensors(%x: tensor<4x8xf32>, %w: tensor<2x8xf32>, %e: tensor<4x2xf32>) -> tensor<4x2xf32> {
  // expected-error @+1 {{'ra.linear' op has no CPU lowering on tensors; decompose it or bufferise first (--ra-bufferize)}}
  %y = ra.linear ins(%x, %w : tensor<4x8xf32>, tensor<2x8xf32>) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

func.func @projection(%q: memref<1x1x4x8xf32>, %p: memref<8x2xf32>, %o: memref<1x1x4x8xf32>) {
  // expected-error @+1 {{with a projection or basis has no CPU lowering; decompose it on tensors first}}
  ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %q, %q : memref<1x1x4x8xf32>, memref<1x1x4x8xf32>, memref<1x1x4x8xf32>)
      projection(%p : memref<8x2xf32>) outs(%o : memref<1x1x4x8xf32>)
  return
}

// -----

func.func @large(%q: memref<1x1x4x40000xf32>, %o: memref<1x1x4x40000xf32>) {
  // expected-error @+1 {{bytes of scratch memory per tile, more than 2097152; use smaller head dims}}
  ra.attention ins(%q, %q, %q : memref<1x1x4x40000xf32>, memref<1x1x4x40000xf32>, memref<1x1x4x40000xf32>) outs(%o : memref<1x1x4x40000xf32>)
  return
}

// -----

func.func @panel(%x: memref<4x8xf32>, %w: memref<1x8x24xf32>, %y: memref<4x20xf32>) {
  // expected-error @+1 {{'ra.linear' op has a weight in panels of 24 outputs; vectors of 16 lanes need a multiple of that, at most 128}}
  ra.linear {panel = 24 : i64} ins(%x, %w : memref<4x8xf32>, memref<1x8x24xf32>) outs(%y : memref<4x20xf32>)
  return
}
