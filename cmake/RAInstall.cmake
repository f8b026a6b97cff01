# Headers, libraries and the package files behind find_package(RA).

include(CMakePackageConfigHelpers)

install(DIRECTORY include/ra include/ra-c ${RA_BINARY_INCLUDE_DIR}/ra runtime/include/ra
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.inc" PATTERN "*.td"
  PATTERN "CMakeFiles" EXCLUDE)

get_property(RA_INSTALLED_LIBRARIES GLOBAL PROPERTY RA_LIBRARIES)
string(JOIN " " RA_INSTALLED_LIBRARIES ${RA_INSTALLED_LIBRARIES})
install(EXPORT RATargets NAMESPACE RA:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/RA)
configure_package_config_file(cmake/RAConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/RAConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/RA)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/RAConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/RAConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/RAConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/RA)
