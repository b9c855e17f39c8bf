# SPDX-License-Identifier: Apache-2.0
# cn_add_room(NAME [NEEDS room...]): static library cn_NAME of every .c below src/NAME.
# A file *_isa.c is compiled once per instruction-set level with CN_ISA set to 2, 3, 4 or 5 (x86-64-v2,
# v3, v4, v4 with VBMI/VBMI2) and once with CN_ISA=0 elsewhere; see data/kernel/isa.h.
# Sources of rooms (not tests) see base/banned.h first; base/alloc.c alone may use the heap.
include(GNUInstallDirs)
set(CN_ROOMS "" CACHE INTERNAL "rooms in order")
file(RELATIVE_PATH CN_BIN_TO_LIB /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
set(CMAKE_INSTALL_RPATH "$ORIGIN/${CN_BIN_TO_LIB}")

set(CN_ROOM_FLAGS "SHELL:-include ${CMAKE_SOURCE_DIR}/src/base/banned.h")
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/base/alloc.c
                            PROPERTIES COMPILE_DEFINITIONS CNI_ALLOW_HEAP)

set(CN_ISA_FLAGS_2 -march=x86-64-v2)
set(CN_ISA_FLAGS_3 -march=x86-64-v3)
set(CN_ISA_FLAGS_4 -march=x86-64-v4 -mprefer-vector-width=512)
set(CN_ISA_FLAGS_5 -march=x86-64-v4 -mavx512vbmi -mavx512vbmi2 -mavx512bitalg -mavx512vpopcntdq
                   -mprefer-vector-width=512)

function(cn_add_room name)
  cmake_parse_arguments(ROOM "" "" "NEEDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
  set(isa_sources ${sources})
  list(FILTER sources EXCLUDE REGEX "_isa\\.c$")
  list(FILTER isa_sources INCLUDE REGEX "_isa\\.c$")
  if(NOT sources AND NOT isa_sources)
    message(STATUS "room ${name} has no sources yet")
    add_library(cn_${name} INTERFACE)
    foreach(need ${ROOM_NEEDS})
      target_link_libraries(cn_${name} INTERFACE cn_${need})
    endforeach()
    return()
  endif()
  set(objects)
  if(isa_sources)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
      set(levels 2 3 4 5)
    else()
      set(levels 0)
    endif()
    foreach(level ${levels})
      add_library(cn_${name}_isa${level} OBJECT ${isa_sources})
      target_link_libraries(cn_${name}_isa${level} PRIVATE colonnade_options)
      target_compile_definitions(cn_${name}_isa${level} PRIVATE CN_ISA=${level})
      target_compile_options(cn_${name}_isa${level} PRIVATE ${CN_ROOM_FLAGS} ${CN_ISA_FLAGS_${level}})
      list(APPEND objects $<TARGET_OBJECTS:cn_${name}_isa${level}>)
    endforeach()
  endif()
  add_library(cn_${name} STATIC ${sources} ${objects})
  target_link_libraries(cn_${name} PUBLIC colonnade_options colonnade_libraries)
  target_compile_options(cn_${name} PRIVATE ${CN_ROOM_FLAGS})
  foreach(need ${ROOM_NEEDS})
    target_link_libraries(cn_${name} PUBLIC cn_${need})
  endforeach()
  set(CN_ROOMS ${CN_ROOMS} ${name} CACHE INTERNAL "rooms in order")
endfunction()

# libcolonnade: every room in one shared library, public symbols only, with the installed headers and
# the pkg-config file, whose paths are relative to itself so that the tree may be moved.
function(cn_add_library)
  if(NOT CN_ROOMS)
    return()
  endif()
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/colonnade_unit.c
       CONTENT "typedef int cn_colonnade_unit;\n")
  add_library(colonnade SHARED ${CMAKE_BINARY_DIR}/colonnade_unit.c)
  set(archives)
  foreach(room ${CN_ROOMS})
    list(APPEND archives cn_${room})
  endforeach()
  target_link_libraries(
    colonnade PRIVATE -Wl,--whole-archive ${archives} -Wl,--no-whole-archive colonnade_options
                      colonnade_libraries)
  target_include_directories(colonnade INTERFACE ${CMAKE_SOURCE_DIR}/include)
  set_target_properties(colonnade PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
  install(TARGETS colonnade LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/colonnade DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN "*.h")
  file(RELATIVE_PATH CN_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" CN_PC_TO_PREFIX ${CN_PC_TO_PREFIX})
  configure_file(${CMAKE_SOURCE_DIR}/cmake/colonnade.pc.in ${CMAKE_BINARY_DIR}/colonnade.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/colonnade.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
