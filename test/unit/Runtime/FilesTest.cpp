//===- FilesTest.cpp - Mapped and atomic files ----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestFiles.h"
#include "ra/Runtime/AtomicFile.h"
#include "ra/Runtime/MappedFile.h"
#include "gtest/gtest.h"

#include <sys/stat.h>
#include <unistd.h>

using namespace ra::runtime;
using ra::runtime::test::says;
using ra::runtime::test::TempFolder;

namespace {

TEST(MappedFile, ReadsBytesAndEmptyFiles) {
  TempFolder folder;
  auto file = MappedFile::open(folder.write("a", "hello"));
  ASSERT_TRUE(file) << file.message();
  EXPECT_EQ(std::string((*file)->data(), (*file)->size()), "hello");
  auto empty = MappedFile::open(folder.write("b", ""));
  ASSERT_TRUE(empty) << empty.message();
  EXPECT_EQ((*empty)->size(), 0u);
}

TEST(MappedFile, RefusesWhatIsNoFile) {
  TempFolder folder;
  EXPECT_TRUE(says(MappedFile::open(folder.path("none")).message(),
                   "none: cannot open: No such file"));
  EXPECT_TRUE(
      says(MappedFile::open(folder.path(".")).message(), "not a regular file"));
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(says(MappedFile::open(folder.path("pipe")).message(),
                   "not a regular file"));
}

/// With and without nameless files.
class AtomicFiles : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Ways, AtomicFiles, ::testing::Bool());

TEST_P(AtomicFiles, AppearsOnCommitAndNotBefore) {
  TempFolder folder;
  {
    Expected<AtomicFile> file =
        AtomicFile::create(folder.path("out"), GetParam());
    ASSERT_TRUE(file) << file.message();
    ASSERT_TRUE(file->write("abc", 3).ok());
    EXPECT_EQ(file->size(), 3u);
    EXPECT_EQ(::access(folder.path("out").c_str(), F_OK), -1);
    ASSERT_TRUE(file->commit(/*sync=*/true).ok());
    EXPECT_EQ(folder.read("out"), "abc");
    EXPECT_FALSE(file->write("d", 1).ok());
    EXPECT_FALSE(file->commit().ok());
  }
  EXPECT_EQ(folder.read("out"), "abc");
  EXPECT_EQ(folder.count(), 1u);
}

TEST_P(AtomicFiles, AbandonedLeavesNothingAndKeepsTheOldFile) {
  TempFolder folder;
  folder.write("out", "old");
  {
    Expected<AtomicFile> file =
        AtomicFile::create(folder.path("out"), GetParam());
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new", 3).ok());
  }
  EXPECT_EQ(folder.read("out"), "old");
  EXPECT_EQ(folder.count(), 1u);
}

TEST_P(AtomicFiles, ReplacesAndKeepsTheMode) {
  TempFolder folder;
  folder.write("out", "old");
  ASSERT_EQ(::chmod(folder.path("out").c_str(), 0640), 0);
  Expected<AtomicFile> file =
      AtomicFile::create(folder.path("out"), GetParam());
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write("new", 3).ok());
  Expected<AtomicFile> other =
      AtomicFile::create(folder.path("side"), GetParam());
  ASSERT_TRUE(other);
  *other = std::move(*file); // abandons "side"
  ASSERT_TRUE(other->commit().ok());
  EXPECT_EQ(folder.read("out"), "new");
  EXPECT_EQ(folder.count(), 1u);
  struct stat info;
  ASSERT_EQ(::stat(folder.path("out").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_P(AtomicFiles, WritersOfOneFileDoNotMix) {
  TempFolder folder;
  Expected<AtomicFile> a = AtomicFile::create(folder.path("out"), GetParam());
  Expected<AtomicFile> b = AtomicFile::create(folder.path("out"), GetParam());
  ASSERT_TRUE(a && b);
  ASSERT_TRUE(a->write("a", 1).ok());
  ASSERT_TRUE(b->write("b", 1).ok());
  ASSERT_TRUE(a->commit().ok());
  EXPECT_EQ(folder.read("out"), "a");
  ASSERT_TRUE(b->commit().ok());
  EXPECT_EQ(folder.read("out"), "b");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(AtomicFile, RefusesBadPlaces) {
  TempFolder folder;
  EXPECT_TRUE(says(AtomicFile::create(folder.path("no/out")).message(),
                   "cannot write in folder"));
  EXPECT_TRUE(says(AtomicFile::create(folder.path(".")).message(),
                   "not a regular file"));
  EXPECT_FALSE(AtomicFile::create(""));
  EXPECT_FALSE(AtomicFile::create(folder.path("x/")));
  EXPECT_EQ(folder.count(), 0u);
}

} // namespace
