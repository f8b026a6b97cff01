//===- ArtifactTest.cpp - Compiled modules as files -----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Artifact.h"
#include "SampleArtifact.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <functional>

using namespace ra::runtime;
using ra::runtime::test::makeSampleArtifact;
using ra::runtime::test::says;
using ra::runtime::test::TempFolder;

namespace {

std::string bytesOf(const Artifact &artifact) {
  TempFolder folder;
  Status status = writeArtifact(folder.path("x.raf"), artifact);
  EXPECT_TRUE(status.ok()) << status.message();
  return folder.read("x.raf");
}

Expected<Artifact> parse(const std::string &bytes) {
  auto owner = std::make_shared<const std::string>(bytes);
  return parseArtifact(owner->data(), owner->size(), owner, "x.raf");
}

void setNumber(std::string &bytes, size_t offset, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i)
    bytes[offset + i] = static_cast<char>(value >> (8 * i) & 0xff);
}

uint64_t getNumber(const std::string &bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i)
    value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[offset + i]))
             << (8 * i);
  return value;
}

/// Makes the checksums of table and header right again.
void sign(std::string &bytes) {
  size_t count = getNumber(bytes, 12, 4);
  setNumber(bytes, 24, crc32(bytes.data() + 32, count * 32), 4);
  setNumber(bytes, 28, crc32(bytes.data(), 28), 4);
}

/// And those of the sections, too.
void signAll(std::string &bytes) {
  for (size_t i = 0, count = getNumber(bytes, 12, 4); i < count; ++i) {
    size_t entry = 32 + 32 * i;
    setNumber(bytes, entry + 24,
              crc32(bytes.data() + getNumber(bytes, entry + 8, 8),
                    getNumber(bytes, entry + 16, 8)),
              4);
  }
  sign(bytes);
}

void refuses(const std::string &bytes, const std::string &why) {
  Expected<Artifact> result = parse(bytes);
  ASSERT_FALSE(result) << why;
  EXPECT_TRUE(says(result.message(), why));
  EXPECT_TRUE(says(result.message(), "x.raf: "));
}

TEST(Artifact, Checksum) {
  // The check value of the CRC catalogue, and what zlib gives.
  EXPECT_EQ(crc32("123456789", 9), 0xCBF43926u);
  EXPECT_EQ(crc32("", 0), 0u);
  EXPECT_EQ(crc32("a", 1), 0xE8B7BE43u);
  EXPECT_EQ(crc32("56789", 5, crc32("1234", 4)), 0xCBF43926u);
}

TEST(Artifact, RoundTrip) {
  Artifact before = makeSampleArtifact();
  std::string bytes = bytesOf(before);
  Expected<Artifact> after = parse(bytes);
  ASSERT_TRUE(after) << after.message();
  EXPECT_EQ(after->producer, "a test");
  ASSERT_EQ(after->images.size(), 2u);
  EXPECT_EQ(after->images[0].description(), "cpu x86_64");
  EXPECT_EQ(after->images[0].features,
            (std::vector<std::string>{"avx2", "fma"}));
  EXPECT_TRUE(after->images[0].isParallel);
  EXPECT_EQ(std::string(after->images[1].data, after->images[1].size),
            ".version 7.0\n");
  ASSERT_EQ(after->constants.size(), 2u);
  EXPECT_EQ(after->constants[1].readAsDoubles(),
            (std::vector<double>{4, 5, 6, 7}));
  const ArtifactEntry *entry = after->findEntry("block");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(after->findEntry("blocks"), nullptr);
  EXPECT_TRUE(entry->arguments[1].isParameter);
  EXPECT_EQ(entry->main.sources, (std::vector<int64_t>{0, -1}));
  EXPECT_EQ(entry->main.extents[0].toString(), "a0[0] ceildiv 2");
  ASSERT_NE(entry->main.findImplementation(1), nullptr);
  const ArtifactLaunch &launch =
      entry->main.findImplementation(1)->launches.at(0);
  EXPECT_EQ(launch.kernel, "k");
  EXPECT_EQ(launch.arguments.at(4).map.box, (std::vector<uint32_t>{4, 64}));
  EXPECT_EQ(launch.arguments.at(3).number, 0.125);
  EXPECT_EQ(after->checks.at(0).results.at(0).values,
            (std::vector<double>{0.5, -0.25}));
  // What was read says the same when written again.
  EXPECT_EQ(bytesOf(*after), bytes);
}

