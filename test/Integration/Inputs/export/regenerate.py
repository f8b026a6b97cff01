#!/usr/bin/env python3
"""Attention as exporters write it: regenerates the modules in this folder.

    python3 -m venv venv
    venv/bin/pip install torch torch-mlir jax
    venv/bin/python regenerate.py

Made with torch-mlir 20261001, torch 2.15.0 and jax 0.10.2 from the Python
package index. PyTorch modules go through torch_mlir.fx to linalg on tensors. JAX
functions are lowered to StableHLO and from there to linalg by torch-mlir-opt, as
the index has no package of StableHLO's own tools; the passes are those of
StableHLO, plus the inliner, since jax leaves masks in private functions.

Each file starts with what it was made from. The sizes are small so that the files
stay readable. The one thing added is the mark `ra.parameter` on weights.
"""

import math
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
B, T, H, D = 2, 16, 4, 8
C = H * D


def write(name, text, what, weights):
    """Writes a module; arguments after the first are marked as weights."""
    if weights:
        text = re.sub(r"(%arg[1-9]\d*: tensor<[^>]*>)", r"\1 {ra.parameter}", text)
    lines = [f"// {what}", "// Made by regenerate.py.", ""]
    (HERE / f"{name}.mlir").write_text("\n".join(lines) + text.strip() + "\n")


# PyTorch ---------------------------------------------------------------------


def export_torch():
    import torch
    import torch.nn.functional as F
    from torch_mlir import fx

    def export(name, what, function, *args, weights=False):
        class Module(torch.nn.Module):
            def forward(self, *inputs):
                return function(*inputs)

        module = fx.export_and_import(Module(), *args, output_type="linalg-on-tensors")
        write(name, str(module), what, weights)

    def rand(*shape, dtype=torch.float32):
        return torch.randn(*shape, dtype=dtype)

    def qkv(dtype=torch.float32, kv_heads=H):
        return (
            rand(B, H, T, D, dtype=dtype),
            rand(B, kv_heads, T, D, dtype=dtype),
            rand(B, kv_heads, T, D, dtype=dtype),
        )

    def manual(q, k, v):
        scores = q @ k.transpose(-2, -1) / math.sqrt(D)
        hidden = torch.ones(T, T, dtype=torch.bool).triu(1)
        return scores.masked_fill(hidden, float("-inf")).softmax(-1) @ v

    def heads(x):
        return x.view(B, T, H, D).transpose(1, 2)

    def block(x, wq, bq, wk, bk, wv, bv, wo, bo):
        q, k, v = (heads(F.linear(x, w, b)) for w, b in ((wq, bq), (wk, bk), (wv, bv)))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return F.linear(y.transpose(1, 2).reshape(B, T, C), wo, bo)

    def packed(x, w, b, wo):
        q, k, v = (heads(part) for part in F.linear(x, w, b).split(C, dim=-1))
        y = F.scaled_dot_product_attention(q, k, v)
        return F.linear(y.transpose(1, 2).reshape(B, T, C), wo)

    def reciprocal(x, wq, wk, wv, w_std, w_rec):
        q, k, v = (heads(F.linear(x, w)) for w in (wq, wk, wv))
        r = 2
        standard = q[..., :-r] @ k[..., :-r].transpose(-2, -1)
        back = k[..., -r:] @ q[..., -r:].transpose(-2, -1)
        gates = (g.view(1, H, 1, 1) for g in (w_std, w_rec))
        scores = (next(gates) * standard + next(gates) * back) / math.sqrt(D)
        hidden = torch.ones(T, T, dtype=torch.bool).triu(1)
        p = scores.masked_fill(hidden, float("-inf")).softmax(-1)
        return (p @ v).transpose(1, 2).reshape(B, T, C)

    export("torch_manual", "softmax(masked_fill(q k^T / sqrt(d))) v.", manual, *qkv())
    export("torch_sdpa", "scaled_dot_product_attention, causal.",
           lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), *qkv())
    export("torch_sdpa_mask", "scaled_dot_product_attention with an additive mask and a scale.",
           lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m, scale=0.25),
           *qkv(), rand(B, 1, T, T))
    export("torch_sdpa_half", "scaled_dot_product_attention in f16.",
           lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
           *qkv(torch.float16))
    export("torch_sdpa_grouped", "scaled_dot_product_attention with two key heads.",
           lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True),
           *qkv(kv_heads=2))
    export("torch_block", "Three projections, causal attention, output projection.",
           block, rand(B, T, C), *(rand(*shape) for shape in [(C, C), (C,)] * 4), weights=True)
    export("torch_packed", "One packed projection, split; attention; output projection.",
           packed, rand(B, T, C), rand(3 * C, C), rand(3 * C), rand(C, C),
           weights=True)
    export("torch_reciprocal", "The open-coded reciprocal block, gates per head, causal.",
           reciprocal, rand(B, T, C), rand(C, C), rand(C, C), rand(C, C), rand(H), rand(H),
           weights=True)


