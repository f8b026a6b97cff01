// Each numbered constraint of the two attention ops, broken on purpose; a section
// names the op and the constraint.

// RUN: ra-opt %s --split-input-file --verify-diagnostics

// ra.attention (C1): query of rank 3.
func.func @f(%q: tensor<6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C1) query has rank 3; expects 4 (B, H, T, D)}}
  %0 = ra.attention ins(%q, %k, %v : tensor<6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C1): query of rank 3.
func.func @f(%q: tensor<6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C1) query has rank 3; expects 4 (B, H, T, D)}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C1): key of rank 5.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<1x2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C1) key has rank 5; expects 4 (B, H, T, D)}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<1x2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C1): value of rank 3.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C1) value has rank 3; expects 4 (B, H, T, D)}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C1): init of rank 3.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x5x48xf32>) {
  // expected-error @below {{'ra.attention' op (C1) init has rank 3; expects 4 (B, H, T, D)}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x5x48xf32>) -> tensor<2x5x48xf32>
  return
}

// -----

// ra.attention (C1): three maps.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C1) expects 4 indexing maps (query, key, value, init), got 3}}
  %0 = ra.attention {indexing_maps = [affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>]} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C1): not a permutation.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C1) expects the indexing map of value to be a permutation of 4 dims, got affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>}}
  %0 = ra.attention {indexing_maps = [affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t)>, affine_map<(b, h, t, d) -> (b, h, t, d)>]} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C2): batch sizes differ.
func.func @f(%q: tensor<?x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<3x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C2) batch sizes differ: query ?, key 2, value 3}}
  %0 = ra.attention ins(%q, %k, %v : tensor<?x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<3x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C2): batch sizes differ.
func.func @f(%q: tensor<?x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<3x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C2) batch sizes differ: query ?, key 2, value 3}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<?x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<3x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C2): key and value lengths differ.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x6x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C2) key and value lengths differ: 7 and 6}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x6x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C2): element types differ.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf16>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C2) element types differ: query 'f32', key 'f32', value 'f16'}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf16>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C3): head dims differ.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x4xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C3) query and key head dims differ: 8 and 4}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x4xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C3): head dims differ.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x4xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C3) query and key head dims differ: 8 and 4}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x4xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C3): dynamic heads.
func.func @f(%q: tensor<2x?x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C3) heads and head dim of query must be static and positive, got 2x?x5x8}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x?x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C3): a dynamic head dim.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x?xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C3) heads and head dim of key must be static and positive, got 2x3x7x?}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x?xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C3): an empty head dim.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x0xf32>, %o: tensor<2x6x5x0xf32>) {
  // expected-error @below {{'ra.attention' op (C3) heads and head dim of value must be static and positive, got 2x3x7x0}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x0xf32>) outs(%o : tensor<2x6x5x0xf32>) -> tensor<2x6x5x0xf32>
  return
}

// -----

// ra.attention (C4): key heads do not divide.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x4x7x8xf32>, %v: tensor<2x4x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C4) heads: query 6, key 4, value 4; key and value must have equal numbers that divide the query's}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x4x7x8xf32>, tensor<2x4x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C4): key heads do not divide.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x4x7x8xf32>, %v: tensor<2x4x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C4) heads: query 6, key 4, value 4; key and value must have equal numbers that divide the query's}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x4x7x8xf32>, tensor<2x4x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C4): key and value heads differ.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x6x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C4) heads: query 6, key 3, value 6; key and value must have equal numbers that divide the query's}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x6x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C4): more key heads than query heads.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x12x7x8xf32>, %v: tensor<2x12x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C4) heads: query 6, key 12, value 12; key and value must have equal numbers that divide the query's}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x12x7x8xf32>, tensor<2x12x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C5): init of another shape.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x4xf32>) {
  // expected-error @below {{'ra.attention' op (C5) init is 2x6x5x4, expects (B, Hq, Tq, Dv) = 2x6x5x8}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x4xf32>) -> tensor<2x6x5x4xf32>
  return
}

// -----

// ra.reciprocal_attention (C5): init of another shape.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x4xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C5) init is 2x6x5x4, expects (B, Hq, Tq, Dv) = 2x6x5x8}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x4xf32>) -> tensor<2x6x5x4xf32>
  return
}

// -----

// ra.attention (C5): init through its map.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C5) init is 2x5x6x8, expects (B, Hq, Tq, Dv) = 2x6x5x8}}
  %0 = ra.attention {indexing_maps = [affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, t, h, d)>]} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C5): init of another 16-bit type.
