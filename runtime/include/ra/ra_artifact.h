/*===- ra_artifact.h - Running artifacts from C ------------------*- C -*-===*\
|*
|* Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
|* See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
|*===----------------------------------------------------------------------===*|
|*
|* The binary interface of libra_runtime.so, in C11. Tensors are DLPack's. The
|* caller owns all memory: ra_artifact_prepare() and ra_artifact_run() allocate
|* nothing and wait for nothing. docs/artifacts.md has the order of calls,
|* python-free-examples/artifact an example.
|*
\*===----------------------------------------------------------------------===*/

#ifndef RA_RA_ARTIFACT_H
#define RA_RA_ARTIFACT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RA_API __attribute__((visibility("default")))
#else
#define RA_API
#endif

/* DLPack 1.0's tensor (github.com/dmlc/dlpack), declared here unless its own
   header came first. */
#ifndef DLPACK_VERSION
#ifndef DLPACK_MAJOR_VERSION
typedef enum { kDLCPU = 1, kDLCUDA = 2 } DLDeviceType;
typedef struct {
  int32_t device_type; /* DLDeviceType */
  int32_t device_id;
} DLDevice;
typedef enum {
  kDLInt = 0,
  kDLUInt = 1,
  kDLFloat = 2,
  kDLBfloat = 4,
  kDLBool = 6
} DLDataTypeCode;
typedef struct {
  uint8_t code; /* DLDataTypeCode */
  uint8_t bits;
  uint16_t lanes;
} DLDataType;
typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides; /* in elements; NULL: contiguous, row-major */
  uint64_t byte_offset;
} DLTensor;
#endif
#endif

/* Increased when a function or structure below changes. */
#define RA_ARTIFACT_ABI_VERSION 1
RA_API int32_t ra_artifact_abi_version(void);

typedef enum {
  RA_OK = 0,
  /* The file cannot be read, is damaged, or is of another version. */
  RA_ERROR_ARTIFACT = 1,
  /* Arguments, shapes, types or sizes that do not fit. */
  RA_ERROR_ARGUMENT = 2,
  /* The device is not there, or the artifact has no code for it. */
  RA_ERROR_DEVICE = 4,
  /* The device failed. */
  RA_ERROR_RUN = 5
} ra_status;

/* What went wrong in the last call of this thread that did not return RA_OK;
   valid until the thread's next call. Never NULL. */
RA_API const char *ra_last_error(void);

typedef struct ra_artifact ra_artifact;

/* Opens the file `path` for a device: "cpu", "cuda", "cuda:1" or "auto". With
   `threads` = 0 kernels on the CPU use one thread for each processor. */
RA_API ra_status ra_artifact_open(const char *path, const char *device,
                                  uint32_t threads, ra_artifact **artifact);
/* Takes NULL, too. No call on the artifact may be in progress. */
RA_API void ra_artifact_close(ra_artifact *artifact);

RA_API int32_t ra_artifact_num_entries(const ra_artifact *artifact);
/* NULL when there is no such entry. */
RA_API const char *ra_artifact_entry_name(const ra_artifact *artifact,
                                          int32_t entry);
/* -1 when there is no entry of that name. */
RA_API int32_t ra_artifact_find_entry(const ra_artifact *artifact,
                                      const char *name);

typedef enum {
  RA_ARGUMENT = 0, /* of the entry, parameters included */
  RA_PREPARED = 1, /* what prepare() makes of the parameters */
  RA_RESULT = 2
} ra_tensor_kind;

/* The number of tensors of a kind; -1 when there is no such entry or kind. */
RA_API int32_t ra_artifact_num_tensors(const ra_artifact *artifact,
                                       int32_t entry, ra_tensor_kind kind);

typedef struct {
  DLDataType dtype;
  int32_t ndim;
  /* -1 for an extent that is known only at run time. Lives as long as the
     artifact. */
  const int64_t *shape;
  /* An argument that does not change between calls. */
  int32_t is_parameter;
  /* Whether run() and prepare() read an argument; data of one that they do not
     read may be NULL. */
  int32_t used_by_run, used_by_prepare;
} ra_tensor_info;
RA_API ra_status ra_artifact_tensor(const ra_artifact *artifact, int32_t entry,
                                    ra_tensor_kind kind, int32_t index,
                                    ra_tensor_info *info);

/* For arguments of these shapes (data may be NULL): writes the extents of the
   prepared tensors and of the results into their `shape`, which has room for
   `ndim` of them, sets their dtype, and gives the bytes of workspace that
   prepare() and run() need. `prepared` and `results` have as many elements as
   the entry has such tensors, and may be NULL. */
RA_API ra_status ra_artifact_infer(const ra_artifact *artifact, int32_t entry,
                                   const DLTensor *arguments,
                                   int32_t num_arguments, DLTensor *prepared,
                                   DLTensor *results, size_t *prepare_workspace,
                                   size_t *run_workspace);

/* Fills the prepared tensors from the parameters. Once for each binding of
   parameters; entries without prepared tensors need none. */
RA_API ra_status ra_artifact_prepare(const ra_artifact *artifact, int32_t entry,
                                     const DLTensor *arguments,
                                     int32_t num_arguments,
                                     const DLTensor *prepared,
                                     int32_t num_prepared, void *workspace,
                                     size_t workspace_bytes, void *stream);

/* One call. Workspace and all tensors are on the artifact's device, contiguous
   and row-major; the workspace starts at a multiple of 64. On a GPU the work
   goes into `stream` (a CUstream or cudaStream_t; NULL: the default stream); on
   the CPU, where `stream` is ignored, it is done on return. Several threads may
   call it at a time, each with its own results and workspace, on the CPU. */
RA_API ra_status ra_artifact_run(const ra_artifact *artifact, int32_t entry,
                                 const DLTensor *arguments,
                                 int32_t num_arguments,
                                 const DLTensor *prepared, int32_t num_prepared,
                                 const DLTensor *results, int32_t num_results,
                                 void *workspace, size_t workspace_bytes,
                                 void *stream);

#ifdef __cplusplus
}
#endif

#endif /* RA_RA_ARTIFACT_H */