TEST(Artifact, LayoutIsAsDocumented) {
  std::string bytes = bytesOf(makeSampleArtifact());
  EXPECT_EQ(bytes.substr(0, 8), "\x89RAF\r\n\x1a\n");
  EXPECT_EQ(getNumber(bytes, 8, 4), 1u);
  EXPECT_EQ(getNumber(bytes, 12, 4), 5u);
  EXPECT_EQ(getNumber(bytes, 16, 8), bytes.size());
  uint64_t kinds[] = {0, 1, 1, 2, 2};
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(getNumber(bytes, 32 + 32 * i, 4), kinds[i]);
    EXPECT_EQ(getNumber(bytes, 32 + 32 * i + 8, 8) % 64, 0u);
  }
  // The first constant: 1.0f, 2.0f, 3.0f.
  size_t offset = getNumber(bytes, 32 + 32 * 3 + 8, 8);
  EXPECT_EQ(getNumber(bytes, offset, 4), 0x3f800000u);
  EXPECT_EQ(getNumber(bytes, offset + 8, 4), 0x40400000u);
}

TEST(Artifact, EveryDamagedByteIsNoticed) {
  std::string bytes = bytesOf(makeSampleArtifact());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(parse(damaged)) << "byte " << i;
  }
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse(bytes.substr(0, size))) << size << " bytes";
  EXPECT_FALSE(parse(bytes + '\0'));
}

TEST(Artifact, RefusesOtherFiles) {
  refuses("", "not an artifact");
  refuses("module {}", "not an artifact");
  refuses(std::string(1000, '\0'), "not an artifact");
  std::string bytes = bytesOf(makeSampleArtifact());
  std::string newer = bytes;
  setNumber(newer, 8, 2, 4);
  sign(newer);
  refuses(newer, "format version 2; this program reads version 1: compile");
}

TEST(Artifact, RefusesBadTables) {
  const std::string bytes = bytesOf(makeSampleArtifact());
  auto with = [&](size_t offset, uint64_t value, size_t size,
                  const std::string &why) {
    std::string changed = bytes;
    setNumber(changed, offset, value, size);
    if (offset == 12)
      setNumber(changed, 28, crc32(changed.data(), 28), 4);
    else
      sign(changed);
    refuses(changed, why);
  };
  const size_t second = 32 + 32;
  with(12, 0xffffffff, 4, "longer than the file");
  with(12, 0, 4, "table is damaged");
  with(16, bytes.size() + 1, 8, "its header says");
  with(32, 1, 4, "section 0 is out of order");
  with(second, 7, 4, "section 1 is of an unknown kind");
  with(second, 2, 4, "section 2 is out of order");
  with(second + 4, 1, 4, "section 1 is out of order");
  with(second + 8, 64, 8, "section 1 is not where");
  with(second + 8, ~uint64_t(0), 8, "section 1 is not where");
  with(second + 16, ~uint64_t(0), 8, "section 1 is not where");
  with(second + 16, bytes.size(), 8, "section 1 is not where");
  with(second + 28, 1, 4, "section 1 is of an unknown kind");
  with(second + 24, 0, 4, "image 0 is damaged");
}

TEST(Artifact, RefusesBadManifests) {
  const std::string bytes = bytesOf(makeSampleArtifact());
  size_t manifest = getNumber(bytes, 32 + 8, 8);
  // The producer's length.
  std::string changed = bytes;
  setNumber(changed, manifest, 0x7fffffff, 4);
  signAll(changed);
  refuses(changed, "a text of 2147483647 bytes (byte 4 of ");
  setNumber(changed, manifest, 4000, 4);
  signAll(changed);
  refuses(changed, "the end in the middle of a field");
  // The number of entries.
  changed = bytes;
  setNumber(changed, manifest + 4 + 6, 0xffffffff, 4);
  signAll(changed);
  refuses(changed, "a list that is longer than the rest");
}

/// Every one-byte change of the manifest with right checksums is refused or
/// gives something that can be written and read again.
TEST(Artifact, SurvivesAnyManifest) {
  const std::string bytes = bytesOf(makeSampleArtifact());
  size_t begin = getNumber(bytes, 32 + 8, 8);
  size_t end = begin + getNumber(bytes, 32 + 16, 8);
  size_t accepted = 0;
  for (size_t i = begin; i < end; ++i)
    for (unsigned char value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(value);
      signAll(changed);
      Expected<Artifact> result = parse(changed);
      if (!result) {
        EXPECT_FALSE(result.message().empty());
        continue;
      }
      ++accepted;
      Status status = validateArtifact(*result);
      EXPECT_TRUE(status.ok()) << status.message();
    }
  EXPECT_GT(accepted, 0u);
}