func.func @f(%q: tensor<2x6x5x8xf16>, %k: tensor<2x3x7x8xf16>, %v: tensor<2x3x7x8xf16>, %o: tensor<2x6x5x8xbf16>) {
  // expected-error @below {{'ra.attention' op (C5) init is of 'bf16'; expects 'f16' or f32}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf16>, tensor<2x3x7x8xf16>, tensor<2x3x7x8xf16>) outs(%o : tensor<2x6x5x8xbf16>) -> tensor<2x6x5x8xbf16>
  return
}

// -----

// ra.attention (C6): bias of another key length.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %b: tensor<1x6x5x5xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C6) bias is 1x6x5x5, expects (B or 1, Hq or 1, Tq, Tk) = 2x6x5x7}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) bias(%b : tensor<1x6x5x5xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C6): bias of another key length.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %b: tensor<1x6x5x5xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C6) bias is 1x6x5x5, expects (B or 1, Hq or 1, Tq, Tk) = 2x6x5x7}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) bias(%b : tensor<1x6x5x5xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C6): a bias that is not broadcast in Tq.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %b: tensor<2x6x1x7xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C6) bias is 2x6x1x7, expects (B or 1, Hq or 1, Tq, Tk) = 2x6x5x7}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) bias(%b : tensor<2x6x1x7xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C6): bias of rank 2.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %b: tensor<5x7xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C6) bias is 5x7, expects (B or 1, Hq or 1, Tq, Tk) = 2x6x5x7}}
  %0 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) bias(%b : tensor<5x7xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C7): scale is infinite.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C7) scale must be finite}}
  %0 = ra.attention {scale = 0x7FF0000000000000 : f64} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C7): scale is infinite.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C7) scale must be finite}}
  %0 = ra.reciprocal_attention {scale = 0x7FF0000000000000 : f64, rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C7): scale is not a number.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C7) scale must be finite}}
  %0 = ra.attention {scale = 0x7FF8000000000000 : f64} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C7): softcap is 0.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C7) softcap must be finite and positive}}
  %0 = ra.attention {softcap = 0.0 : f64} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C7): softcap is negative.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C7) softcap must be finite and positive}}
  %0 = ra.attention {softcap = -30.0 : f64} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C7): softcap is infinite.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.attention' op (C7) softcap must be finite and positive}}
  %0 = ra.attention {softcap = 0x7FF0000000000000 : f64} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.attention (C8): log-sum-exp of another shape.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>, %l: tensor<2x5x6xf32>) {
  // expected-error @below {{'ra.attention' op (C8) the log-sum-exp init is 'tensor<2x5x6xf32>', expects (B, Hq, Tq) = 2x6x5 of f32}}
  %0:2 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) lse(%l : tensor<2x5x6xf32>) -> tensor<2x6x5x8xf32>, tensor<2x5x6xf32>
  return
}

// -----

// ra.reciprocal_attention (C8): log-sum-exp of another shape.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>, %l: tensor<2x5x6xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C8) the log-sum-exp init is 'tensor<2x5x6xf32>', expects (B, Hq, Tq) = 2x6x5 of f32}}
  %0:2 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) lse(%l : tensor<2x5x6xf32>) -> tensor<2x6x5x8xf32>, tensor<2x5x6xf32>
  return
}

// -----

// ra.attention (C8): log-sum-exp of another type.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>, %l: tensor<2x6x5xf16>) {
  // expected-error @below {{'ra.attention' op (C8) the log-sum-exp init is 'tensor<2x6x5xf16>', expects (B, Hq, Tq) = 2x6x5 of f32}}
  %0:2 = ra.attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) lse(%l : tensor<2x6x5xf16>) -> tensor<2x6x5x8xf32>, tensor<2x6x5xf16>
  return
}

// -----

