# ra_add_unittest(NAME SOURCES... [LINK_LIBS libs...])
#
# A GoogleTest program whose cases CTest runs one by one. Debian's GoogleTest is
# a static library with exceptions; tests are compiled as the rest of ra is,
# without, which its headers allow for.

if(NOT TARGET GTest::gtest_main)
  find_package(GTest QUIET)
  if(NOT GTest_FOUND)
    message(FATAL_ERROR
      "\n  GoogleTest was not found.\n"
      "  Debian 12:  apt-get install libgtest-dev\n"
      "  elsewhere:  https://github.com/google/googletest, then -DGTest_DIR=<prefix>/lib/cmake/GTest\n"
      "  Without the tests:  -DRA_BUILD_TESTS=OFF")
  endif()
endif()
include(GoogleTest)

function(ra_add_unittest name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  ra_target_options(${name})
  ra_precompile(${name} ${ARG_LINK_LIBS})
  target_compile_definitions(${name} PRIVATE GTEST_HAS_EXCEPTIONS=0)
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} GTest::gtest_main)
  set_property(GLOBAL APPEND PROPERTY RA_TEST_DEPENDS ${name})
  # PRE_TEST: a program that cannot start fails the tests, not the build.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS unit)
endfunction()
