//===- AsyncOps.cpp - cp.async -------------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "Decode.h"

#include <algorithm>

using namespace ra::runtime::sim;

namespace {

// Op::mods of cp.async.
enum CopyMods : uint32_t {
  kWideDestination = 1,
  kWideSource = 2,
  kHasSize = 4,   ///< op.c: a register with the bytes to read.
  kHasIgnore = 8, ///< op.c: a predicate; true reads nothing.
  kIgnoreNegated = 16
};

void act(Block &block, const AsyncCopy &copy) {
  uint8_t *to = block.shared + copy.destination;
  if (copy.sourceBytes != 0)
    std::memcpy(to,
                block.launch->memory->resolve(copy.source, copy.sourceBytes),
                copy.sourceBytes);
  std::memset(to + copy.sourceBytes, 0, size_t(copy.bytes) - copy.sourceBytes);
}

/// op.a, op.imm: the destination; op.b, op.list[0..1]: the source and its
/// offset; op.extra: bytes.
Step execCopy(Warp &w, const Op &op) {
  Block &block = *w.block;
  uint64_t to[32], from[32];
  uint8_t *toPointers[32], *fromPointers[32];
  loadAddresses(w, op.a, op.mods & kWideDestination, op.imm, to);
  const auto fromOffset =
      static_cast<int64_t>(uint64_t(op.list[1]) << 32 | op.list[0]);
  loadAddresses(w, op.b, op.mods & kWideSource, fromOffset, from);
  const uint32_t bytes = op.extra;

  uint32_t sizes[32];
  for (unsigned i = 0; i < 32; ++i)
    sizes[i] = bytes;
  if (op.mods & kHasSize)
    std::copy_n(w.slot<uint32_t>(op.c), 32, sizes);
  if (op.mods & kHasIgnore) {
    uint32_t ignored = w.predicate(op.c);
    ignored = op.mods & kIgnoreNegated ? ~ignored : ignored;
    for (unsigned i = 0; i < 32; ++i)
      sizes[i] = ignored >> i & 1 ? 0 : bytes;
  }
  // The lanes that read all, and one by one those that read less.
  uint32_t whole = 0;
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    if (sizes[i] > bytes)
      return block.report(w, op, CheckKind::Invalid, uint32_t(1) << i,
                          "a source of " + std::to_string(sizes[i]) +
                              " bytes for a copy of " + std::to_string(bytes));
    if (sizes[i] == bytes) {
      whole |= uint32_t(1) << i;
    } else if (sizes[i] != 0) {
      const Access part = {Space::Global, Access::Kind::Read, sizes[i], false,
                           bytes};
      if (!resolve(w, op, uint32_t(1) << i, part, from, fromPointers))
        return Step::Stop;
    }
  }
  if (!resolve(w, op, whole,
               {Space::Global, Access::Kind::Read, bytes, false, 0}, from,
               fromPointers) ||
      !resolve(w, op, w.mask,
               {Space::Shared, Access::Kind::Write, bytes, false, 0}, to,
               toPointers))
    return Step::Stop;
  const bool lazy = block.launch->options.async == AsyncMode::Lazy;
  const bool tracks = lazy || block.checks(kCheckAsync);
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    const AsyncCopy copy = {from[i],
                            static_cast<uint32_t>(to[i]),
                            -1,
                            op.line,
                            static_cast<uint8_t>(i),
                            static_cast<uint8_t>(bytes),
                            static_cast<uint8_t>(sizes[i])};
    if (!lazy)
      act(block, copy);
    if (!tracks)
      continue;
    w.copies.push_back(copy);
    if (block.checks(kCheckAsync))
      block.shadow.addPending(copy.destination, bytes, 1);
  }
  return Step::Next;
}

Step execCommit(Warp &w, const Op &op) {
  (void)op;
  for (size_t i = w.copies.size(); i-- > 0;) {
    AsyncCopy &copy = w.copies[i];
    if (copy.group < 0 && (w.mask >> copy.lane & 1))
      copy.group = w.groupCount[copy.lane];
  }
  for (unsigned i = 0; i < 32; ++i)
    w.groupCount[i] += w.mask >> i & 1;
  return Step::Next;
}

