//===- Version.h - What a tool says to --version ----------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TOOLS_VERSION_H
#define RA_TOOLS_VERSION_H

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

namespace ra {

/// Makes `--version` of a tool that parses its options with llvm::cl print the
/// tool's name and version (RA_VERSION, from the project's CMake file) and
/// LLVM's. Call it before the options are parsed; `tool` must outlive them.
inline void setVersionPrinter(const char *tool) {
  llvm::cl::SetVersionPrinter([tool](llvm::raw_ostream &os) {
    os << tool << ' ' << RA_VERSION << "\nLLVM " << LLVM_VERSION_STRING << '\n';
  });
}

} // namespace ra

#endif // RA_TOOLS_VERSION_H
