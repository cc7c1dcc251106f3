#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "ops/config.h"

// Inside of the configuration: from the text of a TOML file to names, values and places. The only
// user of the TOML library.
namespace stoa::ops {

/// `name = value`, with the dotted name of the tables around it.
struct FileEntry {
  std::string name{};
  bool list = false;
  std::vector<std::string> values{};  // one, unless `list`
  Written written = Written::Other;   // of the value, or of all items; mixed lists are Other
  std::string name_at{};              // "FILE:line:column"
  std::string value_at{};
};

struct FileContent {
  std::vector<FileEntry> entries{};  // [[strategy]] left out
  std::vector<StrategyConfig> strategies{};
  bool has_strategies = false;
  std::vector<Error> errors{};  // of [[strategy]]: its keys are not in the table
};

/// `file` is only used to say where.
///
/// errors  BadInput: not TOML 1.0, not UTF-8 (a byte order mark before it is passed over), longer
///         than 1 MiB or nested without bound; with line and column
[[nodiscard]] Result<FileContent> read_toml(std::string_view text, std::string_view file);

/// A text file of at most 1 MiB.
[[nodiscard]] Result<std::string> read_text_file(const std::filesystem::path& file);

/// environments/NAME.toml, from the program itself, which carries all of them.
[[nodiscard]] Result<FileText> environment_file(std::string_view environment);

}  // namespace stoa::ops
