# Programs that ./dev finds by where they are. Each is one source, NAME.cc, and the libraries it links:
#
#   stoa_bench(NAME [LINK library...])   build/PRESET/bench/NAME   ./dev bench NAME
#   stoa_fuzz(NAME [LINK library...])    build/fuzz/fuzz/NAME      ./dev fuzz NAME, corpus in fuzz/corpus/NAME
#   stoa_sim(NAME [LINK library...])     build/PRESET/sim_NAME     ./dev sim NAME

# A bench is a test too, so that it never rots: --smoke takes tiny inputs and still checks the results.
function(stoa_bench name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(${name} ${name}.cc)
  target_link_libraries(${name} PRIVATE ${arg_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  add_test(NAME bench/${name} COMMAND ${name} --smoke)
  set_tests_properties(bench/${name} PROPERTIES TIMEOUT 120)
endfunction()

# Only with -DSTOA_FUZZ=ON (preset fuzz); elsewhere it adds nothing.
function(stoa_fuzz name)
  if(NOT STOA_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(${name} ${name}.cc)
  target_link_libraries(${name} PRIVATE ${arg_LINK})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()

function(stoa_sim name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(sim_${name} ${name}.cc)
  target_link_libraries(sim_${name} PRIVATE ${arg_LINK})
  set_target_properties(sim_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()
