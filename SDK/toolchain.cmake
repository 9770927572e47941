# CMake toolchain file for compute functions: cmake -DCMAKE_TOOLCHAIN_FILE=SDK/toolchain.cmake
# DANDELION_VARIANT chooses other config files: -aarch64, -debug, -debug-aarch64.
set(DANDELION_VARIANT "" CACHE STRING "the config files' suffix")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DANDELION_VARIANT)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
if(DANDELION_VARIANT MATCHES aarch64)
    set(CMAKE_SYSTEM_PROCESSOR aarch64)
endif()
set(CMAKE_C_COMPILER clang)
set(CMAKE_CXX_COMPILER clang++)
set(CMAKE_C_FLAGS_INIT "--config=${CMAKE_CURRENT_LIST_DIR}/dandelion${DANDELION_VARIANT}.cfg")
set(CMAKE_CXX_FLAGS_INIT "--config=${CMAKE_CURRENT_LIST_DIR}/dandelion++${DANDELION_VARIANT}.cfg")
# Nothing of the machine that builds.
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
