"""checkpoint.py OUT FAMILY LAYERS CHANNELS HEADS KV_HEADS HEAD_DIM [KEY=VALUE...]

Writes a random checkpoint: weights U(+-1/sqrt(C)) of f32. KEY=VALUE: seed=N,
bias=0, extra=NAME (one more tensor), x=FILE (also writes activations N(0, 1) of
[2, T, C] as .npy, T from length=N).
"""

import array
import json
import random
import struct
import sys

out, family = sys.argv[1:3]
layers, channels, heads, kv_heads, dim = map(int, sys.argv[3:8])
options = dict(each.split("=", 1) for each in sys.argv[8:])
source = random.Random(int(options.get("seed", 1)))
bias = options.get("bias", "1") == "1"
bound = channels**-0.5
tensors = {}


def add(name, *shape):
    count = 1
    for extent in shape:
        count *= extent
    values = array.array("f", (source.uniform(-bound, bound) for _ in range(count)))
    tensors[name] = (list(shape), values.tobytes())


def project(name, rows):
    add(name + ".weight", rows, channels)
    if bias:
        add(name + ".bias", rows)


add("wte.weight", 7, channels)
q, k = heads * dim, kv_heads * dim
for layer in range(layers):
    if family == "gpt2":
        prefix = f"h.{layer}.attn."
        add(prefix + "c_attn.weight", channels, q + 2 * k)
        if bias:
            add(prefix + "c_attn.bias", q + 2 * k)
        add(prefix + "c_proj.weight", q, channels)
    elif family == "linear":
        project(f"blocks.{layer}.attn.qkv", q + 2 * k)
        add(f"blocks.{layer}.attn.proj.weight", channels, q)
    elif family == "llama":
        for name, rows in (("k", k), ("q", q), ("v", k)):
            project(f"model.layers.{layer}.self_attn.{name}_proj", rows)
        add(f"model.layers.{layer}.self_attn.o_proj.weight", channels, q)
    elif family == "bert":
        for name, rows in (("key", k), ("query", q), ("value", k)):
            project(f"encoder.layer.{layer}.attention.self.{name}", rows)
        add(f"encoder.layer.{layer}.attention.output.dense.weight", channels, q)
    add(f"mlp.{layer}.weight", 3, channels)
if "extra" in options:
    add(options["extra"], 4)

header, offset = {"__metadata__": {"format": "pt"}}, 0
for name, (shape, data) in tensors.items():
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(data)]}
    offset += len(data)
# As ra writes it, so that files can be compared byte for byte.
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open(out, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for _, data in tensors.values():
        file.write(data)

if "x" in options:
    length = int(options.get("length", 16))
    values = array.array("f", (source.gauss(0, 1) for _ in range(2 * length * channels)))
    shape = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (2, {length}, {channels}), }}"
    shape += " " * (-(len(shape) + 11) % 64) + "\n"
    with open(options["x"], "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(shape)) + shape.encode())
        file.write(values.tobytes())
