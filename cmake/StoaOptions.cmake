# Flags that hold for every target, carried by the interface library stoa_flags.
option(STOA_WERROR "Warnings are errors" ON)
set(STOA_SANITIZE "" CACHE STRING "address;undefined or thread")
option(STOA_FUZZ "Build the libFuzzer targets (clang only)" OFF)

# The sloppiness lets ccache keep sources that use a precompiled header; the base folder makes a second clone hit.
find_program(STOA_CCACHE ccache)
if(STOA_CCACHE)
  set(stoa_launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${STOA_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${stoa_launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${stoa_launcher})
endif()

add_library(stoa_flags INTERFACE)
target_include_directories(stoa_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
target_compile_options(stoa_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align
  -Wno-interference-size -fno-omit-frame-pointer -msse4.2)
# Named places at which tests kill the program (base/fail_point.h); a release has none.
target_compile_definitions(stoa_flags INTERFACE $<$<CONFIG:Debug>:STOA_FAIL_POINTS>)
# Not under sanitizers, where GCC 12 sees values that are not set and bounds that are not there (its manual says so).
if(STOA_WERROR AND NOT STOA_SANITIZE)
  target_compile_options(stoa_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(stoa_flags INTERFACE -Wthread-safety -Wno-unknown-warning-option)
endif()

# mold links a debug build in a tenth of the time; the release keeps the linker that its LTO plug-in comes with.
find_program(STOA_MOLD mold)
if(STOA_MOLD AND CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_link_options(stoa_flags INTERFACE -fuse-ld=mold)
endif()

foreach(sanitizer IN LISTS STOA_SANITIZE)
  target_compile_options(stoa_flags INTERFACE -fsanitize=${sanitizer} -fno-sanitize-recover=all)
  target_link_options(stoa_flags INTERFACE -fsanitize=${sanitizer})
endforeach()

# Every library reports its coverage to libFuzzer; stoa_fuzz() links the fuzzer itself.
if(STOA_FUZZ)
  target_compile_options(stoa_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Standard headers are parsed once per target; ccache needs the sloppiness below to cache such targets.
function(stoa_precompile target)
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <atomic> <bit> <chrono> <compare> <concepts> <cstddef> <cstdint> <cstring> <expected>
    <filesystem> <functional> <memory> <optional> <span> <string> <string_view> <type_traits> <unordered_map>
    <utility> <variant> <vector>)
endfunction()
