//===- LoopNest.cpp - Loop nests over scalar code -------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A body of straight-line scalar code runs in strips along one parallel dim.
// The dims that every output moves along go outermost, in tasks for the
// threads; all others run innermost, one after another in the order of the op,
// so each element of an output sees its updates in that order.
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"

#include "ra/Runtime/Threads.h"

#include "llvm/ADT/ScopeExit.h"

#include <mutex>

using namespace mlir;
using namespace ra::reference;
using ra::runtime::parallelFor;

namespace {
/// Offset of an operand's element: base + sum of strides[d] * index[d].
struct Access {
  int64_t base = 0;
  Extents strides;
};

/// One operand of the nest, ready to run.
struct Lane {
  Access access;
  bool isFloat = true;
  void *memory = nullptr;
  std::optional<Register> load; ///< Where the body wants the element.
  Register store{true, -1};     ///< Outputs: what the body yields.
};
} // namespace

static bool isLinear(AffineExpr expr) {
  bool linear = true;
  expr.walk([&](AffineExpr part) {
    AffineExprKind kind = part.getKind();
    linear &= kind != AffineExprKind::Mod && kind != AffineExprKind::FloorDiv &&
              kind != AffineExprKind::CeilDiv &&
              kind != AffineExprKind::SymbolId;
  });
  return linear;
}

/// The access of an array of `shape` through a map of linear expressions.
/// Nothing, and `outside` set, when it leaves the array.
static std::optional<Access> linearAccess(AffineMap map,
                                          ArrayRef<int64_t> shape,
                                          ArrayRef<int64_t> bounds,
                                          bool &outside) {
  Access access;
  access.strides.assign(bounds.size(), 0);
  Extents strides = rowMajorStrides(shape);
  SmallVector<int64_t> point(bounds.size(), 0);
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!isLinear(expr))
      return std::nullopt;
    int64_t start = *evaluateAffineExpr(expr, point, {});
    int64_t low = start, high = start;
    access.base += start * strides[i];
    for (size_t d = 0; d < bounds.size(); ++d) {
      point[d] = 1;
      int64_t factor = *evaluateAffineExpr(expr, point, {}) - start;
      point[d] = 0;
      access.strides[d] += factor * strides[i];
      (factor < 0 ? low : high) += factor * (bounds[d] - 1);
    }
    outside |= low < 0 || high >= shape[i];
  }
  return access;
}

static void *memoryOf(const Array &array) {
  return array.isFloat()
             ? static_cast<void *>(const_cast<double *>(array.floats()))
             : static_cast<void *>(const_cast<int64_t *>(array.ints()));
}

