# SPDX-License-Identifier: Apache-2.0
# Build options, warnings and sanitizers; `colonnade_options` carries them to every target.
option(CN_BUILD_TESTS "Build the tests" ON)
option(CN_BUILD_BENCH "Build the micro-benchmarks" OFF)
option(CN_WERROR "Warnings are errors" OFF)
option(CN_PARANOID "Hostile build: tiny capacities, moving realloc, poison, validation" OFF)
option(CN_COVERAGE "Instrument for coverage" OFF)
option(CN_FUZZ "Build libFuzzer targets (clang)" OFF)
set(CN_SANITIZE "" CACHE STRING "Sanitizers, such as address,undefined or thread")

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
find_program(CN_CCACHE ccache)
if(CN_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CN_CCACHE})
endif()

add_library(colonnade_options INTERFACE)
target_compile_definitions(colonnade_options INTERFACE _GNU_SOURCE)
target_include_directories(colonnade_options INTERFACE ${CMAKE_SOURCE_DIR}/include
                                                       ${CMAKE_SOURCE_DIR}/src)
target_compile_options(
  colonnade_options
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-align -Wcast-qual
            -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef -Wvla
            -Wformat=2 -Wimplicit-fallthrough -Wpointer-arith -Wwrite-strings -Wdouble-promotion
            -ffp-contract=off -fno-math-errno)
if(CN_WERROR)
  target_compile_options(colonnade_options INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_definitions(colonnade_options INTERFACE CN_DEBUG)
else()
  target_compile_options(colonnade_options INTERFACE -O3)
endif()
if(CN_PARANOID)
  target_compile_definitions(colonnade_options INTERFACE CN_PARANOID CN_DEBUG)
endif()
if(CN_SANITIZE)
  target_compile_options(colonnade_options INTERFACE -fsanitize=${CN_SANITIZE}
                                                     -fno-omit-frame-pointer)
  target_link_options(colonnade_options INTERFACE -fsanitize=${CN_SANITIZE})
  if(CN_SANITIZE MATCHES "undefined")
    target_compile_options(colonnade_options INTERFACE -fno-sanitize-recover=all)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(colonnade_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
                                                     -fstack-protector-strong)
  target_link_options(colonnade_options INTERFACE -Wl,-z,relro,-z,now)
endif()
if(CN_FUZZ)
  target_compile_options(colonnade_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CN_COVERAGE)
  target_compile_options(colonnade_options INTERFACE --coverage)
  target_link_options(colonnade_options INTERFACE --coverage)
endif()