// ra.reciprocal_attention (C9): not self-attention.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C9) query and key lengths differ: 5 and 7; a reciprocal term needs self-attention}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C10): neither rank nor rec_dims.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C10) needs `rank` or `rec_dims`}}
  %0 = ra.reciprocal_attention ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C10): a rank for some heads.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C10) `rank` has 2 entries; expects 1 or one per head (6)}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2, 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C10): a rank of D.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C10) rank 8 is not in [0, D) for D = 8}}
  %0 = ra.reciprocal_attention {rank = array<i64: 8>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C10): a negative rank.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C10) rank -1 is not in [0, D) for D = 8}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2, 2, -1, 2, 2, 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C10): an empty rank.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C10) `rank` has 0 entries; expects 1 or one per head (6)}}
  %0 = ra.reciprocal_attention {rank = array<i64>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C11): no dims.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C11) `rec_dims` lists 0 dims; expects at least 1 and fewer than D = 8}}
  %0 = ra.reciprocal_attention {rec_dims = array<i64>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C11): all dims.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C11) `rec_dims` lists 8 dims; expects at least 1 and fewer than D = 8}}
  %0 = ra.reciprocal_attention {rec_dims = array<i64: 0, 1, 2, 3, 4, 5, 6, 7>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C11): a dim out of range.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C11) rec_dims entry 8 is not in [0, D) for D = 8}}
  %0 = ra.reciprocal_attention {rec_dims = array<i64: 1, 8>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C11): a negative dim.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C11) rec_dims entry -1 is not in [0, D) for D = 8}}
  %0 = ra.reciprocal_attention {rec_dims = array<i64: -1, 3>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C11): a dim twice.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C11) `rec_dims` must be unique and ascending; 3 follows 3}}
  %0 = ra.reciprocal_attention {rec_dims = array<i64: 3, 3>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C11): dims out of order.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C11) `rec_dims` must be unique and ascending; 2 follows 5}}
  %0 = ra.reciprocal_attention {rec_dims = array<i64: 5, 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C11): a rank that is not the number of dims.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C11) with `rec_dims` of 2 dims every rank is 0 or 2, got 3}}
  %0 = ra.reciprocal_attention {rank = array<i64: 0, 2, 3, 2, 2, 2>, rec_dims = array<i64: 2, 5>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C12): gates for some heads.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %w_std: tensor<3xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C12) w_std has shape 3; expects 1 or one number per head (6)}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) w_std(%w_std : tensor<3xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C12): gates of rank 2.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %w_rec: tensor<1x6xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C12) w_rec has shape 1x6; expects 1 or one number per head (6)}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) w_rec(%w_rec : tensor<1x6xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C12): gates of dynamic extent.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %w_std: tensor<?xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C12) w_std has shape ?; expects 1 or one number per head (6)}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) w_std(%w_std : tensor<?xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C13): a projection beside rec_dims.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %projection: tensor<8x2xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C13) a projection replaces the last R dims; drop `rec_dims`}}
  %0 = ra.reciprocal_attention {rec_dims = array<i64: 2, 5>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) projection(%projection : tensor<8x2xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C13): a projection of another head dim.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %projection: tensor<7x2xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C13) the projection has shape 7x2; expects D x R or Hq x D x R with D = 8, Hq = 6}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) projection(%projection : tensor<7x2xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C13): a projection for the key heads.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %projection: tensor<3x8x2xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C13) the projection has shape 3x8x2; expects D x R or Hq x D x R with D = 8, Hq = 6}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) projection(%projection : tensor<3x8x2xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C13): one projection per head, but heads share keys.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %projection: tensor<6x8x2xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C13) under grouped heads one D x R projection serves all heads, and all ranks are equal}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) projection(%projection : tensor<6x8x2xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C13): a projection of dynamic shape.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x6x5x8xf32>, %projection: tensor<8x?xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C13) the projection must be static, got 8x?}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %k : tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>) projection(%projection : tensor<8x?xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C13): a projection of another rank.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %projection: tensor<8x3xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C13) rank 2 differs from the projection's R = 3}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) projection(%projection : tensor<8x3xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C14): a basis beside a projection.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %projection: tensor<8x2xf32>, %ba: tensor<8x8xf32>, %bb: tensor<8x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C14) a basis excludes a projection}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) projection(%projection : tensor<8x2xf32>) basis(%ba, %bb : tensor<8x8xf32>, tensor<8x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C14): a query basis that is not square.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %ba: tensor<8x4xf32>, %bb: tensor<8x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C14) the query basis has shape 8x4; expects D x D or H x D x D with D = 8, H = 6}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) basis(%ba, %bb : tensor<8x4xf32>, tensor<8x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C14): a key basis for the query heads.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %ba: tensor<6x8x8xf32>, %bb: tensor<6x8x8xf32>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C14) the key basis has shape 6x8x8; expects D x D or H x D x D with D = 8, H = 3}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) basis(%ba, %bb : tensor<6x8x8xf32>, tensor<6x8x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C15): a projection of another element type.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %projection: tensor<8x2xf16>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C15) the projection is of 'f16'; expects 'f32'}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) projection(%projection : tensor<8x2xf16>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}

// -----

// ra.reciprocal_attention (C15): a basis of another element type.
func.func @f(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x8xf32>, %ba: tensor<8x8xf32>, %bb: tensor<8x8xf16>, %o: tensor<2x6x5x8xf32>) {
  // expected-error @below {{'ra.reciprocal_attention' op (C15) the key basis is of 'f16'; expects 'f32'}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) basis(%ba, %bb : tensor<8x8xf32>, tensor<8x8xf16>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return
}
