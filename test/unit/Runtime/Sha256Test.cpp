//===- Sha256Test.cpp - SHA-256 of bytes and files ------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Sha256.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <algorithm>

using namespace ra::runtime;
using ra::runtime::test::TempFolder;

namespace {

std::string digest(const std::string &text, bool portable, size_t piece) {
  Sha256 sha(portable);
  for (size_t begin = 0; begin < text.size(); begin += piece)
    sha.update(text.data() + begin, std::min(piece, text.size() - begin));
  return sha.finish();
}

/// The examples of FIPS 180-4, and a message of every alignment of its end.
TEST(Sha256, KnownDigests) {
  const std::pair<std::string, const char *> cases[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc",
       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1000000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
  for (const auto &[text, expected] : cases)
    for (bool portable : {false, true})
      for (size_t piece : {size_t(1000003), size_t(61), size_t(64)})
        EXPECT_EQ(digest(text, portable, piece), expected);
}

TEST(Sha256, BothWaysAgreeAtEveryLength) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += static_cast<char>(i * 37);
    EXPECT_EQ(digest(text, false, 7), digest(text, true, 200)) << i;
  }
}

TEST(Sha256, Files) {
  TempFolder folder;
  EXPECT_EQ(*sha256OfFile(folder.write("x", "abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_FALSE(sha256OfFile(folder.path("none")));
  EXPECT_FALSE(sha256OfFile(folder.path(".")));
}

} // namespace
