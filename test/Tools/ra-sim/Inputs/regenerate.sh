#!/usr/bin/env bash
# Regenerates the PTX beside this file, without a GPU. Needs Python and a package
# index for nvcc (the wheels nvidia-cuda-nvcc, -nvvm, -crt, -runtime, -cccl of
# CUDA 13) and triton. Debugging sections and paths are cut off.
#
# attention_sm80.ptx and gemm_sm80.ptx come from sketches of the kernels, built
# with the nvvm dialect and LLVM 22 (mlir-opt-22, gpu-module-to-binary with
# format=isa): causal forward attention of 64 x 64 tiles, 64 dims, 4 warps, and a
# GEMM of 128 x 128 x 32 tiles, 4 stages, 4 warps.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q triton nvidia-cuda-nvcc nvidia-nvvm nvidia-cuda-crt \
  nvidia-cuda-runtime nvidia-cuda-cccl
cuda="$(echo "$work"/venv/lib/python3*/site-packages/nvidia/cu13)"
chmod +x "$cuda"/bin/* "$cuda/nvvm/bin/cicc"
clean() {
  sed '/^\s*\.section/,$d' "$1" |
    sed 's#^\(\s*\.file\s*[0-9]*\) "\(.*/\)*\([^/"]*\)".*#\1 "\3"#'
}
"$cuda/bin/nvcc" -arch=sm_80 -ptx -lineinfo -I "$cuda/include" kernels.cu -o "$work/nvcc.ptx"
clean "$work/nvcc.ptx" > nvcc_kernels.ptx
cp kernels.py "$work" && (cd "$work" && venv/bin/python kernels.py)
for name in softmax matmul attention; do
  clean "$work/triton_$name.ptx" > "triton_$name.ptx"
done
