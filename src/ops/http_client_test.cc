#include "ops/http_client.h"

#include <gtest/gtest.h>

namespace stoa::ops {
namespace {

TEST(HttpClient, escapes_what_a_path_may_not_hold) {
  EXPECT_EQ(percent_encode("mm-btc_1.2~x"), "mm-btc_1.2~x");
  EXPECT_EQ(percent_encode("a/b?c=d&é"), "a%2Fb%3Fc%3Dd%26%C3%A9");
}

}  // namespace
}  // namespace stoa::ops
