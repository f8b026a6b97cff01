//===- SharedObject.cpp - LLVM IR to a shared object ----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedObject.h"

#include "mlir/ExecutionEngine/OptUtils.h"
#include "ra/Runtime/CpuCode.h"
#include "ra/Runtime/HostFeatures.h"
#include "llvm-c/Core.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

#include <dlfcn.h>

using namespace llvm;
using namespace ra;
using ra::runtime::ArtifactImage;
using ra::runtime::fail;

//===----------------------------------------------------------------------===//
// CPUs
//===----------------------------------------------------------------------===//

/// The micro-architecture levels of the x86-64 psABI.
static const std::vector<std::string> &level3() {
  static const std::vector<std::string> features = {
      "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx",  "avx2",
      "bmi",  "bmi2",  "f16c",   "fma",    "lzcnt",  "movbe"};
  return features;
}

runtime::Expected<ArtifactCpu> ra::findArtifactCpu(StringRef name) {
  if (runtime::hostArchitecture() != "x86_64")
    return fail("artifacts hold code for x86-64 CPUs; this machine is " +
                runtime::hostArchitecture());
  ArtifactCpu cpu;
  cpu.name = name.str();
  if (name == "generic")
    return cpu;
  if (name == "native") {
    cpu.features = runtime::hostCpuFeatures();
    return cpu;
  }
  if (name != "x86-64-v3" && name != "x86-64-v4")
    return fail("no CPU '" + name.str() +
                "'; there are native, generic, x86-64-v3 and x86-64-v4");
  cpu.features = level3();
  if (name == "x86-64-v4")
    for (const char *feature :
         {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})
      cpu.features.push_back(feature);
  return cpu;
}

static runtime::Expected<std::unique_ptr<TargetMachine>>
createTargetMachine(const ArtifactOptions &options) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  InitializeNativeTargetAsmParser();
  Triple triple(sys::getDefaultTargetTriple());
  if (!triple.isOSBinFormatELF())
    return fail("artifacts need a system with ELF files, this one is " +
                triple.str());
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return fail(error);
  std::string features;
  for (const std::string &feature : options.cpu.features)
    features += (features.empty() ? "+" : ",+") + feature;
  std::unique_ptr<TargetMachine> machine(target->createTargetMachine(
      triple, "x86-64", features, TargetOptions(), Reloc::PIC_,
      CodeModel::Small,
      static_cast<CodeGenOptLevel>(std::min(options.optLevel, 3u))));
  if (!machine)
    return fail("LLVM has no code generator for " + triple.str());
  return std::move(machine);
}

//===----------------------------------------------------------------------===//
// Objects
//===----------------------------------------------------------------------===//

static runtime::Expected<SmallVector<char, 0>>
emitObject(Module &module, TargetMachine &machine) {
  SmallVector<char, 0> bytes;
  raw_svector_ostream stream(bytes);
  legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr,
                                  CodeGenFileType::ObjectFile))
    return fail("LLVM cannot write objects for this machine");
  passes.run(module);
  return std::move(bytes);
}

static runtime::Expected<std::vector<std::string>>
undefinedSymbols(ArrayRef<char> bytes) {
  MemoryBufferRef buffer(StringRef(bytes.data(), bytes.size()), "object");
  auto object = object::ObjectFile::createObjectFile(buffer);
  if (!object)
    return fail(toString(object.takeError()));
  std::vector<std::string> names;
  for (const object::SymbolRef &symbol : (*object)->symbols()) {
    Expected<uint32_t> flags = symbol.getFlags();
    Expected<StringRef> name = symbol.getName();
    if (!flags)
      return fail(toString(flags.takeError()));
    if (!name)
      return fail(toString(name.takeError()));
    if ((*flags & object::SymbolRef::SF_Undefined) && !name->empty() &&
        *name != "_GLOBAL_OFFSET_TABLE_")
      names.push_back(name->str());
  }
  return names;
}

