# Files inside the program: stoa_embed() for any folder, stoa_embed_page() for the trading page.
#
# The bytes come in through the assembler's .incbin, so that a megabyte costs milliseconds and no compiler memory.
enable_language(ASM)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# stoa_embed(target NAME name NAMESPACE ns HEADER header TYPE type ROOT folder [FIELDS field...] FILES file...)
#
# Defines `std::span<const TYPE> NAME() noexcept` in namespace NAMESPACE, one TYPE per file in path order, and adds it to
# the target. HEADER declares both. FIELDS are the members of TYPE to fill, in the order in which TYPE has them, out of
#   path          string_view, below ROOT, with a leading slash
#   content_type  string_view
#   etag          string_view, a strong ETag with its quotes
#   bytes         span<const uint8_t>
#   immutable     bool: the name holds a hash of the content, so it may be cached for ever
function(stoa_embed target)
  cmake_parse_arguments(arg "" "NAME;NAMESPACE;HEADER;TYPE;ROOT" "FIELDS;FILES" ${ARGN})
  if(NOT arg_FIELDS)
    set(arg_FIELDS path content_type etag bytes immutable)
  endif()
  set(stem ${CMAKE_CURRENT_BINARY_DIR}/embedded/${arg_NAME})
  list(JOIN arg_FILES "\n" listing)
  file(GENERATE OUTPUT ${stem}.list CONTENT "${listing}\n")
  add_custom_command(
    OUTPUT ${stem}.cc ${stem}.S
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/embed.py --name ${arg_NAME} --namespace ${arg_NAMESPACE}
      --header ${arg_HEADER} --type ${arg_TYPE} --root ${arg_ROOT} --fields ${arg_FIELDS} --list ${stem}.list
      --out ${stem}
    DEPENDS ${CMAKE_SOURCE_DIR}/tools/embed.py ${stem}.list ${arg_FILES}
    COMMENT "Embedding ${arg_NAME}"
    VERBATIM)
  set_source_files_properties(${stem}.S PROPERTIES OBJECT_DEPENDS "${arg_FILES}")
  set_source_files_properties(${stem}.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  # The assembler gets none of the warning flags that the target's C++ sources carry.
  add_library(${target}_${arg_NAME} OBJECT ${stem}.S)
  target_sources(${target} PRIVATE ${stem}.cc $<TARGET_OBJECTS:${target}_${arg_NAME}>)
endfunction()

option(STOA_PAGE "Embed the trading page of web/dist" ON)

# The page of web/dist when it was built, else one that says how to build it. A page that appears later is taken up by
# the next build: ninja looks at the folder each time.
function(stoa_embed_page target)
  set(root ${CMAKE_SOURCE_DIR}/web/dist)
  set(files "")
  if(STOA_PAGE)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${root}/*)
    list(FILTER files EXCLUDE REGEX "\\.map$")
  endif()
  if(NOT "${root}/index.html" IN_LIST files)
    set(root ${CMAKE_SOURCE_DIR}/cmake/page_fallback)
    set(files ${root}/index.html)
  endif()
  stoa_embed(${target} NAME page_assets NAMESPACE stoa::gateway HEADER gateway/page_assets.h TYPE PageAsset
    ROOT ${root} FILES ${files})
endfunction()
