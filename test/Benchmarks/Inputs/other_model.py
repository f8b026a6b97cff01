"""Writes a model whose first layer has another query bias."""

import json
import struct
import sys

data = bytearray(open(sys.argv[1], "rb").read())
(size,) = struct.unpack_from("<Q", data)
entry = json.loads(data[8 : 8 + size])["encoder.layer.0.attention.self.query.bias"]
begin, end = (8 + size + offset for offset in entry["data_offsets"])
values = [4.0 * value for value in struct.unpack_from(f"<{(end - begin) // 4}f", data, begin)]
struct.pack_into(f"<{len(values)}f", data, begin, *values)
open(sys.argv[2], "wb").write(data)