namespace {
/// A conversion that LLVM calls by another convention than C++ code of any
/// compiler could be called by: the half is in a vector register.
struct HalfHelper {
  const char *symbol, *import;
  bool takesHalf;
};
} // namespace
static constexpr HalfHelper kHalfHelpers[] = {
    {"__extendhfsf2", "ra_f32_from_f16", true},
    {"__truncsfhf2", "ra_f16_from_f32", false},
    {"__truncdfhf2", "ra_f16_from_f64", false},
    {"__truncsfbf2", "ra_bf16_from_f32", false},
    {"__truncdfbf2", "ra_bf16_from_f64", false}};

/// Assembly that jumps through the import table, and the table. By name and not
/// by type, so that what the code generator itself calls (memcpy) is no other
/// case.
static std::string importAssembly(ArrayRef<std::string> symbols,
                                  std::vector<std::string> &imports) {
  std::string text = "\t.text\n";
  for (const std::string &symbol : symbols) {
    auto helper = find_if(kHalfHelpers, [&](const HalfHelper &candidate) {
      return candidate.symbol == symbol;
    });
    std::string slot =
        "*.Limports+" + std::to_string(8 * imports.size()) + "(%rip)\n";
    imports.push_back(helper == std::end(kHalfHelpers) ? symbol
                                                       : helper->import);
    text += "\t.globl\t" + symbol + "\n\t.hidden\t" + symbol + "\n\t.type\t" +
            symbol + ",@function\n" + symbol + ":\n";
    if (helper == std::end(kHalfHelpers))
      text += "\tjmpq\t" + slot;
    else if (helper->takesHalf)
      text += "\tmovd\t%xmm0, %edi\n\tmovzwl\t%di, %edi\n\tjmpq\t" + slot;
    else
      text += "\tsubq\t$8, %rsp\n\tcallq\t" + slot +
              "\tmovd\t%eax, %xmm0\n\taddq\t$8, %rsp\n\tretq\n";
  }
  text += "\t.data\n\t.p2align\t4\n\t.globl\tra_artifact_imports\n"
          "\t.protected\tra_artifact_imports\n"
          "\t.type\tra_artifact_imports,@object\n"
          "ra_artifact_imports:\n.Limports:\n\t.zero\t" +
          std::to_string(8 * std::max<size_t>(1, imports.size())) +
          "\n\t.size\tra_artifact_imports, .-ra_artifact_imports\n"
          "\t.section\t\".note.GNU-stack\",\"\",@progbits\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Linking
//===----------------------------------------------------------------------===//

static runtime::Expected<std::string> findLinker() {
  SmallVector<std::string> folders;
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&LLVMContextCreate), &info) != 0 &&
      info.dli_fname) {
    SmallString<128> path(sys::path::parent_path(info.dli_fname));
    sys::path::append(path, "..", "bin");
    folders.push_back(std::string(path));
    folders.push_back(
        (sys::path::parent_path(info.dli_fname) + "/../llvm-22/bin").str());
  }
  SmallVector<StringRef> paths(folders.begin(), folders.end());
  if (ErrorOr<std::string> found = sys::findProgramByName("ld.lld", paths))
    return *found;
  for (const char *name : {"ld.lld-22", "ld.lld", "ld"})
    if (ErrorOr<std::string> found = sys::findProgramByName(name))
      return *found;
  return fail("writing an artifact needs a linker; none of ld.lld-22, ld.lld "
              "and ld was found (Debian: apt-get install lld-22)");
}

namespace {
/// A file in the system's folder for them, gone afterwards.
struct TemporaryFile {
  TemporaryFile() = default;
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  ~TemporaryFile() {
    if (!path.empty())
      sys::fs::remove(path);
  }
  runtime::Status create(StringRef suffix, ArrayRef<char> bytes) {
    int descriptor = -1;
    if (std::error_code error = sys::fs::createTemporaryFile(
            "ra-artifact", suffix, descriptor, path))
      return fail("no temporary file: " + error.message());
    raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
    stream.write(bytes.data(), bytes.size());
    stream.flush();
    if (!stream.has_error())
      return runtime::Status::success();
    std::string reason = stream.error().message();
    stream.clear_error();
    return fail((path + ": " + reason).str());
  }
  SmallString<128> path;
};
} // namespace