template <typename T>
static void loadStrip(const T *from, int64_t stride, int64_t count, T *own,
                      T *&pointer) {
  if (stride == 1) {
    // Read in place; nothing writes to the register of an input.
    pointer = const_cast<T *>(from);
    return;
  }
  pointer = own;
  if (stride == 0) {
    std::fill_n(own, count, *from);
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    own[i] = from[i * stride];
}

template <typename T>
static void storeStrip(const T *values, int64_t stride, int64_t count, T *to) {
  if (stride == 1) {
    std::copy_n(values, count, to);
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    to[i * stride] = values[i];
}

LogicalResult Evaluator::runLoopNest(LoopNest &nest) {
  if (llvm::is_contained(nest.bounds, 0))
    return success();
  size_t dims = nest.bounds.size();

  // Registers and code.
  StripProgram program;
  llvm::DenseMap<Value, Register> bound;
  auto bindArgument = [&](Value argument) -> std::optional<Register> {
    if (!argument || argument.use_empty())
      return std::nullopt;
    return bound[argument] = program.addRegister(argument.getType());
  };
  SmallVector<Lane, 4> inputs, outputs;
  bool linear = true, outside = false;
  auto addLane = [&](LoopNest::Operand &operand, SmallVector<Lane, 4> &lanes) {
    std::optional<Access> access =
        linearAccess(operand.map, operand.array.shape(), nest.bounds, outside);
    linear &= access.has_value();
    Lane lane;
    if (access)
      lane.access = *access;
    lane.isFloat = operand.array.isFloat();
    lane.memory = memoryOf(operand.array);
    lane.load = bindArgument(operand.argument);
    lanes.push_back(lane);
  };
  for (LoopNest::Operand &input : nest.inputs)
    addLane(input, inputs);
  for (LoopNest::Operand &output : nest.outputs)
    addLane(output, outputs);
  if (outside)
    return nest.op->emitError()
           << "an operand is read or written out of its bounds at run time";
  for (auto [dim, argument] : llvm::enumerate(nest.indexArguments))
    if (std::optional<Register> reg = bindArgument(argument))
      program.indexRegisters.push_back(
          {static_cast<unsigned>(dim), reg->index});
  StripProgram::Context context = stripContext();
  if (!linear || !program.addBlock(*nest.body, bound, context))
    return runLoopNestByElement(nest);
  for (auto [lane, value] :
       llvm::zip(outputs, nest.body->getTerminator()->getOperands())) {
    std::optional<Register> reg = program.lookup(value, bound, context);
    if (!reg)
      return runLoopNestByElement(nest);
    lane.store = *reg;
  }

  // Dims along which each step writes other elements than all before.
  SmallVector<unsigned, 6> outer, sequential;
  std::optional<unsigned> strip;
  auto advancesOutputs = [&](unsigned dim) {
    return nest.parallel[dim] &&
           llvm::all_of(nest.outputs, [&](const LoopNest::Operand &output) {
             return llvm::any_of(output.map.getResults(), [&](AffineExpr expr) {
               auto position = dyn_cast<AffineDimExpr>(expr);
               return position && position.getPosition() == dim;
             });
           });
  };
  auto stripValue = [&](unsigned dim) {
    // Long strips first, then those that write side by side.
    return std::make_pair(std::min<int64_t>(nest.bounds[dim], kStrip / 4),
                          outputs[0].access.strides[dim] == 1);
  };
  for (unsigned dim = 0; dim < dims; ++dim)
    if (advancesOutputs(dim) &&
        (!strip || stripValue(dim) >= stripValue(*strip)))
      strip = dim;
  for (unsigned dim = 0; dim < dims; ++dim) {
    if (strip && dim == *strip)
      continue;
    (advancesOutputs(dim) ? outer : sequential).push_back(dim);
  }

  int64_t stripBound = strip ? nest.bounds[*strip] : 1;
  int64_t stripCount = (stripBound + kStrip - 1) / kStrip;
  int64_t points = stripCount, steps = 1;
  for (unsigned dim : outer)
    points *= nest.bounds[dim];
  for (unsigned dim : sequential)
    steps *= nest.bounds[dim];
  // Tasks of a size that pays for a thread.
  int64_t perPoint = steps * std::min(stripBound, kStrip);
  int64_t grain = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, perPoint));
  int64_t tasks = (points + grain - 1) / grain;

  std::mutex faultMutex;
  StripFault fault;
  std::atomic<bool> stopped{false};
  parallelFor(tasks, numThreads, [&](int64_t task) {
    StripState state(program);
    SmallVector<int64_t, 6> index(dims, 0);
    int64_t lastPoint = std::min(points, (task + 1) * grain);
    for (int64_t point = task * grain; point < lastPoint && !stopped; ++point) {
      int64_t rest = point / stripCount;
      for (unsigned dim : llvm::reverse(outer)) {
        index[dim] = rest % nest.bounds[dim];
        rest /= nest.bounds[dim];
      }
      int64_t begin = point % stripCount * kStrip;
      int64_t count = std::min(kStrip, stripBound - begin);
      if (strip)
        index[*strip] = begin;
      for (unsigned dim : sequential)
        index[dim] = 0;
      for (int64_t step = 0; step < steps; ++step) {
        auto offsetOf = [&](const Access &access) {
          int64_t offset = access.base;
          for (size_t d = 0; d < dims; ++d)
            offset += access.strides[d] * index[d];
          return offset;
        };
        auto load = [&](const Lane &lane) {
          if (!lane.load)
            return;
          int64_t offset = offsetOf(lane.access);
          int64_t stride = strip ? lane.access.strides[*strip] : 0;
          int reg = lane.load->index;
          if (lane.isFloat)
            loadStrip(static_cast<const double *>(lane.memory) + offset, stride,
                      count, state.ownFloats(reg), state.floats[reg]);
          else
            loadStrip(static_cast<const int64_t *>(lane.memory) + offset,
                      stride, count, state.ownInts(reg), state.ints[reg]);
        };
        llvm::for_each(inputs, load);
        llvm::for_each(outputs, load);
        for (auto [dim, reg] : program.indexRegisters)
          for (int64_t i = 0; i < count; ++i)
            state.ints[reg][i] = index[dim] + (strip && dim == *strip ? i : 0);

        StripFault found = program.run(state, count);
        if (found.kind != StripFault::None) {
          std::lock_guard<std::mutex> lock(faultMutex);
          fault = found;
          stopped = true;
          return;
        }
        for (const Lane &lane : outputs) {
          int64_t offset = offsetOf(lane.access);
          int64_t stride = strip ? lane.access.strides[*strip] : 0;
          int reg = lane.store.index;
          if (lane.isFloat)
            storeStrip(state.floats[reg], stride, count,
                       static_cast<double *>(lane.memory) + offset);
          else
            storeStrip(state.ints[reg], stride, count,
                       static_cast<int64_t *>(lane.memory) + offset);
        }
        // The next step of the dims that run in order.
        for (unsigned dim : llvm::reverse(sequential)) {
          if (++index[dim] < nest.bounds[dim])
            break;
          index[dim] = 0;
        }
      }
    }
  });
  return report(fault);
}