# JAX -------------------------------------------------------------------------


def export_jax():
    import jax
    import jax.numpy as jnp

    opt = pathlib.Path(sys.executable).with_name("torch-mlir-opt")
    passes = [
        "--inline",
        "--stablehlo-aggressive-simplification",
        "--stablehlo-legalize-to-linalg",
        "--canonicalize",
        "--cse",
    ]

    def export(name, what, function, *shapes, dtype=jnp.float32, weights=False):
        args = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
        text = jax.jit(function).lower(*args).as_text()
        result = subprocess.run([opt, *passes], input=text, capture_output=True, text=True, check=True)
        write(name, result.stdout, what, weights)

    def softmax(q, k, v):
        scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) / jnp.sqrt(D)
        return jnp.einsum("bhqk,bhkd->bhqd", jax.nn.softmax(scores, axis=-1), v)

    # jax.nn.dot_product_attention in f16 does not lower for a CPU.
    def half(q, k, v):
        scores = jnp.einsum("bhqd,bhkd->bhqk", q, k, preferred_element_type=jnp.float32)
        p = jax.nn.softmax(scores / math.sqrt(D), axis=-1).astype(q.dtype)
        return jnp.einsum("bhqk,bhkd->bhqd", p, v)

    def causal(q, k, v):
        return jax.nn.dot_product_attention(q, k, v, is_causal=True)

    def window(q, k, v):
        return jax.nn.dot_product_attention(q, k, v, local_window_size=(3, 0), scale=0.25)

    def bias(q, k, v, b):
        return jax.nn.dot_product_attention(q, k, v, bias=b)

    def heads(x):
        return x.reshape(B, T, H, D)

    def block(x, wq, bq, wk, bk, wv, bv, wo):
        q, k, v = (heads(x @ w + b) for w, b in ((wq, bq), (wk, bk), (wv, bv)))
        y = jax.nn.dot_product_attention(q, k, v, is_causal=True)
        return y.reshape(B, T, C) @ wo

    def reciprocal(x, wq, wk, wv, w_std, w_rec):
        q, k, v = (heads(x @ w).transpose(0, 2, 1, 3) for w in (wq, wk, wv))
        r = 2
        standard = jnp.einsum("bhid,bhjd->bhij", q[..., :-r], k[..., :-r])
        back = jnp.einsum("bhid,bhjd->bhji", q[..., -r:], k[..., -r:])
        scores = w_std[:, None, None] * standard + w_rec[:, None, None] * back
        scores = scores / jnp.sqrt(D)
        scores = jnp.where(jnp.tril(jnp.ones((T, T), dtype=bool)), scores, -jnp.inf)
        return jnp.einsum("bhij,bhjd->bihd", jax.nn.softmax(scores), v).reshape(B, T, C)

    bhtd, bthd = (B, H, T, D), (B, T, H, D)
    export("jax_softmax", "einsum, jax.nn.softmax, einsum.", softmax, bhtd, bhtd, bhtd)
    export("jax_causal", "jax.nn.dot_product_attention, causal.", causal, bthd, bthd, bthd)
    export("jax_half", "f16 operands, scores and softmax in f32, probabilities in f16.",
           half, bhtd, bhtd, bhtd, dtype=jnp.float16)
    export("jax_grouped", "jax.nn.dot_product_attention with two key heads, causal.",
           causal, bthd, (B, T, 2, D), (B, T, 2, D))
    export("jax_window", "jax.nn.dot_product_attention over the last four keys.",
           window, bthd, bthd, bthd)
    export("jax_bias", "jax.nn.dot_product_attention with a bias.",
           bias, bthd, bthd, bthd, (1, H, T, T))
    export("jax_block", "Three projections, causal attention, output projection.",
           block, (B, T, C), *([(C, C), (C,)] * 3), (C, C), weights=True)
    export("jax_reciprocal", "The open-coded reciprocal block, gates per head, causal.",
           reciprocal, (B, T, C), (C, C), (C, C), (C, C), (H,), (H,), weights=True)


if __name__ == "__main__":
    export_torch()
    export_jax()
