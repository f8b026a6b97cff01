//===- native_worker.cpp - Peers in plain C++ -----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One peer of the benchmark page, in f32; see worker.py for the protocol.
//
//   native_worker peak THREADS                  multiplications and additions
//   native_worker KIND THREADS attention B H T D CAUSAL
//   native_worker KIND THREADS linear M N K
//
// KIND is `naive` (loops as one writes them) or `openblas` (products by
// OpenBLAS, whose library is named by RA_BENCH_OPENBLAS and whose symbols start
// with RA_BENCH_OPENBLAS_PREFIX). Compiled by scripts/bench/bench_cpu.py.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <functional>
#include <omp.h>
#include <random>
#include <string>
#include <vector>

namespace {

using Buffer = std::vector<float>;

enum { kRowMajor = 101, kNoTrans = 111, kTrans = 112 };
using Sgemm = void (*)(int, int, int, int, int, int, float, const float *, int,
                       const float *, int, float, float *, int);
Sgemm sgemm = nullptr;
void (*setBlasThreads)(int) = nullptr;

struct Attention {
  int batch, heads, length, dim;
  bool causal;
  size_t rows() const { return size_t(batch) * heads * length; }
};

struct Linear {
  int m, n, k;
};

} // namespace

static double seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static Buffer randomBuffer(size_t count, unsigned seed, float deviation = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, deviation);
  Buffer values(count);
  for (float &value : values)
    value = normal(generator);
  return values;
}

//===----------------------------------------------------------------------===//
// Naive
//===----------------------------------------------------------------------===//

static void naiveAttention(const Attention &a, const float *q, const float *k,
                           const float *v, float *o) {
  float scale = 1 / std::sqrt(float(a.dim));
#pragma omp parallel
  {
    Buffer scores(a.length);
#pragma omp for collapse(2) schedule(dynamic, 16)
    for (int head = 0; head < a.batch * a.heads; ++head)
      for (int i = 0; i < a.length; ++i) {
        size_t base = size_t(head) * a.length * a.dim;
        const float *qi = q + base + size_t(i) * a.dim;
        int visible = a.causal ? i + 1 : a.length;
        float highest = -INFINITY;
        for (int j = 0; j < visible; ++j) {
          const float *kj = k + base + size_t(j) * a.dim;
          float sum = 0;
          for (int d = 0; d < a.dim; ++d)
            sum += qi[d] * kj[d];
          scores[j] = sum * scale;
          highest = std::max(highest, scores[j]);
        }
        float total = 0;
        for (int j = 0; j < visible; ++j)
          total += scores[j] = std::exp(scores[j] - highest);
        float *oi = o + base + size_t(i) * a.dim;
        std::fill(oi, oi + a.dim, 0.0f);
        for (int j = 0; j < visible; ++j) {
          const float *vj = v + base + size_t(j) * a.dim;
          for (int d = 0; d < a.dim; ++d)
            oi[d] += scores[j] * vj[d];
        }
        for (int d = 0; d < a.dim; ++d)
          oi[d] /= total;
      }
  }
}

/// y = x W^T, loops in the order in which all three are read along rows of a
/// transposed W, made once.
static void naiveLinear(const Linear &l, const float *x, const float *wt,
                        float *y) {
#pragma omp parallel for
  for (int i = 0; i < l.m; ++i) {
    float *row = y + size_t(i) * l.n;
    std::fill(row, row + l.n, 0.0f);
    for (int k = 0; k < l.k; ++k)
      for (int j = 0; j < l.n; ++j)
        row[j] += x[size_t(i) * l.k + k] * wt[size_t(k) * l.n + j];
  }
}

//===----------------------------------------------------------------------===//
// OpenBLAS
//===----------------------------------------------------------------------===//

