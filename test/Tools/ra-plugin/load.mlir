// The plugin in MLIR's own driver: ops parse, verify and round-trip, and passes
// and pipelines run by --pass-pipeline.

// The sanitizer's runtime cannot come into a program that was built without it.
// UNSUPPORTED: asan

// RUN: mlir-opt %s --load-dialect-plugin=%ra_plugin | FileCheck %s --check-prefix=PARSE
// RUN: mlir-opt %s --load-dialect-plugin=%ra_plugin --pass-pipeline='builtin.module(func.func(ra-fold-reciprocal))' | FileCheck %s --check-prefix=PASS
// RUN: mlir-opt %s --load-dialect-plugin=%ra_plugin --pass-pipeline='builtin.module(ra-compile{stage=folded})' | FileCheck %s --check-prefix=PASS

// The same passes as in ra-opt, so the same result.
// RUN: ra-opt %s --pass-pipeline='builtin.module(func.func(ra-fold-reciprocal))' -o %t.ra-opt.mlir
// RUN: mlir-opt %s --load-dialect-plugin=%ra_plugin --pass-pipeline='builtin.module(func.func(ra-fold-reciprocal))' -o %t.mlir-opt.mlir
// RUN: diff %t.ra-opt.mlir %t.mlir-opt.mlir

// As a pass plugin beside the dialect plugin, passes are registered once.
// RUN: mlir-opt %s --load-dialect-plugin=%ra_plugin --load-pass-plugin=%ra_plugin --pass-pipeline='builtin.module(func.func(ra-fold-reciprocal))' | FileCheck %s --check-prefix=PASS

// Bufferisation finds the ops' interface.
// RUN: mlir-opt %s --load-dialect-plugin=%ra_plugin --pass-pipeline='builtin.module(one-shot-bufferize{bufferize-function-boundaries})' | FileCheck %s --check-prefix=BUFFER

// Without it, the ops are unknown.
// RUN: not mlir-opt %s 2>&1 | FileCheck %s --check-prefix=WITHOUT

// PARSE-LABEL: func.func @attend(
// PARSE: ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 4>}
// PASS-LABEL: func.func @attend(
// PASS-NOT: ra.reciprocal_attention
// PASS: ra.attention {{.*}}mask = #ra.mask<causal>
// BUFFER-LABEL: func.func @attend(
// BUFFER: ra.reciprocal_attention {{.+}} outs(%{{.+}} : memref<1x2x8x16xf32>)
// WITHOUT: error: Dialect `ra' not found for custom op 'ra.reciprocal_attention'
func.func @attend(%q: tensor<1x2x8x16xf32>, %k: tensor<1x2x8x16xf32>, %v: tensor<1x2x8x16xf32>) -> tensor<1x2x8x16xf32> {
  %o = tensor.empty() : tensor<1x2x8x16xf32>
  %0 = ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 4>}
    ins(%q, %k, %v : tensor<1x2x8x16xf32>, tensor<1x2x8x16xf32>, tensor<1x2x8x16xf32>)
    outs(%o : tensor<1x2x8x16xf32>) -> tensor<1x2x8x16xf32>
  return %0 : tensor<1x2x8x16xf32>
}