static runtime::Expected<std::string> link(ArrayRef<char> code,
                                           ArrayRef<char> imports) {
  runtime::Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeFailure();
  TemporaryFile first, second, output, messages;
  for (auto &[file, suffix, bytes] :
       {std::tuple<TemporaryFile &, const char *, ArrayRef<char>>(first, "o",
                                                                  code),
        {second, "o", imports},
        {output, "so", {}},
        {messages, "txt", {}}})
    if (runtime::Status status = file.create(suffix, bytes); !status.ok())
      return status.takeFailure();
  SmallVector<StringRef> arguments = {*linker,
                                      "-shared",
                                      "-Bsymbolic",
                                      "--no-undefined",
                                      "-z",
                                      "now",
                                      "-z",
                                      "relro",
                                      "-z",
                                      "noexecstack",
                                      "--gc-sections",
                                      "-s",
                                      "--build-id=none",
                                      "--hash-style=gnu",
                                      "-o",
                                      output.path,
                                      first.path,
                                      second.path};
  std::string error;
  std::optional<StringRef> redirects[] = {StringRef(), messages.path.str(),
                                          messages.path.str()};
  int status =
      sys::ExecuteAndWait(*linker, arguments, std::nullopt, redirects,
                          /*SecondsToWait=*/0, /*MemoryLimit=*/0, &error);
  auto text = MemoryBuffer::getFile(messages.path);
  if (status != 0)
    return fail(*linker + " failed: " +
                (text && !(*text)->getBuffer().empty()
                     ? (*text)->getBuffer().trim().str()
                     : error));
  auto linked = MemoryBuffer::getFile(output.path);
  if (!linked)
    return fail((output.path + ": " + linked.getError().message()).str());
  return (*linked)->getBuffer().str();
}

runtime::Expected<ArtifactImage>
ra::detail::makeSharedObject(Module &module, const ArtifactOptions &options) {
  runtime::Expected<std::unique_ptr<TargetMachine>> machine =
      createTargetMachine(options);
  if (!machine)
    return machine.takeFailure();
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  module.setPICLevel(PICLevel::BigPIC);
  auto optimise = mlir::makeOptimizingTransformer(
      std::min(options.optLevel, 3u), /*sizeLevel=*/0, machine->get());
  if (Error error = optimise(&module))
    return fail(toString(std::move(error)));
  runtime::Expected<SmallVector<char, 0>> code = emitObject(module, **machine);
  if (!code)
    return code.takeFailure();
  runtime::Expected<std::vector<std::string>> symbols = undefinedSymbols(*code);
  if (!symbols)
    return symbols.takeFailure();

  ArtifactImage image;
  image.kind = ArtifactImage::Kind::CpuSharedObject;
  image.target = runtime::hostArchitecture();
  image.features = options.cpu.features;
  Module importModule("imports", module.getContext());
  importModule.setTargetTriple(module.getTargetTriple());
  importModule.setDataLayout(module.getDataLayout());
  importModule.setModuleInlineAsm(importAssembly(*symbols, image.imports));
  for (const std::string &import : image.imports)
    if (!runtime::findCpuImport(import))
      return fail("the code calls " + import +
                  ", which the runtime does not offer to artifacts");
  runtime::Expected<SmallVector<char, 0>> imports =
      emitObject(importModule, **machine);
  if (!imports)
    return imports.takeFailure();
  runtime::Expected<std::string> linked = link(*code, *imports);
  if (!linked)
    return linked.takeFailure();
  auto bytes = std::make_shared<const std::string>(std::move(*linked));
  image.data = bytes->data();
  image.size = bytes->size();
  image.owner = bytes;
  return image;
}
