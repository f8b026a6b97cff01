//===- ControlOps.cpp - Branches, calls, barriers and fences -------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"

#include <algorithm>

using namespace ra::runtime::sim;

//===----------------------------------------------------------------------===//
// Branches
//===----------------------------------------------------------------------===//

static uint32_t pcOf(const Warp &w, const Op &op) {
  return static_cast<uint32_t>(&op - w.code().ops.data());
}

/// op.imm: the target.
static Step execBra(Warp &w, const Op &op) {
  StackEntry &top = w.stack.back();
  const uint32_t taken = w.mask, stay = top.mask & ~taken;
  const auto target = static_cast<uint32_t>(op.imm);
  if (stay == 0) {
    top.pc = target;
    return Step::Jump;
  }
  if (taken == 0) {
    ++top.pc;
    return Step::Jump;
  }
  ++w.block->counters.divergentBranches;
  const uint32_t pc = pcOf(w, op);
  const uint32_t meet = w.code().reconverge[pc];
  if (meet == kNoTarget) {
    // They part for good: what is left of this entry is one of the two.
    const StackEntry other = {taken, target, top.reconverge, false, false};
    top.mask = stay;
    ++top.pc;
    w.stack.push_back(other);
    return Step::Jump;
  }
  top.pc = meet;
  if (pc + 1 != meet)
    w.stack.push_back({stay, pc + 1, meet, false, false});
  if (target != meet)
    w.stack.push_back({taken, target, meet, false, false});
  return Step::Jump;
}

static bool decodeBra(Decoder &d, Op &op) {
  d.take("uni");
  if (!d.endOfModifiers() || !d.operandCount(1, 1))
    return false;
  op.opClass = OpClass::Branch;
  op.exec = execBra;
  op.always = true;
  uint32_t target = 0;
  if (!d.label(d.operand(0), target))
    return false;
  op.imm = target;
  return true;
}

/// op.a: the index; op.list, op.count: the targets.
static Step execBrx(Warp &w, const Op &op) {
  StackEntry &top = w.stack.back();
  const uint32_t stay = top.mask & ~w.mask;
  const uint32_t *index = w.slot<uint32_t>(op.a);
  const uint32_t pc = pcOf(w, op);
  const uint32_t meet = w.code().reconverge[pc];
  std::vector<StackEntry> paths;
  const auto add = [&](uint32_t target, uint32_t lanes) {
    for (StackEntry &path : paths)
      if (path.pc == target) {
        path.mask |= lanes;
        return;
      }
    paths.push_back({lanes, target, meet == kNoTarget ? top.reconverge : meet,
                     false, false});
  };
  if (stay != 0)
    add(pc + 1, stay);
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    if (index[i] >= op.extra)
      return w.block->report(w, op, CheckKind::Invalid, uint32_t(1) << i,
                             "the branch index " + std::to_string(index[i]) +
                                 " is not below the number of targets, " +
                                 std::to_string(op.extra));
    add(op.list[index[i]], uint32_t(1) << i);
  }
  if (paths.size() == 1) {
    top.pc = paths[0].pc;
    return Step::Jump;
  }
  ++w.block->counters.divergentBranches;
  if (meet == kNoTarget) {
    top.mask = paths.back().mask;
    top.pc = paths.back().pc;
    paths.pop_back();
  } else {
    top.pc = meet;
  }
  for (const StackEntry &path : paths)
    if (path.pc != meet)
      w.stack.push_back(path);
  return Step::Jump;
}

