// RUN: ra-opt %s --split-input-file --ra-check-alignment --remarks-filter-missed=ra-check-alignment 2>&1 >/dev/null | FileCheck %s --implicit-check-not=remark

// CHECK-COUNT-3: remark: {{.*}}Function=head_dim | Reason="{{query|key|value}}: head dim 20 of f16 is 40 bytes, not a multiple of 16", Suggestion="pad it to 24"
// CHECK:         remark: {{.*}}Function=head_dim | Reason="output: head dim 20
func.func @head_dim(%q: tensor<1x2x16x20xf16>, %o: tensor<1x2x16x20xf16>) -> tensor<1x2x16x20xf16> {
  %0 = ra.attention ins(%q, %q, %q : tensor<1x2x16x20xf16>, tensor<1x2x16x20xf16>, tensor<1x2x16x20xf16>) outs(%o : tensor<1x2x16x20xf16>) -> tensor<1x2x16x20xf16>
  return %0 : tensor<1x2x16x20xf16>
}

// -----

// A view that starts in the middle of a packed row.
// CHECK: remark: {{.*}}Function=offset | Reason="query: it starts 8 bytes into its buffer, not at a multiple of 16"
func.func @offset(%p: tensor<1x16x2x40xf16>, %k: tensor<1x2x16x8xf16>, %o: tensor<1x2x16x8xf16>) -> tensor<1x2x16x8xf16> {
  %q = tensor.extract_slice %p[0, 0, 0, 4] [1, 16, 2, 8] [1, 1, 1, 1] : tensor<1x16x2x40xf16> to tensor<1x16x2x8xf16>
  %0 = ra.attention {indexing_maps = [affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>,
      affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>]}
      ins(%q, %k, %k : tensor<1x16x2x8xf16>, tensor<1x2x16x8xf16>, tensor<1x2x16x8xf16>) outs(%o : tensor<1x2x16x8xf16>) -> tensor<1x2x16x8xf16>
  return %0 : tensor<1x2x16x8xf16>
}

// -----

// On memrefs the layout is known.
// CHECK: remark: {{.*}}Function=strides | Reason="input: dim 0 has a stride of 36 bytes, not a multiple of 16"
// CHECK: remark: {{.*}}Function=strides | Reason="weight: channels has stride 2", Suggestion="make it the contiguous dim"
func.func @strides(%x: memref<4x8xf32, strided<[9, 1]>>, %w: memref<8x8xf32, strided<[16, 2]>>, %y: memref<4x8xf32>) {
  ra.linear ins(%x, %w : memref<4x8xf32, strided<[9, 1]>>, memref<8x8xf32, strided<[16, 2]>>) outs(%y : memref<4x8xf32>)
  return
}

// -----

// Aligned: silence.
func.func @aligned(%q: tensor<?x2x?x64xf16>, %o: tensor<?x2x?x64xf16>) -> tensor<?x2x?x64xf16> {
  %0 = ra.attention ins(%q, %q, %q : tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>) outs(%o : tensor<?x2x?x64xf16>) -> tensor<?x2x?x64xf16>
  return %0 : tensor<?x2x?x64xf16>
}
