// compile FILE.mlir: compiles a module through the C API, as `ra-opt
// --ra-compile` does, prints it, and says on standard error what the passes did
// and refused.
#include "mlir-c/Diagnostics.h"
#include "mlir-c/RegisterEverything.h"
#include "ra-c/Dialect.h"
#include "ra-c/Passes.h"

#include <stdio.h>

static void print(MlirStringRef text, void *stream) {
  fwrite(text.data, 1, text.length, stream);
}

static MlirLogicalResult say(MlirDiagnostic diagnostic, void *stream) {
  mlirDiagnosticPrint(diagnostic, print, stream);
  fputc('\n', stream);
  return mlirLogicalResultSuccess();
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: compile FILE.mlir\n");
    return 2;
  }
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  mlirRegisterAllDialects(registry);
  raRegisterAllDialects(registry);
  MlirContext context =
      mlirContextCreateWithRegistry(registry, /*threadingEnabled=*/true);
  mlirDialectRegistryDestroy(registry);
  mlirContextAttachDiagnosticHandler(context, say, stderr, NULL);
  raContextEnableRemarks(context);

  int status = 1;
  MlirModule module = mlirModuleCreateParseFromFile(
      context, mlirStringRefCreateFromCString(argv[1]));
  if (!mlirModuleIsNull(module)) {
    MlirOperation op = mlirModuleGetOperation(module);
    MlirPassManager pm = mlirPassManagerCreate(context);
    if (mlirLogicalResultIsSuccess(raAddCompilePipeline(
            mlirPassManagerGetAsOpPassManager(pm), RaStageDirect)) &&
        mlirLogicalResultIsSuccess(mlirPassManagerRunOnOp(pm, op))) {
      mlirOperationPrint(op, print, stdout);
      status = 0;
    }
    mlirPassManagerDestroy(pm);
    mlirModuleDestroy(module);
  }
  mlirContextDestroy(context);
  return status;
}