static bool decodeBrx(Decoder &d, Op &op) {
  if (!d.take("idx"))
    return d.badModifier();
  d.take("uni");
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  op.opClass = OpClass::Branch;
  op.exec = execBrx;
  op.always = true;
  op.a = d.src(0, bitsType(32));
  const auto found = d.code.ast->targets.find(d.operand(1).name);
  if (found == d.code.ast->targets.end())
    return d.fail("the second operand must name a .branchtargets list");
  std::vector<uint32_t> targets;
  for (const std::string_view name : found->second) {
    const auto label = d.code.ast->labels.find(name);
    if (label == d.code.ast->labels.end())
      return d.fail("the label '" + std::string(name) + "' is not defined");
    targets.push_back(label->second);
  }
  op.list = d.list(targets);
  op.extra = static_cast<uint32_t>(targets.size());
  return d.ok();
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// op.list: count of arguments, (source, bytes) of each, then the same for the
/// returns. A source is a local-frame offset, or a register with bytes 0.
static Step enter(Warp &w, const Op &op, const Code &callee) {
  if (w.depth >= 256)
    return w.block->stop(w, op, CheckKind::Invalid,
                         "calls are nested more than 256 deep");
  const uint32_t mask = w.mask;
  ++w.stack.back().pc;
  const Frame caller = {w.frames[w.depth - 1].code,      nullptr,
                        w.frames[w.depth - 1].registers, 0,
                        w.frames[w.depth - 1].localBase, nullptr};
  pushFrame(w, callee, &op);
  const uint32_t base = w.frames[w.depth - 1].localBase;
  const uint32_t *entry = op.list;
  const uint32_t count = *entry++;
  for (uint32_t i = 0; i < count; ++i, entry += 2) {
    const uint32_t to = callee.parameterRegisters[i];
    for (unsigned lane = 0; lane < 32; ++lane) {
      if (!(mask >> lane & 1))
        continue;
      if (to == kNoRegister)
        std::memcpy(w.local[lane].data() + base + callee.parameterOffsets[i],
                    w.local[lane].data() + caller.localBase + entry[0],
                    entry[1]);
      else if (entry[1] == 8)
        w.slot<uint64_t>(to)[lane] = reinterpret_cast<const uint64_t *>(
            caller.registers + entry[0])[lane];
      else
        w.slot<uint32_t>(to)[lane] = reinterpret_cast<const uint32_t *>(
            caller.registers + entry[0])[lane];
    }
  }
  w.stack.push_back({mask, 0, kNoTarget, true, false});
  return Step::Jump;
}

/// Copies what `lanes` return to the frame below.
void ra::runtime::sim::copyReturns(Warp &w, uint32_t lanes) {
  const Frame &frame = w.frames[w.depth - 1];
  const Frame &caller = w.frames[w.depth - 2];
  const uint32_t *entry = frame.call->list;
  entry += 1 + 2 * *entry;
  const uint32_t count = *entry++;
  for (uint32_t i = 0; i < count; ++i, entry += 2) {
    const uint32_t from = frame.code->returnRegisters[i];
    for (unsigned lane = 0; lane < 32; ++lane) {
      if (!(lanes >> lane & 1))
        continue;
      if (from == kNoRegister)
        std::memcpy(w.local[lane].data() + caller.localBase + entry[0],
                    w.local[lane].data() + frame.localBase +
                        frame.code->returnOffsets[i],
                    entry[1]);
      else if (entry[1] == 8)
        reinterpret_cast<uint64_t *>(caller.registers + entry[0])[lane] =
            w.slot<uint64_t>(from)[lane];
      else
        reinterpret_cast<uint32_t *>(caller.registers + entry[0])[lane] =
            w.slot<uint32_t>(from)[lane];
    }
  }
}

static Step execCall(Warp &w, const Op &op) {
  return enter(w, op, w.block->launch->kernel->program->codes[op.extra]);
}

static bool signatureFits(const Code &callee, const Op &op) {
  const uint32_t *entry = op.list;
  for (const auto *parameters :
       {&callee.ast->parameters, &callee.ast->returns}) {
    if (*entry != parameters->size())
      return false;
    ++entry;
    for (const Parameter &parameter : *parameters) {
      const uint64_t bytes = std::max<uint64_t>(parameter.bytes, 1);
      if (parameter.registerIndex >= 0 ? (entry[1] == 8) != (bytes == 8)
                                       : entry[1] != bytes)
        return false;
      entry += 2;
    }
  }
  return true;
}

static Step execCallIndirect(Warp &w, const Op &op) {
  const uint64_t *target = w.slot<uint64_t>(op.a);
  const auto lane = static_cast<unsigned>(__builtin_ctz(w.mask));
  const uint32_t other =
      laneBits([&](unsigned i) { return target[i] != target[lane]; }) & w.mask;
  if (other != 0)
    return w.block->report(w, op, CheckKind::Invalid, other,
                           "the lanes call different functions; the simulator "
                           "supports one target per indirect call");
  const auto &codes = w.block->launch->kernel->program->codes;
  const uint64_t index = target[lane] - kCodeWindow;
  if (target[lane] < kCodeWindow || index >= codes.size() ||
      codes[index].ops.empty() || codes[index].ast->isEntry)
    return w.block->stop(w, op, CheckKind::Invalid,
                         "the target is not a device function");
  if (!signatureFits(codes[index], op))
    return w.block->stop(w, op, CheckKind::Invalid,
                         "'" + std::string(codes[index].ast->name) +
                             "' has other parameters than this call");
  return enter(w, op, codes[index]);
}

static Step execAssertFail(Warp &w, const Op &op) {
  return w.block->stop(w, op, CheckKind::Trap, "an assertion failed");
}

static bool decodeCall(Decoder &d, Op &op) {
  d.take("uni");
  if (!d.endOfModifiers() || !d.operandCount(1, 2))
    return false;
  op.opClass = OpClass::Branch;
  const Operand &callee = d.operand(0);
  std::vector<uint32_t> list;
  const Instruction &call = d.current();
  for (const auto *operands : {&call.callArguments, &call.callReturns}) {
    list.push_back(static_cast<uint32_t>(operands->size()));
    for (const Operand &operand : *operands) {
      uint64_t bytes = 0;
      if (const auto offset = d.frameParameter(operand, bytes)) {
        list.push_back(*offset);
        list.push_back(static_cast<uint32_t>(bytes));
        continue;
      }
      if (operand.kind != Operand::Kind::Register &&
          !(operand.kind == Operand::Kind::Integer &&
            operands == &call.callArguments))
        return d.fail("parameters of calls are .param variables or registers");
      unsigned lanes = 32;
      const bool isRegister = operand.kind == Operand::Kind::Register;
      if (isRegister && d.registerType(operand).kind == Type::Kind::Predicate)
        return d.fail("predicates as parameters are not supported");
      list.push_back(d.wideSrc(operand, bitsType(8), lanes));
      list.push_back(lanes / 8);
    }
  }
  op.list = d.list(list);
  if (callee.kind == Operand::Kind::Register) {
    op.a = d.src(callee, bitsType(64));
    op.exec = execCallIndirect;
    return d.ok();
  }
  if (callee.kind != Operand::Kind::Symbol)
    return d.fail("a function is expected");
  if (callee.name == "__assertfail") {
    op.exec = execAssertFail;
    return true;
  }
  const auto index = d.functionIndex(callee.name);
  if (!index || d.program.ast->functions[*index].isDeclaration)
    return d.fail("the function '" + std::string(callee.name) +
                  "' has no body in this module");
  const Function &function = d.program.ast->functions[*index];
  if (function.isEntry)
    return d.fail("a kernel cannot be called");
  d.code.callees.push_back(*index);
  op.extra = *index;
  op.exec = execCall;
  Code callable;
  callable.ast = &function;
  if (!signatureFits(callable, op))
    return d.fail("'" + std::string(callee.name) +
                  "' has other parameters than this call");
  return d.ok();
}

static Step execRet(Warp &w, const Op &op) {
  (void)op;
  if (w.depth == 1)
    w.live &= ~w.mask;
  else
    copyReturns(w, w.mask);
  ++w.stack.back().pc;
  for (size_t i = w.stack.size(); i-- > 0;) {
    w.stack[i].mask &= ~w.mask;
    if (w.stack[i].isCall)
      break;
  }
  return Step::Jump;
}

static Step execExit(Warp &w, const Op &op) {
  (void)op;
  w.live &= ~w.mask;
  ++w.stack.back().pc;
  for (StackEntry &entry : w.stack)
    entry.mask &= ~w.mask;
  return Step::Jump;
}

static Step execTrap(Warp &w, const Op &op) {
  return w.block->stop(w, op, CheckKind::Trap, "the kernel executed trap");
}

static Step execNothing(Warp &, const Op &) { return Step::Next; }

static bool decodeLeave(Decoder &d, Op &op) {
  if (d.opcode() == "ret")
    d.take("uni");
  if (!d.endOfModifiers() || !d.operandCount(0, 0))
    return false;
  op.opClass = OpClass::Branch;
  op.exec = d.opcode() == "ret"    ? execRet
            : d.opcode() == "exit" ? execExit
                                   : execTrap;
  return true;
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

// Op::mods of barriers.
static constexpr uint32_t kSync = 0, kArrive = 1, kRedPopc = 2, kRedAnd = 3,
                          kKindMask = 7, kPredicateNegated = 8, kHasCount = 16;

static uint32_t blockThreads(const Block &block) {
  uint32_t warps = 0;
  for (const Warp &warp : block.warps)
    warps += warp.state != WarpState::Done;
  return warps * 32;
}

void ra::runtime::sim::completeBarriers(Block &block) {
  for (uint32_t id = 0; id < 16; ++id) {
    Barrier &barrier = block.barriers[id];
    if (!barrier.active)
      continue;
    const uint32_t expected =
        barrier.counted ? barrier.expected : blockThreads(block);
    barrier.expected = expected;
    if (barrier.arrivedThreads < expected)
      continue;
    if (block.checks(kCheckRaces))
      block.shadow.complete(id, barrier.waitingWarps);
    const uint32_t reduction = barrier.reduction;
    const uint32_t waiting = barrier.waitingWarps;
    barrier = Barrier();
    for (Warp &warp : block.warps) {
      if (!(waiting >> warp.index & 1))
        continue;
      warp.state = WarpState::Ready;
      const Op &op = *warp.waitingAt;
      warp.waitingAt = nullptr;
      if ((op.mods & kKindMask) == kRedPopc) {
        uint32_t *to = warp.slot<uint32_t>(op.d);
        forLanes(warp.mask, to, [&](unsigned) { return reduction; });
      } else if ((op.mods & kKindMask) != kSync) {
        warp.setPredicate(op.d, reduction != 0 ? UINT32_MAX : 0);
      }
    }
  }
}

/// Lanes that parted for good may be about to exit: they run before a barrier
/// is called divergent.
static bool letOthersRun(Warp &w) {
  StackEntry &top = w.stack.back();
  if (w.mask != top.mask || top.isCall)
    return false;
  top.parked = true;
  for (size_t i = w.stack.size() - 1; i-- > 0;) {
    StackEntry &other = w.stack[i];
    if (other.reconverge != top.reconverge)
      return false;
    if (other.mask != 0 && !other.parked) {
      std::swap(other.mask, top.mask);
      std::swap(other.pc, top.pc);
      std::swap(other.parked, top.parked);
      return true;
    }
    if (other.isCall)
      return false;
  }
  return false;
}

static Step execBarrier(Warp &w, const Op &op) {
  Block &block = *w.block;
  ++block.counters.barriers;
  const uint32_t *ids = w.slot<uint32_t>(op.a);
  const uint32_t *counts = w.slot<uint32_t>(op.b);
  const uint32_t kind = op.mods & kKindMask;
  if (w.mask != w.live) {
    if (letOthersRun(w))
      return Step::Jump;
    return block.report(
        w, op, CheckKind::Barrier, w.live & ~w.mask,
        "a divergent barrier: the lanes shown have not exited and do not take "
        "part; all lanes of a warp must reach a barrier together");
  }
  w.stack.back().parked = false;
  const auto lane = static_cast<unsigned>(__builtin_ctz(w.mask));
  const uint32_t id = ids[lane];
  const bool counted = op.mods & kHasCount;
  const uint32_t count = counted ? counts[lane] : blockThreads(block);
  for (unsigned i = 0; i < 32; ++i)
    if ((w.mask >> i & 1) && (ids[i] != id || (counted && counts[i] != count)))
      return block.stop(w, op, CheckKind::Barrier,
                        "the lanes name different barriers or counts");
  if (id >= 16)
    return block.stop(w, op, CheckKind::Barrier,
                      "barrier " + std::to_string(id) +
                          " does not exist; there are 0 to 15");
  if (counted &&
      (count == 0 || count % 32 != 0 || count > block.warps.size() * 32))
    return block.stop(w, op, CheckKind::Barrier,
                      "a barrier for " + std::to_string(count) +
                          " threads: a multiple of 32 is needed, and no more "
                          "than the block has");
  Barrier &barrier = block.barriers[id];
  if (barrier.active && (counted || barrier.counted) &&
      barrier.expected != count)
    return block.stop(w, op, CheckKind::Barrier,
                      "barrier " + std::to_string(id) + " is for " +
                          std::to_string(count) + " threads here, and for " +
                          std::to_string(barrier.expected) +
                          " where others arrived");
  if (barrier.arrivedWarps >> w.index & 1)
    return block.stop(w, op, CheckKind::Barrier,
                      "the warp arrives twice at barrier " +
                          std::to_string(id) + " before it completes");
  const bool first = !barrier.active;
  barrier.active = true;
  barrier.counted = counted;
  barrier.expected = count;
  barrier.arrivedWarps |= uint32_t(1) << w.index;
  barrier.arrivedThreads += 32;
  if (kind >= kRedPopc) {
    uint32_t bits = w.predicate(op.c);
    bits = (op.mods & kPredicateNegated ? ~bits : bits) & w.mask;
    if (kind == kRedPopc)
      barrier.reduction += static_cast<unsigned>(__builtin_popcount(bits));
    else if (kind == kRedAnd)
      barrier.reduction =
          (first || barrier.reduction != 0) && bits == w.mask ? 1 : 0;
    else
      barrier.reduction |= bits != 0 ? 1U : 0U;
  }
  if (block.checks(kCheckRaces))
    block.shadow.arrive(id, w.index);
  if (kind == kArrive) {
    completeBarriers(block);
    return Step::Next;
  }
  barrier.waitingWarps |= uint32_t(1) << w.index;
  w.state = WarpState::AtBarrier;
  w.barrier = static_cast<uint8_t>(id);
  w.waitingAt = &op;
  completeBarriers(block);
  return Step::Wait;
}

static bool decodeBar(Decoder &d, Op &op) {
  op.opClass = OpClass::Barrier;
  op.exec = execBarrier;
  d.take("cta");
  if (d.opcode() == "bar" && d.take("warp")) {
    // Lanes of a warp are in step already.
    op.exec = execNothing;
    return (d.take("sync") || d.badModifier()) && d.endOfModifiers() &&
           d.operandCount(1, 1);
  }
  const int kind = d.takeOneOf({"sync", "arrive", "red"});
  if (kind < 0)
    return d.badModifier();
  size_t next = 0;
  if (kind == 2) {
    const int reduction = d.takeOneOf({"popc", "and", "or"});
    if (reduction < 0)
      return d.badModifier();
    op.mods = kRedPopc + static_cast<uint32_t>(reduction);
    d.take("aligned");
    const int type = d.takeOneOf({"u32", "pred"});
    if (type != (reduction == 0 ? 0 : 1))
      return d.badModifier();
    if (!d.endOfModifiers() || !d.operandCount(3, 4))
      return false;
    op.d =
        reduction == 0 ? d.dst(0, bitsType(32)) : d.predicateDst(d.operand(0));
    bool negated = false;
    op.c = d.predicateSrc(d.operand(d.operandCount() - 1), negated);
    op.mods |= negated ? kPredicateNegated : 0;
    next = 1;
  } else {
    op.mods = kind == 0 ? kSync : kArrive;
    d.take("aligned");
    if (!d.endOfModifiers() || !d.operandCount(kind == 0 ? 1 : 2, 2))
      return false;
  }
  const size_t end = d.operandCount() - (kind == 2 ? 1 : 0);
  op.a = d.src(next++, bitsType(32));
  op.b = op.a;
  if (next < end) {
    op.b = d.src(next, bitsType(32));
    op.mods |= kHasCount;
  }
  return d.ok();
}

/// Memory is sequentially consistent here: only the race check needs fences.
static Step execFence(Warp &w, const Op &) {
  if (w.block->checks(kCheckRaces))
    w.block->shadow.fence(w.index);
  return Step::Next;
}

static bool decodeFence(Decoder &d, Op &op) {
  op.opClass = OpClass::Barrier;
  op.exec = execFence;
  if (d.opcode() == "membar") {
    if (d.takeOneOf({"gl", "cta", "sys"}) < 0)
      return d.badModifier();
  } else {
    d.takeOneOf({"sc", "acq_rel"});
    if (d.takeOneOf({"cta", "gpu", "sys"}) < 0)
      return d.badModifier();
  }
  return d.endOfModifiers() && d.operandCount(0, 0);
}

static bool decodeHint(Decoder &d, Op &op) {
  op.opClass = OpClass::Branch;
  op.exec = execNothing;
  if (d.opcode() == "nanosleep")
    return (d.take("u32") || d.badModifier()) && d.endOfModifiers() &&
           d.operandCount(1, 1) && (d.src(0, bitsType(32)), d.ok());
  // Kernels run one after the other: what a dependent launch waits for is over.
  if (d.opcode() == "griddepcontrol")
    return (d.takeOneOf({"launch_dependents", "wait"}) >= 0 ||
            d.badModifier()) &&
           d.endOfModifiers() && d.operandCount(0, 0);
  return d.badModifier();
}

void ra::runtime::sim::addControlOps(OpcodeTable &table) {
  table["bra"] = decodeBra;
  table["brx"] = decodeBrx;
  table["call"] = decodeCall;
  for (const char *name : {"ret", "exit", "trap"})
    table[name] = decodeLeave;
  table["bar"] = decodeBar;
  table["barrier"] = decodeBar;
  table["membar"] = decodeFence;
  table["fence"] = decodeFence;
  table["nanosleep"] = decodeHint;
  table["griddepcontrol"] = decodeHint;
}
