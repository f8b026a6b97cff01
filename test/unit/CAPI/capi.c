//===- capi.c - The C API, from C -----------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir-c/BuiltinAttributes.h"
#include "mlir-c/BuiltinTypes.h"
#include "mlir-c/Diagnostics.h"
#include "mlir-c/ExecutionEngine.h"
#include "mlir-c/RegisterEverything.h"
#include "ra-c/Cost.h"
#include "ra-c/Dialect.h"
#include "ra-c/Passes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      ++failures;                                                              \
      fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__,         \
              __func__, #condition);                                           \
    }                                                                          \
  } while (0)

/// Text that callbacks append to, cut off where the buffer ends.
typedef struct Text {
  size_t length;
  char data[1 << 16];
} Text;

static void append(MlirStringRef part, void *userData) {
  Text *text = userData;
  size_t room = sizeof(text->data) - 1 - text->length;
  size_t length = part.length < room ? part.length : room;
  memcpy(text->data + text->length, part.data, length);
  text->length += length;
  text->data[text->length] = '\0';
}

static MlirLogicalResult keepDiagnostic(MlirDiagnostic diagnostic,
                                        void *userData) {
  MlirStringRef newline = mlirStringRefCreateFromCString("\n");
  mlirDiagnosticPrint(diagnostic, append, userData);
  append(newline, userData);
  return mlirLogicalResultSuccess();
}

static bool contains(const Text *text, const char *what) {
  return strstr(text->data, what) != NULL;
}

static bool equals(MlirStringRef text, const char *what) {
  return mlirStringRefEqual(text, mlirStringRefCreateFromCString(what));
}

static MlirContext createContext(void) {
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  mlirRegisterAllDialects(registry);
  raRegisterAllDialects(registry);
  MlirContext context =
      mlirContextCreateWithRegistry(registry, /*threadingEnabled=*/false);
  mlirDialectRegistryDestroy(registry);
  mlirContextLoadAllAvailableDialects(context);
  mlirRegisterAllLLVMTranslations(context);
  return context;
}

static MlirModule parse(MlirContext context, const char *source) {
  return mlirModuleCreateParse(context, mlirStringRefCreateFromCString(source));
}

/// The text of `module`; the buffer is overwritten by the next call.
static const Text *print(MlirModule module) {
  static Text text;
  text.length = 0;
  text.data[0] = '\0';
  mlirOperationPrint(mlirModuleGetOperation(module), append, &text);
  return &text;
}

static MlirOperation firstFunction(MlirModule module) {
  return mlirBlockGetFirstOperation(mlirModuleGetBody(module));
}

// B = 1, H = 2, T = 5, D = 4, R = 1.
enum { H = 2, T = 5, D = 4, R = 1 };
static const char *const attend =
    "func.func @attend(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x5x4xf32>,\n"
    "    %v: tensor<1x2x5x4xf32>, %w_std: tensor<2xf32>, %w_rec: "
    "tensor<2xf32>)\n"
    "    -> tensor<1x2x5x4xf32> {\n"
    "  %e = tensor.empty() : tensor<1x2x5x4xf32>\n"
    "  %o = ra.reciprocal_attention {mask = #ra.mask<causal>,\n"
    "                                rank = array<i64: 1>}\n"
    "      ins(%q, %k, %v : tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>,\n"
    "          tensor<1x2x5x4xf32>)\n"
    "      w_std(%w_std : tensor<2xf32>) w_rec(%w_rec : tensor<2xf32>)\n"
    "      outs(%e : tensor<1x2x5x4xf32>) -> tensor<1x2x5x4xf32>\n"
    "  return %o : tensor<1x2x5x4xf32>\n"
    "}\n";

static void testDialect(void) {
  // The handle alone: no other dialect is known.
  MlirContext context = mlirContextCreate();
  MlirDialectHandle handle = mlirGetDialectHandle__ra__();
  CHECK(equals(mlirDialectHandleGetNamespace(handle), "ra"));
  mlirDialectHandleRegisterDialect(handle, context);
  MlirDialect dialect = mlirDialectHandleLoadDialect(handle, context);
  CHECK(equals(mlirDialectGetNamespace(dialect), "ra"));
  CHECK(mlirContextIsRegisteredOperation(
      context, mlirStringRefCreateFromCString("ra.attention")));
  CHECK(equals(raParameterAttrName(), "ra.parameter"));
  mlirContextDestroy(context);
}

