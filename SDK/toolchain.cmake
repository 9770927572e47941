# CMake toolchain file for compute functions: cmake -DCMAKE_TOOLCHAIN_FILE=SDK/toolchain.cmake
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER clang)
set(CMAKE_CXX_COMPILER clang++)
set(CMAKE_C_FLAGS_INIT "--config=${CMAKE_CURRENT_LIST_DIR}/dandelion.cfg")
set(CMAKE_CXX_FLAGS_INIT "--config=${CMAKE_CURRENT_LIST_DIR}/dandelion++.cfg")
# Nothing of the machine that builds.
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
