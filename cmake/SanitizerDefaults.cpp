//===- SanitizerDefaults.cpp - What a sanitizer build takes for granted ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Linked into every program of a sanitizer build. LLVM's arenas poison, by
// code in its headers, what they have not handed out. The shared libMLIR is not
// instrumented and so never lifts the poison from memory of an arena that ra's
// code happened to extend: without this, its writes are reported at random.
//
//===----------------------------------------------------------------------===//

extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0";
}
