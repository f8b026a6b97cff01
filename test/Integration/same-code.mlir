// The promise: folded reciprocal attention and its baseline are the same code.
// The text is compared to the letter, constants and names included, since the
// weights are arguments here; what runs once per binding is left out.
// RUN: ra-opt %s --ra-compile=stage=direct --symbol-privatize=exclude=block --symbol-dce --ra-bufferize --ra-lower-to-cpu | mlir-translate --mlir-to-llvmir > %t.ra.ll
// RUN: ra-opt %s --ra-compile=stage=baseline --symbol-privatize=exclude=block --symbol-dce --ra-bufferize --ra-lower-to-cpu | mlir-translate --mlir-to-llvmir > %t.base.ll
// RUN: cmp %t.ra.ll %t.base.ll
// RUN: FileCheck %s < %t.ra.ll
// CHECK: define internal void @block_kernel_1_attention_tile(
//
// From linalg, too.
// RUN: ra-opt %ra_examples/block_in_linalg.mlir --ra-compile=stage=direct --symbol-privatize=exclude=block --symbol-dce --ra-bufferize --ra-lower-to-cpu | mlir-translate --mlir-to-llvmir > %t.linalg.ll
// RUN: ra-opt %ra_examples/block_in_linalg.mlir --ra-compile=stage=baseline --symbol-privatize=exclude=block --symbol-dce --ra-bufferize --ra-lower-to-cpu | mlir-translate --mlir-to-llvmir | cmp - %t.linalg.ll
//
// And the comparison can fail: the open-coded form is other code.
// RUN: ra-opt %s --ra-compile=stage=open-coded --symbol-privatize=exclude=block --symbol-dce --ra-bufferize --ra-lower-to-cpu | mlir-translate --mlir-to-llvmir > %t.open.ll
// RUN: not cmp -s %t.open.ll %t.base.ll
//
// With the weights in panels, as the engine has them, too.
// RUN: ra-opt %s --ra-compile=stage=direct --ra-bufferize=panel=32 --symbol-privatize=exclude=block --symbol-dce --ra-lower-to-cpu=threads=2 | mlir-translate --mlir-to-llvmir > %t.ra-panels.ll
// RUN: ra-opt %s --ra-compile=stage=baseline --ra-bufferize=panel=32 --symbol-privatize=exclude=block --symbol-dce --ra-lower-to-cpu=threads=2 | mlir-translate --mlir-to-llvmir > %t.base-panels.ll
// RUN: cmp %t.ra-panels.ll %t.base-panels.ll
// RUN: not cmp -s %t.ra-panels.ll %t.ra.ll
func.func @block(%x: tensor<2x?x64xf16>, %wq: tensor<64x64xf16> {ra.parameter}, %wk: tensor<64x64xf16> {ra.parameter},
                 %wv: tensor<64x64xf16> {ra.parameter}, %wo: tensor<64x64xf16> {ra.parameter}) -> tensor<2x?x64xf16> {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<2x?x64xf16>
  %e = tensor.empty(%t) : tensor<2x?x64xf16>
  %q0 = ra.linear ins(%x, %wq : tensor<2x?x64xf16>, tensor<64x64xf16>) outs(%e : tensor<2x?x64xf16>) -> tensor<2x?x64xf16>
  %k0 = ra.linear ins(%x, %wk : tensor<2x?x64xf16>, tensor<64x64xf16>) outs(%e : tensor<2x?x64xf16>) -> tensor<2x?x64xf16>
  %v0 = ra.linear ins(%x, %wv : tensor<2x?x64xf16>, tensor<64x64xf16>) outs(%e : tensor<2x?x64xf16>) -> tensor<2x?x64xf16>
  %q1 = tensor.expand_shape %q0 [[0], [1], [2, 3]] output_shape [2, %t, 2, 32] : tensor<2x?x64xf16> into tensor<2x?x2x32xf16>
  %k1 = tensor.expand_shape %k0 [[0], [1], [2, 3]] output_shape [2, %t, 2, 32] : tensor<2x?x64xf16> into tensor<2x?x2x32xf16>
  %v1 = tensor.expand_shape %v0 [[0], [1], [2, 3]] output_shape [2, %t, 2, 32] : tensor<2x?x64xf16> into tensor<2x?x2x32xf16>
  %he = tensor.empty(%t) : tensor<2x2x?x32xf16>
  %q = linalg.transpose ins(%q1 : tensor<2x?x2x32xf16>) outs(%he : tensor<2x2x?x32xf16>) permutation = [0, 2, 1, 3]
  %k = linalg.transpose ins(%k1 : tensor<2x?x2x32xf16>) outs(%he : tensor<2x2x?x32xf16>) permutation = [0, 2, 1, 3]
  %v = linalg.transpose ins(%v1 : tensor<2x?x2x32xf16>) outs(%he : tensor<2x2x?x32xf16>) permutation = [0, 2, 1, 3]
  %a = ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 4>}
      ins(%q, %k, %v : tensor<2x2x?x32xf16>, tensor<2x2x?x32xf16>, tensor<2x2x?x32xf16>)
      outs(%he : tensor<2x2x?x32xf16>) -> tensor<2x2x?x32xf16>
  %oe = tensor.empty(%t) : tensor<2x?x2x32xf16>
  %o = linalg.transpose ins(%a : tensor<2x2x?x32xf16>) outs(%oe : tensor<2x?x2x32xf16>) permutation = [0, 2, 1, 3]
  %m = tensor.collapse_shape %o [[0], [1], [2, 3]] : tensor<2x?x2x32xf16> into tensor<2x?x64xf16>
  %y = ra.linear ins(%m, %wo : tensor<2x?x64xf16>, tensor<64x64xf16>) outs(%e : tensor<2x?x64xf16>) -> tensor<2x?x64xf16>
  return %y : tensor<2x?x64xf16>
}