/// Blocks of queries: scores of a block by one product, softmax, the result by
/// another. Threads take blocks; a product within one has a single thread.
static void blasAttention(const Attention &a, const float *q, const float *k,
                          const float *v, float *o) {
  constexpr int kBlock = 128;
  float scale = 1 / std::sqrt(float(a.dim));
  int blocks = (a.length + kBlock - 1) / kBlock;
#pragma omp parallel
  {
    Buffer scores(size_t(kBlock) * a.length);
#pragma omp for collapse(2) schedule(dynamic)
    for (int head = 0; head < a.batch * a.heads; ++head)
      for (int block = 0; block < blocks; ++block) {
        size_t base = size_t(head) * a.length * a.dim;
        int first = block * kBlock, rows = std::min(kBlock, a.length - first);
        int keys = a.causal ? first + rows : a.length;
        sgemm(kRowMajor, kNoTrans, kTrans, rows, keys, a.dim, scale,
              q + base + size_t(first) * a.dim, a.dim, k + base, a.dim, 0,
              scores.data(), keys);
        for (int i = 0; i < rows; ++i) {
          float *row = scores.data() + size_t(i) * keys;
          int visible = a.causal ? first + i + 1 : keys;
          float highest = row[0], total = 0;
          for (int j = 1; j < visible; ++j)
            highest = std::max(highest, row[j]);
          for (int j = 0; j < visible; ++j)
            row[j] = std::exp(row[j] - highest);
          for (int j = 0; j < visible; ++j)
            total += row[j];
          float inverse = 1 / total;
          for (int j = 0; j < visible; ++j)
            row[j] *= inverse;
          std::fill(row + visible, row + keys, 0.0f);
        }
        sgemm(kRowMajor, kNoTrans, kNoTrans, rows, a.dim, keys, 1,
              scores.data(), keys, v + base, a.dim, 0,
              o + base + size_t(first) * a.dim, a.dim);
      }
  }
}

static void blasLinear(const Linear &l, const float *x, const float *w,
                       float *y) {
  sgemm(kRowMajor, kNoTrans, kTrans, l.m, l.n, l.k, 1, x, l.k, w, l.k, 0, y,
        l.n);
}

/// Finds OpenBLAS; its version and core, or ends the program.
static std::string loadBlas(int threads, bool threadedOutside) {
  const char *path = std::getenv("RA_BENCH_OPENBLAS");
  const char *prefix = std::getenv("RA_BENCH_OPENBLAS_PREFIX");
  void *library = dlopen(path ? path : "libopenblas.so.0", RTLD_NOW);
  if (!library) {
    std::fprintf(stderr, "OpenBLAS: %s\n", dlerror());
    std::exit(1);
  }
  auto symbol = [&](const char *name) {
    std::string full = std::string(prefix ? prefix : "") + name;
    void *address = dlsym(library, full.c_str());
    if (!address) {
      std::fprintf(stderr, "OpenBLAS: no %s\n", full.c_str());
      std::exit(1);
    }
    return address;
  };
  sgemm = reinterpret_cast<Sgemm>(symbol("cblas_sgemm"));
  setBlasThreads =
      reinterpret_cast<void (*)(int)>(symbol("openblas_set_num_threads"));
  setBlasThreads(threadedOutside ? 1 : threads);
  auto config =
      reinterpret_cast<const char *(*)()>(symbol("openblas_get_config"));
  auto core =
      reinterpret_cast<const char *(*)()>(symbol("openblas_get_corename"));
  return std::string(config()) + ", core " + core();
}

//===----------------------------------------------------------------------===//
// The measured peak
//===----------------------------------------------------------------------===//

