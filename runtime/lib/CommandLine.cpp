//===- CommandLine.cpp - Options of tools without LLVM --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/CommandLine.h"
#include "Text.h"

#include <algorithm>
#include <numeric>

using namespace ra::runtime;

void CommandLine::text(const std::string &name, const std::string &value,
                       const std::string &help, std::string &variable) {
  options.push_back({name, value, help});
  options.back().text = &variable;
}
void CommandLine::texts(const std::string &name, const std::string &value,
                        const std::string &help,
                        std::vector<std::string> &variable) {
  options.push_back({name, value, help});
  options.back().texts = &variable;
}
void CommandLine::number(const std::string &name, const std::string &value,
                         const std::string &help, uint64_t &variable) {
  options.push_back({name, value, help});
  options.back().number = &variable;
}
void CommandLine::flag(const std::string &name, const std::string &help,
                       bool &variable) {
  options.push_back({name, "", help});
  options.back().flag = &variable;
}

CommandLine::Option *CommandLine::find(const std::string &name) {
  for (Option &option : options)
    if (option.name == name)
      return &option;
  return nullptr;
}

/// Insertions, deletions and replacements between two texts.
static size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t above = row[j + 1];
      row[j + 1] =
          std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

static bool parseNumber(const std::string &text, uint64_t &number) {
  number = 0;
  for (char c : text) {
    uint64_t digit = static_cast<unsigned char>(c) - '0';
    if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, digit, &number))
      return false;
  }
  return !text.empty();
}

Status CommandLine::parse(const std::vector<std::string> &arguments,
                          std::vector<std::string> &positional) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    if (argument == "--") {
      positional.insert(positional.end(), arguments.begin() + i + 1,
                        arguments.end());
      break;
    }
    if (argument.size() < 2 || argument[0] != '-') {
      positional.push_back(argument);
      continue;
    }
    size_t dashes = argument[1] == '-' ? 2 : 1;
    size_t equals = argument.find('=');
    std::string name = argument.substr(dashes, equals - dashes);
    if (equals == std::string::npos)
      name = argument.substr(dashes);
    Option *option = find(name);
    if (!option) {
      const Option *nearest = nullptr;
      for (const Option &candidate : options)
        if (!nearest || editDistance(candidate.name, name) <
                            editDistance(nearest->name, name))
          nearest = &candidate;
      return fail("there is no option " + quoted(argument) +
                  (nearest && editDistance(nearest->name, name) <= 2
                       ? "; did you mean --" + nearest->name + "?"
                       : "; --help lists the options"));
    }
    if (option->isSet && !option->texts)
      return fail("--" + name + " is there twice");
    option->isSet = true;
    if (option->flag) {
      if (equals != std::string::npos)
        return fail("--" + name + " takes no value");
      *option->flag = true;
      continue;
    }
    std::string value;
    if (equals != std::string::npos)
      value = argument.substr(equals + 1);
    else if (i + 1 < arguments.size())
      value = arguments[++i];
    else
      return fail("--" + name + " needs a value: --" + name + "=" +
                  option->value);
    if (option->text)
      *option->text = value;
    else if (option->texts)
      option->texts->push_back(value);
    else if (!parseNumber(value, *option->number))
      return fail("--" + name + "=" + value + ": not a number");
  }
  return Status::success();
}

std::string CommandLine::help() const {
  std::string text;
  for (const Option &option : options) {
    std::string left =
        "  --" + option.name + (option.value.empty() ? "" : "=" + option.value);
    constexpr size_t column = 24;
    left.resize(std::max(left.size() + 2, column), ' ');
    text += left + option.help + "\n";
  }
  return text;
}
