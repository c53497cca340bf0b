# A stand-in of what 3D Slicer gives to the build of an extension, for tests on machines without a build of Slicer:
# `find_package(Slicer)` finds this file where Slicer_DIR points to its folder. The macros take the same arguments as
# Slicer's, refuse what Slicer's refuse, and put every file where Slicer's would; what compiles, translates and uploads
# is left out. Slicer itself decides in the end: `make test-slicer`, and the build of the Extensions Index.

set(Slicer_VERSION "5.13")
set(Slicer_USE_PYTHONQT ON)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR "lib/Slicer-${Slicer_VERSION}/qt-scripted-modules")
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR "${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")
set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/ExtensionDescription.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/ExtensionPackage.cmake")
