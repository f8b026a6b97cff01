# Compiles Triton kernels for sm_80 without a GPU.
import triton, triton.language as tl
from triton.compiler import ASTSource
from triton.backends.compiler import GPUTarget
import sys

@triton.jit
def softmax(out, x, stride, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    v = tl.load(x + row * stride + i, mask=i < columns, other=-float("inf"))
    v = tl.exp(v - tl.max(v, axis=0))
    tl.store(out + row * stride + i, v / tl.sum(v, axis=0), mask=i < columns)

@triton.jit
def matmul(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    pa = a + m[:, None] * K + k[None, :]
    pb = b + k[:, None] * N + n[None, :]
    acc = tl.zeros((BM, BN), tl.float32)
    for i in range(0, tl.cdiv(K, BK)):
        x = tl.load(pa, mask=k[None, :] < K - i * BK, other=0.0)
        y = tl.load(pb, mask=k[:, None] < K - i * BK, other=0.0)
        acc = tl.dot(x, y, acc)
        pa += BK
        pb += BK * N
    tl.store(c + m[:, None] * N + n[None, :], acc.to(tl.float16))

@triton.jit
def attention(q, k, v, out, scale, T, BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr):
    start, head = tl.program_id(0), tl.program_id(1)
    base = head * T * D
    m, d = start * BM + tl.arange(0, BM), tl.arange(0, D)
    x = tl.load(q + base + m[:, None] * D + d[None, :])
    top = tl.full((BM,), -float("inf"), tl.float32)
    total = tl.zeros((BM,), tl.float32)
    acc = tl.zeros((BM, D), tl.float32)
    for j in range(0, (start + 1) * BM, BN):
        n = j + tl.arange(0, BN)
        kk = tl.load(k + base + n[None, :] * D + d[:, None])
        s = tl.dot(x, kk) * scale
        s = tl.where(m[:, None] >= n[None, :], s, -float("inf"))
        new = tl.maximum(top, tl.max(s, 1))
        p = tl.exp2(s - new[:, None])
        alpha = tl.exp2(top - new)
        total = total * alpha + tl.sum(p, 1)
        vv = tl.load(v + base + n[:, None] * D + d[None, :])
        acc = tl.dot(p.to(tl.float16), vv, acc * alpha[:, None])
        top = new
    tl.store(out + base + m[:, None] * D + d[None, :], (acc / total[:, None]).to(tl.float16))

target = GPUTarget("cuda", 80, 32)
def build(fn, signature, constants, warps, stages, name):
    src = ASTSource(fn=fn, signature=signature, constexprs=constants, attrs={(i,): [["tt.divisibility", 16]] for i, (n, t) in enumerate(signature.items()) if t != "constexpr" and t != "fp32"})
    k = triton.compile(src, target=target, options={"num_warps": warps, "num_stages": stages})
    open(name, "w").write(k.asm["ptx"])
    print(name, k.metadata.shared, warps * 32)
build(softmax, {"out": "*fp32", "x": "*fp32", "stride": "i32", "columns": "i32", "BLOCK": "constexpr"}, {"BLOCK": 256}, 4, 2, "triton_softmax.ptx")
build(matmul, {"a": "*fp16", "b": "*fp16", "c": "*fp16", "M": "i32", "N": "i32", "K": "i32", "BM": "constexpr", "BN": "constexpr", "BK": "constexpr"}, {"BM": 64, "BN": 64, "BK": 32}, 4, 3, "triton_matmul.ptx")
build(attention, {"q": "*fp16", "k": "*fp16", "v": "*fp16", "out": "*fp16", "scale": "fp32", "T": "i32", "BM": "constexpr", "BN": "constexpr", "D": "constexpr"}, {"BM": 64, "BN": 32, "D": 64}, 4, 2, "triton_attention.ptx")
