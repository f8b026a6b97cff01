//===- CommandLine.h - Options of tools without LLVM ------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_COMMANDLINE_H
#define RA_RUNTIME_COMMANDLINE_H

#include "ra/Runtime/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ra::runtime {

/// Options of the form `--name=value`, `--name value` or, for flags, `--name`
/// (one dash will do), and positional arguments. `--` ends the options.
class CommandLine {
public:
  /// Each option sets a variable, which holds its default before. `value` is
  /// what the help calls the value: "NAME".
  void text(const std::string &name, const std::string &value,
            const std::string &help, std::string &variable);
  void texts(const std::string &name, const std::string &value,
             const std::string &help, std::vector<std::string> &variable);
  void number(const std::string &name, const std::string &value,
              const std::string &help, uint64_t &variable);
  void flag(const std::string &name, const std::string &help, bool &variable);

  /// Sets the variables. Fails on an option that there is not (with the nearest
  /// one that there is), a value that is missing, not one, or given twice.
  Status parse(const std::vector<std::string> &arguments,
               std::vector<std::string> &positional);

  /// One line for each option.
  std::string help() const;

private:
  struct Option {
    std::string name, value, help;
    std::string *text = nullptr;
    std::vector<std::string> *texts = nullptr;
    uint64_t *number = nullptr;
    bool *flag = nullptr;
    bool isSet = false;
  };
  Option *find(const std::string &name);

  std::vector<Option> options;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_COMMANDLINE_H
