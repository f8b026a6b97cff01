# lit's configuration: where tests live and what their RUN lines may name.
#
# Tools by plain name (ra-opt, mlir-opt, FileCheck, not, count, ...): this
# build's first, then LLVM's.
#   %ra_src       root of the sources       %ra_build     root of this build
#   %ra_examples  python-free-examples/     %ra_plugin    the mlir-opt plugin
#   %ra_version   the project's version     %python       a Python 3
#   %exits N CMD  succeeds if CMD exits with status N
#   %launcher     CMake's option for ccache, where that is installed
#   %models       where scripts/fetch-minilm.py leaves what it fetched
# Features: `asan` in a sanitizer build; `minilm` when those are there; the name of
# each tool that was built.

import os
import shutil

import lit.formats

config.name = "ra"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit", "fuzz", "golden"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.ra_test_build_dir

config.environment["PATH"] = os.pathsep.join(
    [config.ra_tools_dir, config.llvm_tools_dir, config.environment["PATH"]]
)
# What pip and ccache of the tests that fetch or build something go by.
for name in os.environ:
    if name in ("HOME", "XDG_CACHE_HOME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE") or (
        name.startswith(("PIP_", "CCACHE_", "ASAN_", "UBSAN_", "LSAN_"))
        or name.lower() in ("http_proxy", "https_proxy", "no_proxy")
    ):
        config.environment[name] = os.environ[name]

if config.ra_sanitize:
    config.available_features.add("asan")
for name in os.listdir(config.ra_tools_dir) if os.path.isdir(config.ra_tools_dir) else []:
    config.available_features.add(name)

models = os.path.join(config.ra_source_dir, "build", "models")
if all(
    os.path.exists(os.path.join(models, name))
    for name in ("minilm-layer0.sha256", "minilm.safetensors", "minilm-texts.safetensors")
):
    config.available_features.add("minilm")

config.substitutions += [
    ("%models", models),
    ("%ra_examples", os.path.join(config.ra_source_dir, "python-free-examples")),
    ("%ra_plugin", os.path.join(config.ra_lib_dir, "ra-plugin" + config.plugin_suffix)),
    ("%ra_version", config.ra_version),
    ("%plugin_suffix", config.plugin_suffix),
    ("%ra_build", config.ra_build_dir),
    ("%ra_src", config.ra_source_dir),
    ("%mlir_dir", config.mlir_dir),
    ("%mlir_include", config.mlir_include),
    ("%llvm_tools", config.llvm_tools_dir),
    ("%cmake", config.cmake),
    ("%cxx", config.cxx_compiler),
    ("%cc", config.c_compiler),
    ("%exe_linker_flags", config.exe_linker_flags),
    ("%launcher", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache" if shutil.which("ccache") else ""),
    ("%python", config.python),
    ("%exits", f"{config.python} {os.path.join(config.test_source_root, 'exits.py')}"),
]
