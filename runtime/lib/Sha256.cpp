//===- Sha256.cpp - SHA-256 of bytes and files ----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Sha256.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

using namespace ra::runtime;

namespace {

constexpr size_t kBlock = 64;

alignas(16) constexpr uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t rotate(uint32_t value, int count) {
  return (value >> count) | (value << (32 - count));
}

void compressPortable(uint32_t *state, const unsigned char *data,
                      size_t blocks) {
  for (; blocks != 0; --blocks, data += kBlock) {
    uint32_t w[64];
    for (size_t i = 0; i < 16; ++i)
      w[i] = static_cast<uint32_t>(data[4 * i]) << 24 |
             static_cast<uint32_t>(data[4 * i + 1]) << 16 |
             static_cast<uint32_t>(data[4 * i + 2]) << 8 | data[4 * i + 3];
    for (size_t i = 16; i < 64; ++i) {
      const uint32_t s0 =
          rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
      const uint32_t s1 =
          rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (size_t i = 0; i < 64; ++i) {
      const uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                          ((e & f) ^ (~e & g)) + kRound[i] + w[i];
      const uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                          ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

#if defined(__x86_64__)
bool hasShaInstructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
    return false;
  constexpr unsigned sha = 1U << 29;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & sha);
}

/// The instructions keep the state as (a b e f) and (c d g h), high word first,
/// and do two rounds each; a group of four rounds takes one vector of words.
__attribute__((target("sha,sse4.1,ssse3"))) void
compressSha(uint32_t *state, const unsigned char *data, size_t blocks) {
  const __m128i bytes =
      _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  auto load = [](const void *from) {
    return _mm_loadu_si128(static_cast<const __m128i *>(from));
  };
  const __m128i dcba = _mm_shuffle_epi32(load(state), 0x1b);
  const __m128i hgfe = _mm_shuffle_epi32(load(state + 4), 0x1b);
  __m128i abef = _mm_unpackhi_epi64(hgfe, dcba);
  __m128i cdgh = _mm_unpacklo_epi64(hgfe, dcba);
  for (; blocks != 0; --blocks, data += kBlock) {
    const __m128i abefStart = abef, cdghStart = cdgh;
    __m128i w[4];
    for (size_t group = 0; group < 16; ++group) {
      __m128i &now = w[group % 4];
      if (group < 4) {
        now = _mm_shuffle_epi8(load(data + 16 * group), bytes);
      } else {
        const __m128i before = w[(group + 3) % 4];
        const __m128i seven = _mm_alignr_epi8(before, w[(group + 2) % 4], 4);
        now = _mm_sha256msg2_epu32(
            _mm_add_epi32(_mm_sha256msg1_epu32(now, w[(group + 1) % 4]), seven),
            before);
      }
      const __m128i input = _mm_add_epi32(now, load(kRound + 4 * group));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, input);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(input, 0x0e));
    }
    abef = _mm_add_epi32(abef, abefStart);
    cdgh = _mm_add_epi32(cdgh, cdghStart);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i hgdc = _mm_shuffle_epi32(cdgh, 0x1b);
  auto store = [](uint32_t *to, __m128i value) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), value);
  };
  store(state, _mm_unpacklo_epi64(feba, hgdc));
  store(state + 4, _mm_unpackhi_epi64(feba, hgdc));
}
#endif

void compress(bool portable, uint32_t *state, const unsigned char *data,
              size_t blocks) {
#if defined(__x86_64__)
  static const bool fast = hasShaInstructions();
  if (fast && !portable)
    return compressSha(state, data, blocks);
#endif
  compressPortable(state, data, blocks);
}

} // namespace

void Sha256::update(const void *data, size_t size) {
  const auto *bytes = static_cast<const unsigned char *>(data);
  total += size;
  if (pendingSize != 0) {
    const size_t taken = std::min(size, kBlock - pendingSize);
    std::memcpy(pending.data() + pendingSize, bytes, taken);
    pendingSize += taken;
    bytes += taken;
    size -= taken;
    if (pendingSize < kBlock)
      return;
    compress(portable, state.data(), pending.data(), 1);
    pendingSize = 0;
  }
  compress(portable, state.data(), bytes, size / kBlock);
  pendingSize = size % kBlock;
  if (pendingSize != 0)
    std::memcpy(pending.data(), bytes + (size - pendingSize), pendingSize);
}

std::string Sha256::finish() {
  const uint64_t bits = total * 8;
  const unsigned char one = 0x80, zero = 0;
  update(&one, 1);
  while (pendingSize != kBlock - sizeof(bits))
    update(&zero, 1);
  unsigned char length[sizeof(bits)];
  for (size_t i = 0; i < sizeof(bits); ++i)
    length[i] = static_cast<unsigned char>(bits >> (56 - 8 * i));
  update(length, sizeof(length));
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (uint32_t word : state)
    for (int shift = 28; shift >= 0; shift -= 4)
      text += digits[(word >> shift) & 15];
  return text;
}

Expected<std::string> ra::runtime::sha256OfFile(const std::string &path) {
  auto because = [&](int code) {
    return fail(path +
                ": cannot read: " + std::generic_category().message(code));
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return because(errno);
  Sha256 digest;
  std::vector<char> buffer(size_t(1) << 20);
  while (true) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      const int code = count < 0 ? errno : 0;
      ::close(descriptor);
      if (code != 0)
        return because(code);
      return digest.finish();
    }
    digest.update(buffer.data(), static_cast<size_t>(count));
  }
}
