//===- CommandLineTest.cpp - Options of tools without LLVM ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/CommandLine.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

using namespace ra::runtime;
using ra::runtime::test::says;

namespace {

struct Parsed {
  explicit Parsed(const std::vector<std::string> &arguments) {
    CommandLine line;
    line.text("name", "NAME", "a text", name);
    line.texts("item", "ITEM", "texts", items);
    line.number("count", "N", "a number", count);
    line.flag("verbose", "a flag", verbose);
    help = line.help();
    Status status = line.parse(arguments, positional);
    message = status.ok() ? "" : status.message();
  }
  std::string name = "default", message, help;
  std::vector<std::string> items, positional;
  uint64_t count = 7;
  bool verbose = false;
};

TEST(CommandLine, Forms) {
  Parsed none({});
  EXPECT_EQ(none.message, "");
  EXPECT_EQ(none.name, "default");
  EXPECT_EQ(none.count, 7u);
  Parsed all({"run", "--name=a=b", "-item", "x", "--item=", "file", "--verbose",
              "--count=18446744073709551615", "--", "--name"});
  EXPECT_EQ(all.message, "");
  EXPECT_EQ(all.name, "a=b");
  EXPECT_EQ(all.items, (std::vector<std::string>{"x", ""}));
  EXPECT_EQ(all.positional,
            (std::vector<std::string>{"run", "file", "--name"}));
  EXPECT_EQ(all.count, UINT64_MAX);
  EXPECT_TRUE(all.verbose);
  EXPECT_TRUE(says(all.help, "  --count=N"));
}

TEST(CommandLine, Refusals) {
  EXPECT_EQ(Parsed({"--nam=x"}).message,
            "there is no option '--nam=x'; did you mean --name?");
  EXPECT_EQ(Parsed({"--something"}).message,
            "there is no option '--something'; --help lists the options");
  EXPECT_EQ(Parsed({"--name"}).message, "--name needs a value: --name=NAME");
  EXPECT_EQ(Parsed({"--name=a", "--name=b"}).message, "--name is there twice");
  EXPECT_EQ(Parsed({"--verbose=1"}).message, "--verbose takes no value");
  for (const char *text : {"", "-1", "1x", "18446744073709551616"})
    EXPECT_EQ(Parsed({std::string("--count=") + text}).message,
              std::string("--count=") + text + ": not a number");
}

} // namespace
