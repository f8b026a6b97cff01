# An MLIR without shared libraries.
set(LLVM_PACKAGE_VERSION 22.1.0)
set(LLVM_VERSION_MAJOR 22)
