/* Runs an artifact from C: opens it, lets it prepare the weights once, and
   calls it for two lengths.

     ra-run compile ../reciprocal_block.mlir -o block.raf
     cc -std=c11 attend.c -I<prefix>/include -L<prefix>/lib -lra_runtime -lm -o
   attend
     ./attend block.raf

   The runtime owns no memory: every tensor and both workspaces are ours. */

#include "ra/ra_artifact.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_TENSORS 32
#define MOST_DIMS 8

static void check(ra_status status) {
  if (status == RA_OK)
    return;
  fprintf(stderr, "attend: %s\n", ra_last_error());
  exit(status);
}

static size_t elements(const DLTensor *tensor) {
  size_t count = 1;
  for (int32_t i = 0; i < tensor->ndim; ++i)
    count *= (size_t)tensor->shape[i];
  return count;
}

/* Memory at a multiple of 64, as vector code likes it. */
static void *allocate(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 64) / 64 * 64);
  if (!memory)
    abort();
  return memory;
}

/* Tensors of one kind; `shapes` holds their extents. */
struct tensors {
  int32_t count;
  DLTensor tensor[MOST_TENSORS];
  int64_t shapes[MOST_TENSORS][MOST_DIMS];
};

static void describe(const ra_artifact *artifact, int32_t entry,
                     ra_tensor_kind kind, struct tensors *out) {
  out->count = ra_artifact_num_tensors(artifact, entry, kind);
  if (out->count < 0 || out->count > MOST_TENSORS)
    abort();
  for (int32_t i = 0; i < out->count; ++i) {
    ra_tensor_info info;
    check(ra_artifact_tensor(artifact, entry, kind, i, &info));
    if (info.ndim > MOST_DIMS || info.dtype.code != kDLFloat ||
        info.dtype.bits != 32)
      abort();
    DLTensor tensor = {0};
    tensor.device.device_type = kDLCPU;
    tensor.dtype = info.dtype;
    tensor.ndim = info.ndim;
    tensor.shape = out->shapes[i];
    for (int32_t axis = 0; axis < info.ndim; ++axis)
      tensor.shape[axis] = info.shape[axis];
    out->tensor[i] = tensor;
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: attend ARTIFACT\n");
    return 2;
  }
  ra_artifact *artifact;
  check(ra_artifact_open(argv[1], "cpu", 0, &artifact));
  int32_t entry = 0;
  printf("@%s, interface version %" PRId32 "\n",
         ra_artifact_entry_name(artifact, entry), ra_artifact_abi_version());

  static struct tensors arguments, prepared, results;
  describe(artifact, entry, RA_ARGUMENT, &arguments);
  describe(artifact, entry, RA_PREPARED, &prepared);
  describe(artifact, entry, RA_RESULT, &results);

  int is_first = 1;
  for (int64_t length = 5; length <= 10; length += 5) {
    /* Argument 0 is x, [batch, length, channels]; the others are parameters. */
    arguments.shapes[0][0] = 1;
    arguments.shapes[0][1] = length;
    size_t prepare_bytes, run_bytes;
    check(ra_artifact_infer(artifact, entry, arguments.tensor, arguments.count,
                            prepared.tensor, results.tensor, &prepare_bytes,
                            &run_bytes));
    for (int32_t i = 1; is_first && i < arguments.count; ++i) {
      size_t count = elements(&arguments.tensor[i]);
      float *data = allocate(count * sizeof(float));
      for (size_t k = 0; k < count; ++k)
        data[k] = i == 7 || i == 8
                      ? 0.5f /* gates */
                      : 0.03f * sinf(0.7f * (float)(k + 1) * (float)i);
      arguments.tensor[i].data = data;
    }
    if (is_first) {
      for (int32_t i = 0; i < prepared.count; ++i)
        prepared.tensor[i].data =
            allocate(elements(&prepared.tensor[i]) * sizeof(float));
      void *workspace = allocate(prepare_bytes);
      check(ra_artifact_prepare(
          artifact, entry, arguments.tensor, arguments.count, prepared.tensor,
          prepared.count, workspace, prepare_bytes, NULL));
      free(workspace);
    }
    is_first = 0;

    size_t count = elements(&arguments.tensor[0]);
    float *x = allocate(count * sizeof(float));
    for (size_t k = 0; k < count; ++k)
      x[k] = cosf(0.3f * (float)k);
    arguments.tensor[0].data = x;
    size_t result_count = elements(&results.tensor[0]);
    float *y = allocate(result_count * sizeof(float));
    results.tensor[0].data = y;
    void *workspace = allocate(run_bytes);
    check(ra_artifact_run(artifact, entry, arguments.tensor, arguments.count,
                          prepared.tensor, prepared.count, results.tensor,
                          results.count, workspace, run_bytes, NULL));
    double sum = 0;
    for (size_t k = 0; k < result_count; ++k)
      sum += fabs((double)y[k]);
    printf("length %" PRId64
           ": workspace %zu bytes, mean |y| %.6f, y[0] %.6f\n",
           length, run_bytes, sum / (double)result_count, (double)y[0]);
    free(workspace);
    free(y);
    free(x);
  }
  for (int32_t i = 1; i < arguments.count; ++i)
    free(arguments.tensor[i].data);
  for (int32_t i = 0; i < prepared.count; ++i)
    free(prepared.tensor[i].data);
  ra_artifact_close(artifact);
  return 0;
}