/// Parses an attribute; null with a diagnostic if it is none.
static MlirAttribute parseAttribute(MlirContext context, const char *source) {
  return mlirAttributeParseGet(context, mlirStringRefCreateFromCString(source));
}

static void testMask(MlirContext context) {
  MlirLocation here = mlirLocationFileLineColGet(
      context, mlirStringRefCreateFromCString("here"), 7, 3);
  MlirAttribute window = raMaskAttrGetChecked(here, RaMaskKindWindow, 256,
                                              RaMaskAlignmentBottomRight);
  CHECK(raAttributeIsAMask(window));
  CHECK(mlirAttributeEqual(
      window, parseAttribute(context, "#ra.mask<window(256), bottom_right>")));
  CHECK(raMaskAttrGetKind(window) == RaMaskKindWindow);
  CHECK(raMaskAttrGetWindow(window) == 256);
  CHECK(raMaskAttrGetAlignment(window) == RaMaskAlignmentBottomRight);
  MlirAttribute causal =
      raMaskAttrGetChecked(here, RaMaskKindCausal, 0, RaMaskAlignmentTopLeft);
  CHECK(
      mlirAttributeEqual(causal, parseAttribute(context, "#ra.mask<causal>")));
  CHECK(raMaskAttrGetKind(causal) == RaMaskKindCausal);
  CHECK(!raAttributeIsAMask(mlirUnitAttrGet(context)));
  CHECK(!raAttributeIsAMask(mlirAttributeGetNull()));

  // What is no mask: null, and a reason.
  Text reasons = {0};
  MlirDiagnosticHandlerID handler = mlirContextAttachDiagnosticHandler(
      context, keepDiagnostic, &reasons, NULL);
  CHECK(mlirAttributeIsNull(
      raMaskAttrGetChecked(here, RaMaskKindWindow, 0, RaMaskAlignmentTopLeft)));
  CHECK(contains(&reasons, "a window mask needs a positive size"));
  CHECK(mlirAttributeIsNull(
      raMaskAttrGetChecked(here, (RaMaskKind)9, 0, RaMaskAlignmentTopLeft)));
  CHECK(contains(&reasons, "no such kind or alignment of a mask"));
  mlirContextDetachDiagnosticHandler(context, handler);
}

static void testEnumAttributes(MlirContext context) {
  MlirAttribute style = raRopeStyleAttrGet(context, RaRopeStyleInterleaved);
  CHECK(mlirAttributeEqual(
      style, parseAttribute(context, "#ra.rope_style<interleaved>")));
  CHECK(raAttributeIsARopeStyle(style) && !raAttributeIsAGateSplit(style));
  CHECK(raRopeStyleAttrGetValue(style) == RaRopeStyleInterleaved);
  CHECK(mlirAttributeIsNull(raRopeStyleAttrGet(context, (RaRopeStyle)2)));

  MlirAttribute split = raGateSplitAttrGet(context, RaGateSplitQuery);
  CHECK(mlirAttributeEqual(split,
                           parseAttribute(context, "#ra.gate_split<query>")));
  CHECK(raAttributeIsAGateSplit(split) && !raAttributeIsAGroupedMode(split));
  CHECK(raGateSplitAttrGetValue(split) == RaGateSplitQuery);
  CHECK(mlirAttributeIsNull(raGateSplitAttrGet(context, (RaGateSplit)2)));

  MlirAttribute mode = raGroupedModeAttrGet(context, RaGroupedModeSlots);
  CHECK(mlirAttributeEqual(mode, parseAttribute(context, "#ra.gqa<slots>")));
  CHECK(raAttributeIsAGroupedMode(mode) && !raAttributeIsARopeStyle(mode));
  CHECK(raGroupedModeAttrGetValue(mode) == RaGroupedModeSlots);
  CHECK(mlirAttributeIsNull(raGroupedModeAttrGet(context, (RaGroupedMode)2)));
}