LogicalResult Evaluator::runLoopNestByElement(LoopNest &nest) {
  size_t dims = nest.bounds.size();
  SmallVector<int64_t, 6> index(dims, 0);
  indexStack.push_back(index);
  llvm::scope_exit pop([&] { indexStack.pop_back(); });

  auto offsetOf = [&](const LoopNest::Operand &operand) -> FailureOr<int64_t> {
    Extents strides = rowMajorStrides(operand.array.shape());
    int64_t offset = 0;
    for (auto [i, expr] : llvm::enumerate(operand.map.getResults())) {
      std::optional<int64_t> position = evaluateAffineExpr(expr, index, {});
      if (!position || *position < 0 || *position >= operand.array.dim(i)) {
        nest.op->emitError()
            << "an operand of " << extentsString(operand.array.shape())
            << " is read or written out of its bounds at run "
               "time, in dim "
            << i;
        return failure();
      }
      offset += *position * strides[i];
    }
    return offset;
  };
  auto bind = [&](LoopNest::Operand &operand) {
    FailureOr<int64_t> offset = offsetOf(operand);
    if (failed(offset))
      return failure();
    if (operand.argument)
      set(operand.argument, operand.array.isFloat()
                                ? Array::scalar(operand.array.floats()[*offset])
                                : Array::scalar(operand.array.ints()[*offset]));
    return success();
  };

  while (true) {
    for (LoopNest::Operand &input : nest.inputs)
      if (failed(bind(input)))
        return failure();
    for (LoopNest::Operand &output : nest.outputs)
      if (failed(bind(output)))
        return failure();
    for (auto [dim, argument] : llvm::enumerate(nest.indexArguments))
      set(argument, Array::scalar(index[dim]));
    FailureOr<SmallVector<Array>> yielded = evaluateBlock(*nest.body);
    if (failed(yielded))
      return failure();
    for (auto [output, value] : llvm::zip(nest.outputs, *yielded)) {
      int64_t offset = *offsetOf(output);
      if (output.array.isFloat())
        output.array.mutableFloats()[offset] = value.floats()[0];
      else
        output.array.mutableInts()[offset] = value.ints()[0];
    }
    int64_t dim = static_cast<int64_t>(dims) - 1;
    for (; dim >= 0; --dim) {
      if (++index[dim] < nest.bounds[dim])
        break;
      index[dim] = 0;
    }
    if (dim < 0)
      return success();
  }
}
