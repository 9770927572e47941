# Programs are static: add_library(SHARED) makes a static library, and nothing is exported for others to load.
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS FALSE)
foreach(language C CXX)
    set(CMAKE_SHARED_LIBRARY_LINK_${language}_FLAGS "")
    set(CMAKE_EXE_EXPORTS_${language}_FLAG "")
    set(CMAKE_${language}_COMPILE_OPTIONS_PIC "")
    set(CMAKE_${language}_COMPILE_OPTIONS_PIE "")
    set(CMAKE_${language}_LINK_OPTIONS_PIE "")
endforeach()