static void testErrors(MlirContext context) {
  Text reasons = {0};
  MlirDiagnosticHandlerID handler = mlirContextAttachDiagnosticHandler(
      context, keepDiagnostic, &reasons, NULL);
  MlirModule module = parse(
      context,
      "func.func @f(%x: tensor<2x8x16xf32>, %w: tensor<16x15xf32>)\n"
      "    -> tensor<2x8x16xf32> {\n"
      "  %y = ra.linear ins(%x, %w : tensor<2x8x16xf32>, tensor<16x15xf32>)\n"
      "                 outs(%x : tensor<2x8x16xf32>) -> tensor<2x8x16xf32>\n"
      "  return %y : tensor<2x8x16xf32>\n"
      "}\n");
  CHECK(mlirModuleIsNull(module));
  CHECK(contains(&reasons, "(C2) input has 16 channels, the weight 15"));
  mlirContextDetachDiagnosticHandler(context, handler);
}

/// What is left of @attend at `stage`.
static const Text *compile(MlirContext context, RaStage stage) {
  MlirModule module = parse(context, attend);
  MlirPassManager pm = mlirPassManagerCreate(context);
  CHECK(mlirLogicalResultIsSuccess(
      raAddCompilePipeline(mlirPassManagerGetAsOpPassManager(pm), stage)));
  CHECK(mlirLogicalResultIsSuccess(
      mlirPassManagerRunOnOp(pm, mlirModuleGetOperation(module))));
  CHECK(mlirOperationVerify(mlirModuleGetOperation(module)));
  const Text *text = print(module);
  mlirPassManagerDestroy(pm);
  mlirModuleDestroy(module);
  return text;
}

static void testStages(MlirContext context) {
  CHECK(
      equals(raStageGetName(RaStageBaselineAsWritten), "baseline-as-written"));
  CHECK(equals(raStageGetName(RaStageDirect), "direct"));
  CHECK(raStageGetName((RaStage)6).length == 0);

  const Text *text = compile(context, RaStageOpenCoded);
  CHECK(contains(text, "ra.reciprocal_attention"));
  // The baseline reads query and key as they are, a folded module gates them.
  text = compile(context, RaStageBaselineCompiled);
  CHECK(contains(text, "ra.attention") && !contains(text, "math.sqrt"));
  for (RaStage stage = RaStageFolded; stage <= RaStageDirect; ++stage) {
    text = compile(context, stage);
    CHECK(contains(text, "ra.attention") && contains(text, "math.sqrt"));
    CHECK(!contains(text, "ra.reciprocal_attention"));
  }
}

static void testPipelineErrors(MlirContext context) {
  MlirPassManager pm = mlirPassManagerCreate(context);
  MlirOpPassManager ops = mlirPassManagerGetAsOpPassManager(pm);
  CHECK(mlirLogicalResultIsFailure(raAddCompilePipeline(ops, (RaStage)6)));
  MlirOpPassManager functions = mlirPassManagerGetNestedUnder(
      pm, mlirStringRefCreateFromCString("func.func"));
  CHECK(mlirLogicalResultIsFailure(
      raAddCompilePipeline(functions, RaStageDirect)));
  CHECK(mlirLogicalResultIsFailure(
      raAddBufferizePipeline(functions, raBufferizeOptionsGetDefault())));
  CHECK(mlirLogicalResultIsFailure(
      raAddLowerToCpuPipeline(functions, raLowerToCpuOptionsGetDefault())));
  mlirPassManagerDestroy(pm);
}

/// By name, and a pass by itself.
static void testPasses(MlirContext context) {
  raRegisterAllPasses();
  raRegisterAllPasses();
  Text reasons = {0};
  MlirPassManager pm = mlirPassManagerCreate(context);
  MlirOpPassManager ops = mlirPassManagerGetAsOpPassManager(pm);
  CHECK(mlirLogicalResultIsFailure(mlirOpPassManagerAddPipeline(
      ops, mlirStringRefCreateFromCString("ra-compile{stage=highest}"), append,
      &reasons)));
  CHECK(contains(&reasons, "highest"));
  CHECK(mlirLogicalResultIsSuccess(mlirOpPassManagerAddPipeline(
      ops, mlirStringRefCreateFromCString("ra-compile{stage=baseline}"), append,
      &reasons)));
  MlirModule module = parse(context, attend);
  CHECK(mlirLogicalResultIsSuccess(
      mlirPassManagerRunOnOp(pm, mlirModuleGetOperation(module))));
  CHECK(!contains(print(module), "ra.reciprocal_attention"));
  mlirPassManagerDestroy(pm);
  mlirModuleDestroy(module);

  module = parse(context, attend);
  pm = mlirPassManagerCreate(context);
  mlirOpPassManagerAddOwnedPass(
      mlirPassManagerGetNestedUnder(
          pm, mlirStringRefCreateFromCString("func.func")),
      mlirCreateRATransformsFoldReciprocalPass());
  CHECK(mlirLogicalResultIsSuccess(
      mlirPassManagerRunOnOp(pm, mlirModuleGetOperation(module))));
  CHECK(!contains(print(module), "ra.reciprocal_attention"));
  mlirPassManagerDestroy(pm);
  mlirModuleDestroy(module);
}

