# ra_add_library(NAME SOURCES... [DEPENDS targets...] [LINK_LIBS libs...])
#
# A plain static library. add_mlir_dialect_library is not used: it pulls MLIR's
# static archives in behind the shared library.

set(RA_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})
set(RA_WARNINGS -Wall -Wextra -Wno-unused-parameter -Wcast-qual -Wimplicit-fallthrough)
# LLVM is built without exceptions; RTTI is on in Debian's build and must agree.
set(RA_CXX_FLAGS -fno-exceptions)
if(NOT LLVM_ENABLE_RTTI)
  list(APPEND RA_CXX_FLAGS -fno-rtti)
endif()

function(ra_target_options target)
  target_compile_options(${target} PRIVATE ${RA_WARNINGS} ${RA_CXX_FLAGS})
  if(RA_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${RA_SANITIZE} -fno-omit-frame-pointer
      -fno-sanitize=vptr)
    target_link_options(${target} PRIVATE -fsanitize=${RA_SANITIZE})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      target_sources(${target} PRIVATE ${RA_CMAKE_DIR}/SanitizerDefaults.cpp)
      set_source_files_properties(${RA_CMAKE_DIR}/SanitizerDefaults.cpp PROPERTIES
        SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endif()
  # ccache can only reuse what depends on a precompiled header without its time.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# MLIR's headers take five times as long to parse as a source of ra takes to
# compile: they are parsed once. Whoever links MLIR shares the result.
add_library(RAPrecompiledMLIR OBJECT ${CMAKE_CURRENT_LIST_DIR}/PrecompiledMLIR.cpp)
ra_target_options(RAPrecompiledMLIR)
target_precompile_headers(RAPrecompiledMLIR PRIVATE ${CMAKE_CURRENT_LIST_DIR}/PrecompiledMLIR.h)

function(ra_precompile target)
  if("MLIR" IN_LIST ARGN AND RA_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} REUSE_FROM RAPrecompiledMLIR)
    # Executables would be compiled as PIE, which the header was not.
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(${target} PRIVATE -fPIC)
    endif()
  endif()
endfunction()

function(ra_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  add_library(RA::${name} ALIAS ${name})
  ra_target_options(${name})
  target_include_directories(${name} PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  ra_precompile(${name} ${ARG_LINK_LIBS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  set_property(GLOBAL APPEND PROPERTY RA_LIBRARIES ${name})
  install(TARGETS ${name} EXPORT RATargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# ra_add_tool(NAME SOURCES... [LINK_LIBS libs...])
#
# An executable; RA_VERSION is defined in it, see tools/Version.h.
function(ra_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  ra_target_options(${name})
  target_compile_definitions(${name} PRIVATE RA_VERSION="${PROJECT_VERSION}")
  ra_precompile(${name} ${ARG_LINK_LIBS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
  set_property(GLOBAL APPEND PROPERTY RA_TOOLS ${name})
  install(TARGETS ${name} EXPORT RATargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