void refusesModel(const std::function<void(Artifact &)> &change,
                  const std::string &why) {
  Artifact artifact = makeSampleArtifact();
  change(artifact);
  TempFolder folder;
  Status status = writeArtifact(folder.path("x.raf"), artifact);
  ASSERT_FALSE(status.ok()) << why;
  EXPECT_TRUE(says(status.message(), why));
  EXPECT_EQ(folder.count(), 0u);
}

TEST(Artifact, WriterRefusesWhatIsInconsistent) {
  auto main = [](Artifact &a) -> ArtifactFunction & {
    return a.entries[0].main;
  };
  refusesModel([](Artifact &a) { a.entries.clear(); }, "no entry");
  refusesModel([](Artifact &a) { a.images.clear(); }, "no code");
  refusesModel([](Artifact &a) { a.entries.push_back(a.entries[0]); },
               "entry 'block': the name is there twice");
  refusesModel([](Artifact &a) { a.entries[0].name = "a\nb"; },
               "not printable");
  refusesModel([](Artifact &a) { a.entries[0].name = "a\xff"; },
               "not printable");
  refusesModel([&](Artifact &a) { main(a).sources[0] = 2; },
               "argument 0 comes from where there is nothing");
  refusesModel([&](Artifact &a) { main(a).sources[1] = -2; },
               "argument 1 comes from where there is nothing");
  refusesModel([&](Artifact &a) { main(a).sources[1] = INT64_MIN; },
               "argument 1 comes from where there is nothing");
  refusesModel([&](Artifact &a) { a.entries[0].prepare.sources[0] = -1; },
               "prepare: argument 0 comes from where there is nothing");
  refusesModel([&](Artifact &a) { main(a).arguments[0].shape = {-1, 5}; },
               "argument 0 is not of its source's type");
  refusesModel([&](Artifact &a) { main(a).constants[0] = 2; },
               "there is no constant 2");
  refusesModel([&](Artifact &a) { main(a).extents.clear(); },
               "not every dynamic extent");
  refusesModel([&](Artifact &a) { main(a).extents[0] = DimExpr::dim(0, 2); },
               "a malformed expression");
  refusesModel([&](Artifact &a) { main(a).implementations[0].image = 9; },
               "there is no image 9");
  refusesModel([&](Artifact &a) { main(a).implementations[1].image = 0; },
               "two implementations for one image");
  refusesModel([&](Artifact &a) { main(a).implementations[0].function = 2; },
               "no such function");
  refusesModel(
      [&](Artifact &a) {
        main(a).implementations[0].buffers[0].last = 0;
        main(a).implementations[0].buffers[0].first = 1;
      },
      "ends before it begins");
  refusesModel(
      [&](Artifact &a) { main(a).implementations[1].buffers[0].last = 1; },
      "in use after the last launch");
  refusesModel(
      [&](Artifact &a) {
        main(a).implementations[1].launches[0].arguments[0].operand.index = 1;
      },
      "refers to what does not exist");
  refusesModel(
      [&](Artifact &a) {
        main(a).implementations[1].launches[0].arguments[4].map.box.clear();
      },
      "a malformed tensor map");
  refusesModel([](Artifact &a) { a.checks[0].shapes[0] = {5, 3}; },
               "check 0: a shape that its argument cannot have");
  refusesModel([](Artifact &a) { a.checks[0].results[0].positions[1] = 6; },
               "positions are not ascending or not inside");
  refusesModel([](Artifact &a) { a.checks[0].results[0].tolerance = -1; },
               "the tolerance is not a number");
  refusesModel(
      [](Artifact &a) {
        a.entries[0].arguments[0].type.shape = {INT64_MAX, INT64_MAX};
      },
      "entry 'block'");
}

TEST(Artifact, InfersResults) {
  Artifact artifact = makeSampleArtifact();
  ArtifactFunction &main = artifact.entries[0].main;
  Expected<std::vector<Shape>> shapes = main.inferResults({{5, 4}, {8}});
  ASSERT_TRUE(shapes) << shapes.message();
  EXPECT_EQ(*shapes, (std::vector<Shape>{{2, 3}}));
  // max(0, 1) is not 0.
  shapes = main.inferResults({{0, 4}, {8}});
  ASSERT_FALSE(shapes);
  EXPECT_TRUE(says(shapes.message(),
                   "an extent and itself must be equal, got 0 and 1"));
  main.conditions.clear();
  main.extents[0] = DimExpr::binary(DimExpr::Op::Sub, 2, DimExpr::dim(0, 0));
  shapes = main.inferResults({{5, 4}, {8}});
  ASSERT_FALSE(shapes);
  EXPECT_TRUE(says(shapes.message(), "a negative extent, -3"));
}

} // namespace