static void testRemarks(void) {
  MlirContext context = createContext();
  CHECK(mlirLogicalResultIsSuccess(raContextEnableRemarks(context)));
  CHECK(mlirLogicalResultIsFailure(raContextEnableRemarks(context)));
  Text remarks = {0};
  mlirContextAttachDiagnosticHandler(context, keepDiagnostic, &remarks, NULL);
  // Query and key are arguments: there are no weights to fold into.
  compile(context, RaStageDirect);
  CHECK(contains(&remarks, "[Missed]"));
  CHECK(contains(&remarks, "ra-fold-weights"));
  mlirContextDestroy(context);
}

static void testCost(MlirContext context) {
  // 2 * 8 rows, 16 channels, 4 outputs, one product each.
  MlirModule module = parse(
      context,
      "func.func @f(%x: tensor<2x8x16xf32>, %w: tensor<4x16xf32>,\n"
      "             %e: tensor<2x8x4xf32>) -> tensor<2x8x4xf32> {\n"
      "  %y = ra.linear ins(%x, %w : tensor<2x8x16xf32>, tensor<4x16xf32>)\n"
      "                 outs(%e : tensor<2x8x4xf32>) -> tensor<2x8x4xf32>\n"
      "  return %y : tensor<2x8x4xf32>\n"
      "}\n");
  RaCost cost = {0};
  CHECK(
      mlirLogicalResultIsSuccess(raComputeCost(firstFunction(module), &cost)));
  CHECK(cost.flops == 2 * (2 * 8) * 16 * 4);
  CHECK(cost.bytes == 4 * (2 * 8 * 16 + 4 * 16 + 2 * 8 * 4));
  CHECK(cost.kernels == 1);
  CHECK(cost.copies == 0);
  CHECK(cost.allocations == RA_COST_UNKNOWN);
  cost.flops = -7;
  CHECK(mlirLogicalResultIsFailure(
      raComputeCost(mlirModuleGetOperation(module), &cost)));
  CHECK(cost.flops == -7);
  mlirModuleDestroy(module);
}

/// A memref of rank up to 4, as MLIR passes it.
typedef struct MemRef {
  float *allocated;
  float *aligned;
  int64_t offset;
  int64_t sizesAndStrides[8];
} MemRef;

static MemRef heads(float *data) {
  return (MemRef){data, data, 0, {1, H, T, D, H * T * D, T * D, D, 1}};
}

static MemRef gates(float *data) { return (MemRef){data, data, 0, {H, 1}}; }

/// One output element, from the formula of docs/reference/RADialect.md.
static double expected(const float *q, const float *k, const float *v,
                       double wStd, double wRec, int i, int dim) {
  double scores[T], max = -INFINITY, sum = 0, out = 0;
  for (int j = 0; j <= i; ++j) {
    double standard = 0, reciprocal = 0;
    for (int d = 0; d < D - R; ++d)
      standard += (double)q[i * D + d] * k[j * D + d];
    for (int d = D - R; d < D; ++d)
      reciprocal += (double)k[i * D + d] * q[j * D + d];
    scores[j] = (wStd * standard + wRec * reciprocal) / sqrt(D);
    max = fmax(max, scores[j]);
  }
  for (int j = 0; j <= i; ++j)
    sum += exp(scores[j] - max);
  for (int j = 0; j <= i; ++j)
    out += exp(scores[j] - max) / sum * v[j * D + dim];
  return out;
}

