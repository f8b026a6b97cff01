//===- NumberText.h - Numbers for people and for files ----------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_NUMBERTEXT_H
#define RA_RUNTIME_LIB_NUMBERTEXT_H

#include <cstdint>
#include <string>

namespace ra::runtime {

/// `digits` decimals: "1.003". The decimal point is a point, whatever the
/// locale, as in every function here.
std::string fixed(double value, int digits);

/// `digits` significant digits without an exponent: "133", "1.33", "0.00133".
std::string significant(double value, int digits = 4);

/// "1.2e-06".
std::string scientific(double value);

/// "1.3 %" of a fraction.
std::string percent(double fraction);

/// At most nine significant digits: "27.6", "1.5", "1.2e-06".
std::string compact(double value);

/// Bytes in MiB with two decimals.
std::string mebibytes(int64_t bytes);

/// The shortest text that reads back as the same number; "null", which JSON
/// has, for what is not finite.
std::string exact(double value);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_NUMBERTEXT_H
