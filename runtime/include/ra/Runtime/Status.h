//===- Status.h - Errors as values ------------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The runtime is built without exceptions. A function that can fail on its
// input returns a Status or an Expected<T>; the message is complete: it says
// what was wrong, where, and what to do about it.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_STATUS_H
#define RA_RUNTIME_STATUS_H

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace ra::runtime {

/// A failure on its way into a Status or an Expected<T>; made by fail().
struct Failure {
  std::string message;
};

/// Lets a function of any fallible return type end with
/// `return fail("what, where, remedy");`.
[[nodiscard]] inline Failure fail(std::string message) {
  return Failure{std::move(message)};
}

/// Success, or one error message.
class [[nodiscard]] Status {
public:
  /// Success.
  Status() = default;
  Status(Failure failure) : error(std::move(failure.message)) {}

  static Status success() { return Status(); }

  bool ok() const { return !error.has_value(); }

  /// The message; only when !ok().
  const std::string &message() const {
    assert(error && "no message: the status is success");
    return *error;
  }

  /// The failure, to hand on from a function of another return type; only when
  /// !ok().
  Failure takeFailure() {
    assert(error && "no failure: the status is success");
    return Failure{std::move(*error)};
  }

private:
  std::optional<std::string> error;
};

/// A value of type T, or one error message. True when it holds the value.
template <typename T> class [[nodiscard]] Expected {
public:
  Expected(T held) : value(std::move(held)) {}
  Expected(Failure failure) : error(std::move(failure.message)) {}

  explicit operator bool() const { return value.has_value(); }

  /// The value; only when true.
  T &operator*() {
    assert(value && "no value: the result is an error");
    return *value;
  }
  const T &operator*() const {
    assert(value && "no value: the result is an error");
    return *value;
  }
  T *operator->() { return &**this; }
  const T *operator->() const { return &**this; }

  /// The message; only when false.
  const std::string &message() const {
    assert(!value && "no message: the result is a value");
    return error;
  }

  /// The failure, to hand on; only when false.
  Failure takeFailure() {
    assert(!value && "no failure: the result is a value");
    return Failure{std::move(error)};
  }

private:
  std::optional<T> value;
  std::string error;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_STATUS_H
