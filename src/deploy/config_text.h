#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// A TOML document as values by key path, and back, so that two documents can be compared and merged
// path by path. Pure.
namespace stoa::deploy {

/// "limits.max_order_rate" or "strategy.mm_btc.params.half_spread_ticks" to a TOML literal: `1000`,
/// `"text"`, `["a", "b"]`.
using Values = std::map<std::string, std::string, std::less<>>;
/// What to do to some paths: a literal, or nothing to take the path away.
using Edits = std::map<std::string, std::optional<std::string>, std::less<>>;

struct Document {
  Values values{};
  std::vector<std::string>
      strategies{};  // names, in the order of the text: it gives them their ids
};

/// `name` is only used to say where.
///
/// errors  BadInput: as ops::read_toml; a strategy whose name has a dot
[[nodiscard]] Result<Document> read_document(std::string_view text, std::string_view name);

/// The document in its plainest form: tables by name, then strategies. Reads back as it was given.
[[nodiscard]] std::string render_document(const Document& document);

/// What `edits` make of the values.
[[nodiscard]] Document edited(Document document, const Edits& edits);
/// What leads from one document to the other.
[[nodiscard]] Edits difference(const Values& from, const Values& to);

/// `text` with the edits done. Comments, order and spelling of what is not touched stay as long as
/// the document is written line by line; else the answer is the plain form.
///
/// errors  as read_document
[[nodiscard]] Result<std::string> edit_text(std::string_view text, const Edits& edits);

/// A TOML text with quotes.
[[nodiscard]] std::string toml_text(std::string_view text);
/// What a person wrote behind KEY= as the literal that its key takes: quotes where they belong.
[[nodiscard]] std::string literal_of(std::string_view path, std::string_view written);

}  // namespace stoa::deploy