/// Chains of fused multiply-adds on vectors of the widest kind, as many as hide
/// the latency of two units; returns what depends on all of them.
static float multiplyAdd(long repetitions) {
#ifdef __AVX512F__
  constexpr int lanes = 16;
#else
  constexpr int lanes = 8;
#endif
  typedef float Vector __attribute__((vector_size(lanes * sizeof(float))));
  constexpr int chains = 12;
  Vector sums[chains], factor, term;
  for (int i = 0; i < lanes; ++i) {
    factor[i] = 0.999f;
    term[i] = 0.001f * float(i + 1); // No sum fades into denormals.
  }
  for (int c = 0; c < chains; ++c)
    sums[c] = term * float(c);
  for (long r = 0; r < repetitions; ++r) {
#pragma GCC unroll 12
    for (int c = 0; c < chains; ++c)
      sums[c] = sums[c] * factor + term;
  }
  float total = 0;
  for (int c = 0; c < chains; ++c)
    for (int i = 0; i < lanes; ++i)
      total += sums[c][i];
  return total;
}

static double flopsOfPeak(int threads, long repetitions) {
#ifdef __AVX512F__
  return 2.0 * 16 * 12 * double(repetitions) * threads;
#else
  return 2.0 * 8 * 12 * double(repetitions) * threads;
#endif
}

//===----------------------------------------------------------------------===//
// Protocol
//===----------------------------------------------------------------------===//

/// The largest difference from the definition, in f64, on a small shape.
static double checkAttention(
    const std::function<void(const Attention &, const float *, const float *,
                             const float *, float *)> &run,
    bool causal) {
  Attention a = {1, 2, 145, 64, causal};
  Buffer q = randomBuffer(a.rows() * a.dim, 1), k = randomBuffer(q.size(), 2),
         v = randomBuffer(q.size(), 3), o(q.size(), NAN);
  run(a, q.data(), k.data(), v.data(), o.data());
  double worst = 0;
  for (int head = 0; head < a.heads; ++head)
    for (int i = 0; i < a.length; ++i) {
      size_t base = size_t(head) * a.length * a.dim;
      int visible = causal ? i + 1 : a.length;
      std::vector<double> p(visible), expected(a.dim, 0.0);
      double total = 0;
      for (int j = 0; j < visible; ++j) {
        double sum = 0;
        for (int d = 0; d < a.dim; ++d)
          sum += double(q[base + size_t(i) * a.dim + d]) *
                 double(k[base + size_t(j) * a.dim + d]);
        total += p[j] = std::exp(sum / std::sqrt(double(a.dim)));
      }
      for (int j = 0; j < visible; ++j)
        for (int d = 0; d < a.dim; ++d)
          expected[d] += p[j] / total * double(v[base + size_t(j) * a.dim + d]);
      for (int d = 0; d < a.dim; ++d) {
        double error =
            std::abs(expected[d] - double(o[base + size_t(i) * a.dim + d]));
        worst = error <= worst ? worst : error; // NaN stays.
      }
    }
  return worst;
}

static double
checkLinear(const std::function<void(const Linear &, const float *,
                                     const float *, float *)> &run) {
  Linear l = {37, 65, 129};
  Buffer x = randomBuffer(size_t(l.m) * l.k, 1),
         w = randomBuffer(size_t(l.n) * l.k, 2, 0.1f),
         y(size_t(l.m) * l.n, NAN);
  run(l, x.data(), w.data(), y.data());
  double worst = 0;
  for (int i = 0; i < l.m; ++i)
    for (int j = 0; j < l.n; ++j) {
      double sum = 0;
      for (int k = 0; k < l.k; ++k)
        sum += double(x[size_t(i) * l.k + k]) * double(w[size_t(j) * l.k + k]);
      double error = std::abs(sum - double(y[size_t(i) * l.n + j]));
      worst = error <= worst ? worst : error;
    }
  return worst;
}

static Buffer transposed(const Linear &l, const Buffer &w) {
  Buffer wt(w.size());
  for (int n = 0; n < l.n; ++n)
    for (int k = 0; k < l.k; ++k)
      wt[size_t(k) * l.n + n] = w[size_t(n) * l.k + k];
  return wt;
}

