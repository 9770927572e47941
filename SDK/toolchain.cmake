# CMake toolchain file for compute functions: cmake -DCMAKE_TOOLCHAIN_FILE=SDK/toolchain.cmake
# DANDELION_VARIANT chooses other config files: -aarch64, -debug, -debug-aarch64, -wasm.
set(DANDELION_VARIANT "" CACHE STRING "the config files' suffix")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DANDELION_VARIANT)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
if(DANDELION_VARIANT MATCHES "aarch64|wasm")
    string(REGEX MATCH "aarch64|wasm" CMAKE_SYSTEM_PROCESSOR "${DANDELION_VARIANT}")
endif()
set(CMAKE_C_COMPILER clang)
set(CMAKE_CXX_COMPILER clang++)
set(CMAKE_AR llvm-ar CACHE FILEPATH "")
set(CMAKE_RANLIB llvm-ranlib CACHE FILEPATH "")
set(CMAKE_C_FLAGS_INIT "--config=${CMAKE_CURRENT_LIST_DIR}/dandelion${DANDELION_VARIANT}.cfg")
set(CMAKE_CXX_FLAGS_INIT "--config=${CMAKE_CURRENT_LIST_DIR}/dandelion++${DANDELION_VARIANT}.cfg")
# Nothing of the machine that builds.
set(CMAKE_FIND_ROOT_PATH ${CMAKE_CURRENT_LIST_DIR}/root/${CMAKE_SYSTEM_PROCESSOR})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(PKG_CONFIG_EXECUTABLE ${CMAKE_CURRENT_LIST_DIR}/bin/dandelion-pkg-config CACHE FILEPATH "")
set(ENV{DANDELION_VARIANT} "${DANDELION_VARIANT}")
# try_run and ctest run what was built in a sandbox; programs for debuggers run as they are.
if(DANDELION_VARIANT MATCHES "^(-wasm)?$")
    set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/bin/dandelion-run)
endif()
# What CMake's own file for Linux says afterwards is taken back by this one.
set(CMAKE_USER_MAKE_RULES_OVERRIDE ${CMAKE_CURRENT_LIST_DIR}/config/static.cmake)
