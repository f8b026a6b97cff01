# ra-docs writes docs/reference from the definitions under include/.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
list(GET MLIR_INCLUDE_DIRS 0 RA_MLIR_MAIN_INCLUDE)
add_custom_target(ra-docs
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/scripts/reference.py
    --source ${CMAKE_SOURCE_DIR} --llvm-tools ${LLVM_TOOLS_BINARY_DIR}
    --mlir-include ${RA_MLIR_MAIN_INCLUDE}
  COMMENT "Writing docs/reference")
