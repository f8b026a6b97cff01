"""session.py SERVER FILE.mlir   a session with a language server, as an editor has it.

Opens the file, hovers over its first ra.reciprocal_attention, and shuts down.
"""

import json
import pathlib
import subprocess
import sys

server, path = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
text = path.read_text()
line = next(n for n, row in enumerate(text.split("\n")) if "ra.reciprocal_attention {" in row)
column = text.split("\n")[line].index("ra.reciprocal_attention")

process = subprocess.Popen([server], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def send(method, params=None, id=None):
    message = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    if id is not None:
        message["id"] = id
    body = json.dumps(message).encode()
    process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    process.stdin.flush()


def receive():
    header = process.stdout.readline()
    assert header.startswith(b"Content-Length: "), header
    assert process.stdout.readline() == b"\r\n"
    return json.loads(process.stdout.read(int(header.split()[1])))


document = {"uri": path.as_uri()}
send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, id=1)
receive()
send("initialized", {})
send(
    "textDocument/didOpen",
    {"textDocument": {**document, "languageId": "mlir", "version": 1, "text": text}},
)
print("diagnostics:", len(receive()["params"]["diagnostics"]))
position = {"line": line, "character": column + 1}
send("textDocument/hover", {"textDocument": document, "position": position}, id=2)
print("hover:", receive()["result"]["contents"]["value"].split("\n")[0])
send("shutdown", id=3)
receive()
send("exit")
process.stdin.close()
assert process.stdout.read() == b""
print("exit status:", process.wait())
