#include "apps/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/temp_dir.h"
#include "gateway/gateway.h"

namespace stoa::apps {
namespace {

using ::testing::HasSubstr;

class TokensFile : public ::testing::Test {
 protected:
  void write(std::string_view text, mode_t mode = 0600) const {
    std::ofstream{file, std::ios::trunc} << text;
    ::chmod(file.c_str(), mode);
  }
  [[nodiscard]] std::string why_refused() const {
    const auto read = load_tokens(file);
    return read ? "taken" : read.error().text();
  }

  TempDir dir;
  std::filesystem::path file = dir.path() / "tokens";
};

TEST_F(TokensFile, names_roles_and_tokens_are_read_and_comments_are_not) {
  EXPECT_TRUE(load_tokens(file)->empty()) << "no file: nobody's";
  write("# who\n\nbob deployer 0123456789abcdef\n  eve\tviewer  fedcba9876543210\r\n");
  const auto holders = load_tokens(file);
  ASSERT_TRUE(holders) << holders.error().text();
  ASSERT_EQ(holders->size(), 2U);
  EXPECT_EQ((*holders)[0].name, "bob");
  EXPECT_EQ((*holders)[0].role, gateway::TokenRole::Deployer);
  EXPECT_EQ((*holders)[0].token, "0123456789abcdef");
  EXPECT_EQ((*holders)[1].name, "eve");
  EXPECT_EQ((*holders)[1].role, gateway::TokenRole::Viewer);
}

TEST_F(TokensFile, a_line_that_is_none_is_refused_with_its_number) {
  write("bob deployer 0123456789abcdef\nbob deployer\n");
  EXPECT_THAT(why_refused(), HasSubstr("tokens:2"));
  EXPECT_THAT(why_refused(), HasSubstr("expected NAME viewer|deployer TOKEN"));
  write("bob admin 0123456789abcdef\n");
  EXPECT_THAT(why_refused(), HasSubstr("admin is no role"));
  write("bob viewer 0123456789abcde\n");
  EXPECT_THAT(why_refused(), HasSubstr("16 to 256 characters, this has 15"));
  write("bob viewer 0123456789abcdef more\n");
  EXPECT_THAT(why_refused(), HasSubstr("expected NAME"));
  write("bob viewer 0123456789abcdef\n", 0640);
  EXPECT_THAT(why_refused(), HasSubstr("chmod 600"));
}

}  // namespace
}  // namespace stoa::apps
