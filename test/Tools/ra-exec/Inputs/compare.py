# compare.py A.npy B.npy TOLERANCE: exits with 1 unless two float32 arrays differ
# by at most the tolerance. No NumPy.
import array
import ast
import sys


def read(path):
    with open(path, "rb") as file:
        assert file.read(8) == b"\x93NUMPY\x01\x00"
        size = int.from_bytes(file.read(2), "little")
        header = ast.literal_eval(file.read(size).decode())
        assert header["descr"] == "<f4"
        return header["shape"], array.array("f", file.read())


(shape_a, a), (shape_b, b) = read(sys.argv[1]), read(sys.argv[2])
assert shape_a == shape_b and len(a) == len(b) > 0
most = max(abs(x - y) for x, y in zip(a, b))
sys.exit(0 if most <= float(sys.argv[3]) else 1)
