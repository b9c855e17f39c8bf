# SPDX-License-Identifier: Apache-2.0
# Toolchain file: the first clang of this machine that brings its run-time library (sanitizers,
# libFuzzer); the name differs between distributions. CC in the environment wins.
if(DEFINED ENV{CC})
  set(CMAKE_C_COMPILER $ENV{CC})
  return()
endif()
foreach(candidate clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
  find_program(CN_CLANG_${candidate} ${candidate})
  if(NOT CN_CLANG_${candidate})
    continue()
  endif()
  execute_process(COMMAND ${CN_CLANG_${candidate}} -print-runtime-dir OUTPUT_VARIABLE cn_runtime_dir
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${CN_CLANG_${candidate}} -print-resource-dir OUTPUT_VARIABLE cn_resource_dir
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  file(GLOB cn_fuzzers ${cn_runtime_dir}/libclang_rt.fuzzer*.a
       ${cn_resource_dir}/lib/linux/libclang_rt.fuzzer*.a)
  if(cn_fuzzers)
    set(CMAKE_C_COMPILER ${CN_CLANG_${candidate}})
    return()
  endif()
endforeach()
message(FATAL_ERROR "no clang with its run-time library found: tools/bootstrap fuzz")