/// op.imm: groups that may go on; -1: none, and what was not committed neither.
Step execWait(Warp &w, const Op &op) {
  Block &block = *w.block;
  const bool lazy = block.launch->options.async == AsyncMode::Lazy;
  size_t kept = 0;
  for (const AsyncCopy &copy : w.copies) {
    const bool done =
        (w.mask >> copy.lane & 1) &&
        (op.imm < 0 ||
         (copy.group >= 0 && copy.group < w.groupCount[copy.lane] - op.imm));
    if (!done) {
      w.copies[kept++] = copy;
      continue;
    }
    if (lazy)
      act(block, copy);
    if (block.checks(kCheckAsync))
      block.shadow.addPending(copy.destination, copy.bytes, -1);
    // The write happens now, as far as others can tell.
    if (lazy && block.checks(kCheckRaces)) {
      SharedShadow::Conflict conflict;
      block.shadow.write(w.index, copy.destination, copy.bytes, false,
                         conflict);
      if (conflict.found)
        block.report(w, op, CheckKind::Race, uint32_t(1) << copy.lane,
                     "the cp.async of line " + std::to_string(copy.line) +
                         ", done here, writes shared " +
                         addressText(copy.destination) + ", which warp " +
                         std::to_string(conflict.otherWarp) +
                         (conflict.otherWrote ? " wrote" : " read") +
                         " with no barrier in between");
    }
  }
  w.copies.resize(kept);
  return Step::Next;
}

bool decodeCopy(Decoder &d, Op &op) {
  op.opClass = OpClass::AsyncCopy;
  op.exec = execCopy;
  const int cache = d.takeOneOf({"ca", "cg"});
  if (cache < 0 || (!d.take("shared") && !d.take("shared::cta")) ||
      !d.take("global"))
    return d.badModifier();
  const bool hint = takeCacheHints(d);
  if (!d.endOfModifiers() || !d.operandCount(3, 5))
    return false;
  Space shared = Space::Shared, global = Space::Global;
  Op source;
  if (!d.address(d.operand(1), global, source) ||
      !d.address(d.operand(0), shared, op))
    return false;
  op.mods = (op.extra == 64 ? kWideDestination : 0U) |
            (source.extra == 64 ? kWideSource : 0U);
  op.b = source.a;
  const auto offset = static_cast<uint64_t>(source.imm);
  op.list = d.list(
      {static_cast<uint32_t>(offset), static_cast<uint32_t>(offset >> 32)});
  int64_t bytes = 0;
  if (!d.constantInteger(d.operand(2), bytes, "the size of a copy"))
    return false;
  if ((bytes != 4 && bytes != 8 && bytes != 16) || (cache == 1 && bytes != 16))
    return d.fail("a copy has 4, 8 or 16 bytes, with .cg 16");
  op.extra = static_cast<uint32_t>(bytes);
  const size_t last = d.operandCount() - (hint ? 1 : 0);
  if (hint)
    d.src(d.operandCount() - 1, bitsType(64));
  if (last == 3)
    return d.ok();
  if (last != 4)
    return d.fail("too many operands");
  const Operand &size = d.operand(3);
  if (size.kind == Operand::Kind::Register &&
      d.registerType(size).kind == Type::Kind::Predicate) {
    bool negated = false;
    op.c = d.predicateSrc(size, negated);
    op.mods |= kHasIgnore | (negated ? kIgnoreNegated : 0U);
  } else {
    op.c = d.src(size, bitsType(32));
    op.mods |= kHasSize;
  }
  return d.ok();
}

bool decodeCp(Decoder &d, Op &op) {
  if (!d.take("async"))
    return d.badModifier();
  op.opClass = OpClass::Barrier;
  if (d.take("commit_group")) {
    op.exec = execCommit;
    return d.endOfModifiers() && d.operandCount(0, 0);
  }
  if (d.take("wait_all")) {
    op.exec = execWait;
    op.imm = -1;
    return d.endOfModifiers() && d.operandCount(0, 0);
  }
  if (d.take("wait_group")) {
    op.exec = execWait;
    if (!d.endOfModifiers() || !d.operandCount(1, 1) ||
        !d.constantInteger(d.operand(0), op.imm, "the number of groups"))
      return false;
    return (op.imm >= 0 && op.imm <= INT32_MAX) ||
           d.fail("the number of groups is out of range");
  }
  return decodeCopy(d, op);
}

} // namespace

void ra::runtime::sim::addAsyncOps(OpcodeTable &table) {
  table["cp"] = decodeCp;
}
