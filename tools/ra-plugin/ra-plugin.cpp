//===- ra-plugin.cpp - The ra dialect and passes for mlir-opt -------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// mlir-opt --load-dialect-plugin=ra-plugin.so --pass-pipeline='...'
//
// One library for both kinds of plugin. mlir-opt has built its command line by
// the time it loads a plugin, so passes are named in --pass-pipeline only. MLIR
// itself comes from the program that loads the plugin.
//
//===----------------------------------------------------------------------===//

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "ra/InitAll.h"

/// Registers passes once, however the plugin was asked for.
static void registerPasses() {
  static const bool once = (ra::registerAllPasses(), true);
  (void)once;
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "ra", RA_VERSION,
          [](mlir::DialectRegistry *registry) {
            ra::registerAllDialects(*registry);
            registerPasses();
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "ra", RA_VERSION, registerPasses};
}
