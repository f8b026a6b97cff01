"""spoil.py IN TENSOR INDEX OUT   a copy of a safetensors file in which one f32 of a
tensor is off by one."""

import json
import struct
import sys

source, name, index, out = sys.argv[1:]
data = bytearray(open(source, "rb").read())
(size,) = struct.unpack_from("<Q", data)
begin = json.loads(data[8 : 8 + size])[name]["data_offsets"][0]
place = 8 + size + begin + 4 * int(index)
(value,) = struct.unpack_from("<f", data, place)
struct.pack_into("<f", data, place, value + 1)
open(out, "wb").write(data)
