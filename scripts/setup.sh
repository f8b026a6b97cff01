#!/usr/bin/env bash
# scripts/setup.sh [--check]
# Finds out what building and testing need; on Debian 12, as root or through
# sudo, installs what is missing. Elsewhere says what is missing and where to get
# it. Changes nothing when all is there, nor with --check, which only says.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

check=
case "${1:-}" in
'') ;;
--check) check=1 ;;
*) ra_fail "unknown option $1; usage: scripts/setup.sh [--check]" ;;
esac

# Debian 12 package, what shows that it (or its like) is there, and where others
# find it. The LLVM packages are in Debian's security archive.
llvm_home="https://github.com/llvm/llvm-project/releases (22.1) or https://apt.llvm.org"
resources="$(dirname "$RA_LLVM_BIN")/lib/clang/22/lib"
has_file() {
  local pattern
  for pattern in "$@"; do
    compgen -G "$pattern" >/dev/null && return 0
  done
  return 1
}
has_command() { command -v "$1" >/dev/null 2>&1; }
has_tool() { has_command "$RA_LLVM_BIN/$1" || has_command "$1-22"; }
has_cmake() {
  has_command cmake || return 1
  local version
  version="$(cmake --version | sed -n '1s/.* //p')"
  [ "$(printf '3.25\n%s\n' "$version" | sort -V | head -n 1)" = 3.25 ]
}
has_python() { has_command python3 && python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))'; }
has_header() { has_file "/usr/include/$1" "/usr/local/include/$1" "/usr/include/*/$1"; }

missing_packages=()
missing_text=()
need() { # package, where else, probe...
  local package="$1" where="$2"
  shift 2
  if ! "$@"; then
    missing_packages+=("$package")
    missing_text+=("$package: $where")
  fi
}

need libmlir-22-dev "MLIR 22.1 with its CMake package and shared libMLIR; $llvm_home" \
  has_file "${MLIR_DIR:-$(dirname "$RA_LLVM_BIN")/lib/cmake/mlir}/MLIRConfig.cmake"
need mlir-22-tools "mlir-tblgen and mlir-opt 22.1; $llvm_home" has_tool mlir-tblgen
need llvm-22-dev "LLVM 22.1 with its CMake package and shared libLLVM; $llvm_home" \
  has_file "$(dirname "$RA_LLVM_BIN")/lib/cmake/llvm/LLVMConfig.cmake"
need llvm-22 "llvm-tblgen 22.1; $llvm_home" has_tool llvm-tblgen
need llvm-22-tools "lit and FileCheck 22.1; $llvm_home" has_tool FileCheck
need clang-22 "clang 22; $llvm_home" has_tool clang++
need lld-22 "lld 22; $llvm_home" has_tool ld.lld
need clang-format-22 "clang-format 22; $llvm_home" has_tool clang-format
need libomp-22-dev "LLVM's OpenMP runtime 22; $llvm_home" \
  has_file "$(dirname "$RA_LLVM_BIN")/lib/libomp.so"
need libclang-rt-22-dev "clang's sanitizer and fuzzer runtimes 22; $llvm_home" \
  has_file "$resources/linux/libclang_rt.fuzzer*.a" "$resources/*/libclang_rt.fuzzer*.a"
need g++ "a C++ standard library, such as GCC 12's" has_file '/usr/include/c++/*/vector' \
  '/usr/lib/llvm-22/include/c++/v1/vector'
need libeigen3-dev "Eigen 3.4; https://eigen.tuxfamily.org" \
  has_header eigen3/Eigen/Core
need libgtest-dev "GoogleTest; https://github.com/google/googletest" has_header gtest/gtest.h
need cmake "CMake 3.25 or later; https://cmake.org" has_cmake
need ninja-build "Ninja; https://ninja-build.org" has_command ninja
need ccache "ccache; https://ccache.dev" has_command ccache
need python3 "Python 3.9 or later; https://www.python.org" has_python
need python3-pip "pip, for the demo on a real model's weights; https://pip.pypa.io" \
  python3 -c 'import pip'

if [ "${#missing_packages[@]}" -eq 0 ]; then
  ra_note "set-up: everything is here"
  exit 0
fi

. /etc/os-release 2>/dev/null || true
if [ -n "$check" ] || [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ] || ! has_command apt-get; then
  {
    if [ -n "$check" ]; then
      echo "error: missing (Debian's names first; scripts/setup.sh installs them on Debian 12):"
    else
      echo "error: this is not Debian 12, so please install (Debian's names first):"
    fi
    printf '  %s\n' "${missing_text[@]}"
    echo "LLVM elsewhere than /usr/lib/llvm-22: RA_LLVM_BIN=<prefix>/bin, and pass"
    echo "-DMLIR_DIR=<prefix>/lib/cmake/mlir to scripts/build.sh."
  } >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  has_command sudo || ra_fail "neither root nor sudo; as root: apt-get install ${missing_packages[*]}"
  as_root=(sudo)
fi
ra_step "Installing ${missing_packages[*]}"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing_packages[@]}" 2>&1 | tee "$log"
}
if ! { "${as_root[@]}" apt-get update && install; }; then
  if grep -q 'Unable to locate package' "$log"; then
    echo "The LLVM 22 packages are in Debian's security archive; its line for /etc/apt/sources.list:" >&2
    echo "  deb http://deb.debian.org/debian-security bookworm-security main" >&2
  fi
  ra_fail "apt-get could not install ${missing_packages[*]}"
fi
