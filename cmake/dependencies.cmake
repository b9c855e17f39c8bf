# SPDX-License-Identifier: Apache-2.0
# The well-kept libraries that the core links: codecs, regular expressions, Unicode.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(BROTLI REQUIRED IMPORTED_TARGET libbrotlidec)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)

add_library(colonnade_libraries INTERFACE)
target_link_libraries(
  colonnade_libraries INTERFACE PkgConfig::ZSTD PkgConfig::LZ4 PkgConfig::ZLIB PkgConfig::BROTLI
                                PkgConfig::PCRE2 PkgConfig::UTF8PROC Threads::Threads m)