static void *allocate(size_t alignment, size_t size) {
  // aligned_alloc wants a multiple.
  return aligned_alloc(alignment,
                       (size + alignment - 1) / alignment * alignment);
}

static void registerSymbol(MlirExecutionEngine engine, const char *name,
                           void *symbol) {
  mlirExecutionEngineRegisterSymbol(
      engine, mlirStringRefCreateFromCString(name), symbol);
}

/// All the way down: what runs computes the formula.
static void testRun(MlirContext context) {
  RaLowerToCpuOptions options = raLowerToCpuOptionsGetDefault();
  CHECK(options.threads == 1 && !options.instrument);
  options.lanes = 8;
  options.rows = 6;
  options.chunks = 2;

  MlirModule module = parse(context, attend);
  MlirPassManager pm = mlirPassManagerCreate(context);
  MlirOpPassManager ops = mlirPassManagerGetAsOpPassManager(pm);
  CHECK(mlirLogicalResultIsSuccess(raAddCompilePipeline(ops, RaStageDirect)));
  CHECK(mlirLogicalResultIsSuccess(
      raAddBufferizePipeline(ops, raBufferizeOptionsGetDefault())));
  CHECK(mlirLogicalResultIsSuccess(raAddLowerToCpuPipeline(ops, options)));
  CHECK(mlirLogicalResultIsSuccess(
      mlirPassManagerRunOnOp(pm, mlirModuleGetOperation(module))));
  mlirPassManagerDestroy(pm);

  MlirExecutionEngine engine = mlirExecutionEngineCreate(
      module, /*optLevel=*/2, 0, NULL, /*enableObjectDump=*/false,
      /*enablePIC=*/false);
  CHECK(!mlirExecutionEngineIsNull(engine));
  if (mlirExecutionEngineIsNull(engine)) {
    mlirModuleDestroy(module);
    return;
  }
  registerSymbol(engine, "_mlir_memref_to_llvm_alloc",
                 (void *)(intptr_t)malloc);
  registerSymbol(engine, "_mlir_memref_to_llvm_aligned_alloc",
                 (void *)(intptr_t)allocate);
  registerSymbol(engine, "_mlir_memref_to_llvm_free", (void *)(intptr_t)free);

  float q[H * T * D], k[H * T * D], v[H * T * D], out[H * T * D];
  uint32_t state = 1;
  for (int i = 0; i < 3 * H * T * D; ++i) {
    state = state * 1664525u + 1013904223u;
    float *input = i % 3 == 0 ? q : i % 3 == 1 ? k : v;
    input[i / 3] = (float)(state >> 8) / (1 << 23) - 1;
  }
  for (int i = 0; i < H * T * D; ++i)
    out[i] = NAN;
  float wStd[H] = {0.9f, 1.5f}, wRec[H] = {0.1f, 2.0f};
  MemRef operands[] = {heads(q),    heads(k),    heads(v),
                       gates(wStd), gates(wRec), heads(out)};
  void (*run)(MemRef *, MemRef *, MemRef *, MemRef *, MemRef *, MemRef *);
  void *address = mlirExecutionEngineLookup(
      engine, mlirStringRefCreateFromCString("_mlir_ciface_attend"));
  CHECK(address != NULL);
  if (address != NULL) {
    memcpy(&run, &address, sizeof(run));
    run(&operands[0], &operands[1], &operands[2], &operands[3], &operands[4],
        &operands[5]);
    for (int h = 0; h < H; ++h)
      for (int i = 0; i < T; ++i)
        for (int d = 0; d < D; ++d) {
          int head = h * T * D;
          double error =
              out[head + i * D + d] -
              expected(q + head, k + head, v + head, wStd[h], wRec[h], i, d);
          CHECK(fabs(error) < 2e-6);
        }
  }
  mlirExecutionEngineDestroy(engine);
  mlirModuleDestroy(module);
}

int main(void) {
  testDialect();
  MlirContext context = createContext();
  testMask(context);
  testEnumAttributes(context);
  testErrors(context);
  testStages(context);
  testPipelineErrors(context);
  testPasses(context);
  testCost(context);
  testRun(context);
  mlirContextDestroy(context);
  testRemarks();
  if (failures != 0)
    fprintf(stderr, "%d checks failed\n", failures);
  return failures != 0;
}
