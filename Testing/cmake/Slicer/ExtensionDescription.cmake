# Stand-in: Slicer writes the extension's description from these variables, for the extensions manager.

set(description "{}")
foreach(key HOMEPAGE CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS KEYWORDS)
  if(NOT EXTENSION_${key})
    message(FATAL_ERROR "EXTENSION_${key} is not set")
  endif()
  string(REPLACE "\\" "\\\\" value "${EXTENSION_${key}}")
  string(REPLACE "\"" "\\\"" value "${value}")
  string(JSON description SET "${description}" ${key} "\"${value}\"")
endforeach()
file(WRITE "${CMAKE_BINARY_DIR}/${PROJECT_NAME}.json" "${description}\n")
