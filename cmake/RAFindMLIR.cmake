# Finds MLIR and LLVM 22 and says what to do when they are missing.
#
# ra links the shared libMLIR and libLLVM and nothing else of the two: a static
# component beside them would bring in a second copy of MLIR's type registry.

# Indented throughout: CMake fills the lines of a message that are not.
set(RA_MLIR_HELP "
  ra needs MLIR and LLVM 22.1 with their shared libraries.
    Debian 12:  apt-get install libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools
    elsewhere:  build or install LLVM 22.1 with LLVM_ENABLE_PROJECTS=mlir and
                LLVM_LINK_LLVM_DYLIB=ON
  Then point CMake at it:  -DMLIR_DIR=<prefix>/lib/cmake/mlir
  (or use a preset: cmake --preset release)
")

if(NOT MLIR_DIR AND EXISTS /usr/lib/llvm-22/lib/cmake/mlir)
  set(MLIR_DIR /usr/lib/llvm-22/lib/cmake/mlir CACHE PATH "MLIR's CMake package")
endif()
if(MLIR_DIR)
  # Where the user says, or nowhere: another MLIR would be a surprise. (CMake
  # overwrites MLIR_DIR when it finds nothing.)
  set(RA_MLIR_DIR "${MLIR_DIR}")
  find_package(MLIR CONFIG QUIET NO_DEFAULT_PATH PATHS "${RA_MLIR_DIR}")
  set(RA_MLIR_WHERE " in ${RA_MLIR_DIR}")
else()
  find_package(MLIR CONFIG QUIET)
endif()
if(NOT MLIR_FOUND)
  message(FATAL_ERROR "\n  MLIR was not found${RA_MLIR_WHERE}.\n${RA_MLIR_HELP}")
endif()
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR
    "\n  MLIR in ${MLIR_DIR} belongs to LLVM ${LLVM_PACKAGE_VERSION}; ra is written for 22.\n${RA_MLIR_HELP}")
endif()
if(NOT TARGET MLIR OR NOT TARGET LLVM)
  message(FATAL_ERROR
    "\n  MLIR in ${MLIR_DIR} has no shared libMLIR and libLLVM.\n${RA_MLIR_HELP}")
endif()
message(STATUS "MLIR ${LLVM_PACKAGE_VERSION} in ${MLIR_DIR}")

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
# Debian's llvm-22-tools ships lit without the name that LLVM's modules look for.
if(NOT LLVM_EXTERNAL_LIT AND EXISTS "${LLVM_TOOLS_BINARY_DIR}/lit")
  set(LLVM_EXTERNAL_LIT "${LLVM_TOOLS_BINARY_DIR}/lit" CACHE FILEPATH "lit")
endif()
include(TableGen)
include(AddLLVM)
include(AddMLIR)
separate_arguments(RA_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${RA_LLVM_DEFINITIONS})