/// Answers each line of standard input with the milliseconds of a call.
static void serve(const std::string &name, const std::string &version,
                  double error, const std::function<void()> &call,
                  const char *more = "") {
  if (!(error <= 1e-4)) {
    std::fprintf(stderr, "%s: wrong by %g\n", name.c_str(), error);
    std::exit(1);
  }
  // Processor time: the others are being set up meanwhile.
  std::clock_t before = std::clock();
  call();
  double first =
      double(std::clock() - before) / CLOCKS_PER_SEC / omp_get_max_threads();
  if (first > 4) {
    std::printf("{\"ready\": false, \"reason\": \"takes %.0f s for a "
                "call, more than 4 s\"}\n",
                first);
    return;
  }
  std::printf("{\"ready\": true, \"version\": \"%s\", \"max_error\": %g%s}\n",
              version.c_str(), error, more);
  std::fflush(stdout);
  char line[64];
  while (std::fgets(line, sizeof(line), stdin)) {
    double wanted = std::atof(line), start = seconds(), elapsed = 0;
    long calls = 0;
    do {
      call();
      ++calls;
      elapsed = seconds() - start;
    } while (elapsed < wanted);
    std::printf("{\"ms\": {\"%s\": %.9g}}\n", name.c_str(),
                elapsed / double(calls) * 1e3);
    std::fflush(stdout);
  }
}

static int usage() {
  std::fprintf(stderr,
               "native_worker: the arguments do not fit; see the top of "
               "native_worker.cpp\n");
  return 2;
}

int main(int argc, char **argv) {
  if (argc < 3)
    return usage();
  std::string kind = argv[1], what = argc > 3 ? argv[3] : "";
  int threads = std::atoi(argv[2]);
  if (threads < 1)
    return usage();
  omp_set_num_threads(threads);
  std::string compiler = std::string("GCC ") + __VERSION__;

  if (kind == "peak") {
    // About a millisecond.
    constexpr long repetitions = 500'000;
    float sink = 0;
    auto call = [&] {
#pragma omp parallel reduction(+ : sink)
      sink += multiplyAdd(repetitions);
    };
    char flops[64];
    std::snprintf(flops, sizeof(flops), ", \"flops\": %.9g",
                  flopsOfPeak(threads, repetitions));
    serve("peak", compiler, 0, call, flops);
    // Nobody may find that the sums are not needed.
    return sink == 12345 ? 3 : 0;
  }

  bool blas = kind == "openblas";
  if (!blas && kind != "naive")
    return usage();
  if (what == "attention" && argc == 9) {
    std::string version = blas ? loadBlas(threads, true) : compiler;
    Attention a = {std::atoi(argv[4]), std::atoi(argv[5]), std::atoi(argv[6]),
                   std::atoi(argv[7]), std::atoi(argv[8]) != 0};
    auto run = blas ? blasAttention : naiveAttention;
    double error = checkAttention(run, a.causal);
    size_t size = a.rows() * a.dim;
    Buffer q = randomBuffer(size, 1), k = randomBuffer(size, 2),
           v = randomBuffer(size, 3), o(size);
    serve(kind, version, error,
          [&] { run(a, q.data(), k.data(), v.data(), o.data()); });
    return 0;
  }
  if (what == "linear" && argc == 7) {
    std::string version = blas ? loadBlas(threads, false) : compiler;
    Linear l = {std::atoi(argv[4]), std::atoi(argv[5]), std::atoi(argv[6])};
    auto checked = [&](const Linear &small, const float *x, const float *w,
                       float *y) {
      if (blas)
        return blasLinear(small, x, w, y);
      Buffer wt = transposed(small, Buffer(w, w + size_t(small.n) * small.k));
      naiveLinear(small, x, wt.data(), y);
    };
    double error = checkLinear(checked);
    Buffer x = randomBuffer(size_t(l.m) * l.k, 1),
           w = randomBuffer(size_t(l.n) * l.k, 2), y(size_t(l.m) * l.n);
    if (!blas)
      w = transposed(l, w);
    auto run = blas ? blasLinear : naiveLinear;
    serve(kind, version, error, [&] { run(l, x.data(), w.data(), y.data()); });
    return 0;
  }
  return usage();
}
