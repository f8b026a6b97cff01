"""worker.py PEER CASE   one system of the benchmark page, in a process of its own.

CASE is a JSON object that scripts/bench/bench_cpu.py makes. The peer is checked on a
small shape against NumPy in f64 and set up on the case's shape; then one line of
JSON says so:

    {"ready": true, "version": "...", "max_error": 1e-6}

and each line of standard input, a number of seconds, is answered by calls for at
least that long:

    {"ms": {"PEER": milliseconds of one call}}

The process is confined by its parent to as many processors as the case has
threads, before any library that counts processors is loaded.
"""

import importlib.metadata
import json
import os
import sys
import time

import numpy as np

# Largest errors that pass on the small shape: a few roundings of the storage type
# at values of about 1.
TOLERANCE = {"f32": 1e-4, "f16": 1e-2, "bf16": 8e-2}
# A system whose call takes more seconds than this is left out of the case.
PATIENCE = 4


class Unavailable(Exception):
    """The peer cannot do the case; the reason is for the page."""


def small(case):
    """The case on a shape that NumPy does at once, ragged on purpose."""
    return dict(case, **{
        "attention": dict(B=1, H=2, T=49, D=64),
        "linear": dict(M=37, N=64, K=96),
        "block": dict(B=2, T=33, C=128, H=2, D=64, R=4),
    }[case["kind"]])


def make_inputs(case):
    """f32 arrays by name, rounded to the case's storage type."""
    random = np.random.default_rng(0)

    def draw(*shape, deviation=1.0):
        values = random.standard_normal(shape, dtype=np.float32) * np.float32(deviation)
        return round_to(values, case["dtype"])

    if case["kind"] == "attention":
        shape = case["B"], case["H"], case["T"], case["D"]
        if case.get("packed"):
            # As a packed projection leaves them: [B, T, 3, H, D].
            packed = draw(case["B"], case["T"], 3, case["H"], case["D"])
            parts = {n: packed[:, :, i].swapaxes(1, 2) for i, n in enumerate("qkv")}
            return dict(parts, packed=packed)
        return {name: draw(*shape) for name in "qkv"}
    if case["kind"] == "linear":
        weight = draw(case["N"], case["K"], deviation=case["K"] ** -0.5)
        return {"x": draw(case["M"], case["K"]), "w": weight}
    c, deviation = case["C"], case["C"] ** -0.5
    inputs = {"x": draw(case["B"], case["T"], c)}
    for name in "qkvo":
        inputs["w" + name] = draw(c, c, deviation=deviation)
        inputs["b" + name] = draw(c, deviation=deviation)
    inputs["w_std"] = round_to(random.uniform(0.5, 1, case["H"]).astype(np.float32), case["dtype"])
    inputs["w_rec"] = round_to(random.uniform(0.05, 1, case["H"]).astype(np.float32), case["dtype"])
    return inputs


def round_to(values, dtype):
    if dtype == "f16":
        return values.astype(np.float16).astype(np.float32)
    if dtype == "bf16":
        # Round to nearest even on the upper half.
        bits = values.view(np.uint32)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        return bits.astype(np.uint32).view(np.float32)
    return values


# ----------------------------------------------------------------------------
# The definition, in f64
# ----------------------------------------------------------------------------


def softmax_product(scores, v, causal):
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True) @ v


def reference(case, inputs, reciprocal):
    inputs = {name: value.astype(np.float64) for name, value in inputs.items()}
    if case["kind"] == "linear":
        return inputs["x"] @ inputs["w"].T
    if case["kind"] == "attention":
        q, k, v = (inputs[name] for name in "qkv")
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(case["D"])
        return softmax_product(scores, v, case["causal"])
    b, t, h, d, r = (case[name] for name in ("B", "T", "H", "D", "R"))

    def heads(name):
        y = inputs["x"] @ inputs["w" + name].T + inputs["b" + name]
        return y.reshape(b, t, h, d).swapaxes(1, 2)

    q, k, v = heads("q"), heads("k"), heads("v")
    if reciprocal:
        std, rec = (inputs[name][:, None, None] for name in ("w_std", "w_rec"))
        scores = std * (q[..., : d - r] @ k[..., : d - r].swapaxes(-1, -2))
        scores = scores + rec * (k[..., d - r :] @ q[..., d - r :].swapaxes(-1, -2))
    else:
        scores = q @ k.swapaxes(-1, -2)
    o = softmax_product(scores / np.sqrt(d), v, True)
    return o.swapaxes(1, 2).reshape(b, t, h * d) @ inputs["wo"].T + inputs["bo"]


# ----------------------------------------------------------------------------
# PyTorch
# ----------------------------------------------------------------------------


def torch_peer(case, inputs, compiled=False, reciprocal=False):
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(case["threads"])
    torch.set_grad_enabled(False)
    dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[case["dtype"]]
    tensors = {name: torch.from_numpy(value).to(dtype) for name, value in inputs.items()}

    if case["kind"] == "attention" and case.get("packed"):
        args = (tensors["packed"],)

        def function(packed):
            q, k, v = packed.permute(2, 0, 3, 1, 4)
            return F.scaled_dot_product_attention(q, k, v, is_causal=case["causal"])

    elif case["kind"] == "attention":
        args = tuple(tensors[name] for name in "qkv")

        def function(q, k, v):
            return F.scaled_dot_product_attention(q, k, v, is_causal=case["causal"])

    elif case["kind"] == "linear":
        args = tensors["x"], tensors["w"]
        function = F.linear
    else:
        h, d, r = case["H"], case["D"], case["R"]
        packed = torch.cat([tensors["w" + name] for name in "qkv"])
        bias = torch.cat([tensors["b" + name] for name in "qkv"])
        std, rec = (tensors[name][:, None, None] for name in ("w_std", "w_rec"))
        mask = torch.ones(case["T"], case["T"], dtype=torch.bool).tril()
        args = tensors["x"], packed, bias, tensors["wo"], tensors["bo"]

        def function(x, packed, bias, wo, bo):
            b, t, c = x.shape
            q, k, v = F.linear(x, packed, bias).view(b, t, 3, h, d).permute(2, 0, 3, 1, 4)
            if reciprocal:
                scores = std * (q[..., : d - r] @ k[..., : d - r].mT)
                scores = scores + rec * (k[..., d - r :] @ q[..., d - r :].mT)
                scores = (scores * d**-0.5).masked_fill(~mask, float("-inf"))
                o = torch.softmax(scores, -1) @ v
            else:
                o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return F.linear(o.transpose(1, 2).reshape(b, t, c), wo, bo)

    if compiled:
        function = torch.compile(function, dynamic=False)
    result = [None]

    def call():
        result[0] = function(*args)

    return call, lambda: result[0].to(torch.float32).numpy(), "PyTorch " + torch.__version__


# ----------------------------------------------------------------------------
# JAX
# ----------------------------------------------------------------------------


def jax_peer(case, inputs):
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import jax.numpy as jnp

    dtype = {"f32": jnp.float32, "f16": jnp.float16, "bf16": jnp.bfloat16}[case["dtype"]]
    arrays = {name: jnp.asarray(value, dtype) for name, value in inputs.items()}
    if case["kind"] == "attention" and case.get("packed"):
        args = (arrays["packed"],)

        def function(packed):
            q, k, v = (packed[:, :, i] for i in range(3))
            return jax.nn.dot_product_attention(q, k, v, is_causal=case["causal"])

        fetch = lambda y: np.asarray(y, np.float32).swapaxes(1, 2)
    elif case["kind"] == "attention":
        # Its own layout is [B, T, H, D].
        args = tuple(jnp.asarray(arrays[name].swapaxes(1, 2)) for name in "qkv")

        def function(q, k, v):
            return jax.nn.dot_product_attention(q, k, v, is_causal=case["causal"])

        fetch = lambda y: np.asarray(y, np.float32).swapaxes(1, 2)
    elif case["kind"] == "linear":
        args = arrays["x"], arrays["w"]
        function = lambda x, w: x @ w.T
        fetch = lambda y: np.asarray(y, np.float32)
    else:
        h, d = case["H"], case["D"]
        packed = jnp.concatenate([arrays["w" + name] for name in "qkv"])
        bias = jnp.concatenate([arrays["b" + name] for name in "qkv"])
        args = arrays["x"], packed, bias, arrays["wo"], arrays["bo"]

        def function(x, packed, bias, wo, bo):
            b, t, c = x.shape
            qkv = (x @ packed.T + bias).reshape(b, t, 3, h, d)
            o = jax.nn.dot_product_attention(
                qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2], is_causal=True
            )
            return o.reshape(b, t, c) @ wo.T + bo

        fetch = lambda y: np.asarray(y, np.float32)
    jitted = jax.jit(function)
    result = [None]

    def call():
        result[0] = jitted(*args).block_until_ready()

    return call, lambda: fetch(result[0]), "JAX " + jax.__version__


# ----------------------------------------------------------------------------
# ONNX Runtime
# ----------------------------------------------------------------------------


def onnxruntime_peer(case, inputs, standard=False):
    """`standard`: ONNX's own Attention (opset 23), else com.microsoft's."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    if case["dtype"] == "bf16":
        raise Unavailable("has no bf16 on the CPU")
    if case.get("packed"):
        raise Unavailable("has no operator for this packed layout")
    element = {"f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT16}[case["dtype"]]
    numpy_type = {"f32": np.float32, "f16": np.float16}[case["dtype"]]
    values = {name: value.astype(numpy_type) for name, value in inputs.items()}
    constants, feeds = {}, {}
    back = lambda y: y
    if case["kind"] == "linear":
        # A constant weight, which the runtime packs when it loads the model.
        constants["wt"] = np.ascontiguousarray(values["w"].T)
        feeds["x"] = values["x"]
        nodes = [helper.make_node("MatMul", ["x", "wt"], ["y"])]
    elif case["kind"] == "attention" and standard:
        feeds = {name: values[name] for name in "qkv"}
        nodes = [helper.make_node("Attention", ["q", "k", "v"], ["y"], is_causal=int(case["causal"]))]
    elif case["kind"] == "attention":
        b, h, t, d = (case[name] for name in "BHTD")
        merge = lambda a: np.ascontiguousarray(a.swapaxes(1, 2).reshape(b, t, h * d))
        feeds = {name: merge(values[name]) for name in "qkv"}
        nodes = [
            helper.make_node(
                "MultiHeadAttention", ["q", "k", "v"], ["y"], domain="com.microsoft",
                num_heads=h, unidirectional=int(case["causal"]),
            )
        ]
        back = lambda y: y.reshape(b, t, h, d).swapaxes(1, 2)
    else:
        h = case["H"]
        constants["packed"] = np.ascontiguousarray(np.concatenate([values["w" + n] for n in "qkv"]).T)
        constants["bias"] = np.concatenate([values["b" + n] for n in "qkv"])
        constants["wo"], constants["bo"] = np.ascontiguousarray(values["wo"].T), values["bo"]
        constants["parts"] = np.array([case["C"]] * 3, np.int64)
        feeds["x"] = values["x"]
        nodes = [
            helper.make_node("MatMul", ["x", "packed"], ["p"]),
            helper.make_node("Add", ["p", "bias"], ["pb"]),
            helper.make_node("Split", ["pb", "parts"], ["q", "k", "v"], axis=-1),
            helper.make_node(
                "MultiHeadAttention", ["q", "k", "v"], ["o"], domain="com.microsoft",
                num_heads=h, unidirectional=1,
            ),
            helper.make_node("MatMul", ["o", "wo"], ["z"]),
            helper.make_node("Add", ["z", "bo"], ["y"]),
        ]
    graph = helper.make_graph(
        nodes, "case",
        [helper.make_tensor_value_info(n, element, v.shape) for n, v in feeds.items()],
        [helper.make_tensor_value_info("y", element, None)],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    model = helper.make_model(
        graph, ir_version=10,
        opset_imports=[helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)],
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case["threads"]
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # Its exceptions have no base of their own.
        raise Unavailable(str(error).splitlines()[0][:160]) from None
    binding = session.io_binding()
    for name, value in feeds.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value))
    binding.bind_output("y", "cpu")

    def call():
        session.run_with_iobinding(binding)

    version = "ONNX Runtime " + onnxruntime.__version__
    return call, lambda: back(binding.copy_outputs_to_cpu()[0]).astype(np.float32), version


# ----------------------------------------------------------------------------
# IREE
# ----------------------------------------------------------------------------


def iree_module(case):
    e = case["dtype"]
    if case["kind"] == "linear":
        m, n, k = case["M"], case["N"], case["K"]
        return f"""
func.func @main(%x: tensor<{m}x{k}x{e}>, %w: tensor<{n}x{k}x{e}>) -> tensor<{m}x{n}xf32> {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{m}x{n}xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
      affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<{m}x{k}x{e}>, tensor<{n}x{k}x{e}>)
      outs(%f : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  return %y : tensor<{m}x{n}xf32>
}}"""
    # Products and softmax: IREE 3.13 makes code of them that is 13 times as fast as
    # that of its own attention op (T=1024, full: 112 ms, 1466 ms).
    heads = case["B"] * case["H"]
    t, d = case["T"], case["D"]
    rows, scores = f"tensor<{heads}x{t}x{d}x{e}>", f"tensor<{heads}x{t}x{t}xf32>"
    mask = """
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %visible = arith.cmpi sle, %j, %i : index
    %score = arith.select %visible, %scaled, %hidden : f32""" if case["causal"] else ""
    result = rows.replace(e, "f32")
    same = "affine_map<(b, m, n) -> (b, m, n)>"
    return f"""
func.func @main(%q: {rows}, %k: {rows}, %v: {rows}) -> {result} {{
  %zero = arith.constant 0.0 : f32
  %hidden = arith.constant -1.0e30 : f32
  %scale = arith.constant {d**-0.5} : f32
  %es = tensor.empty() : {scores}
  %zs = linalg.fill ins(%zero : f32) outs(%es : {scores}) -> {scores}
  %qk = linalg.batch_matmul indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>,
      affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : {rows}, {rows}) outs(%zs : {scores}) -> {scores}
  %s = linalg.generic {{indexing_maps = [{same}, {same}],
      iterator_types = ["parallel", "parallel", "parallel"]}}
      ins(%qk : {scores}) outs(%es : {scores}) {{
  ^bb0(%x: f32, %unused: f32):
    %scaled = arith.mulf %x, %scale : f32{mask}
    linalg.yield {"%score" if case["causal"] else "%scaled"} : f32
  }} -> {scores}
  %p = linalg.softmax dimension(2) ins(%s : {scores}) outs(%es : {scores}) -> {scores}
  %eo = tensor.empty() : {result}
  %zo = linalg.fill ins(%zero : f32) outs(%eo : {result}) -> {result}
  %o = linalg.batch_matmul ins(%p, %v : {scores}, {rows}) outs(%zo : {result}) -> {result}
  return %o : {result}
}}"""


def iree_peer(case, inputs):
    import iree.compiler
    import iree.runtime

    if case["kind"] == "block":
        raise Unavailable("has no front end here that would take the block")
    if case["dtype"] == "bf16":
        raise Unavailable("takes no bf16 from NumPy")
    if case.get("packed"):
        raise Unavailable("is not measured on the packed layout")
    threads = case["threads"]
    if threads == 1:
        device_name = "local-sync"
    else:
        iree.runtime.flags.parse_flags(f"--task_topology_group_count={threads}")
        device_name = "local-task"
    try:
        binary = iree.compiler.compile_str(
            iree_module(case), target_backends=["llvm-cpu"],
            extra_args=["--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3"],
        )
    except iree.compiler.CompilerToolError as error:
        lines = [line for line in str(error).splitlines() if "error:" in line]
        raise Unavailable((lines or ["does not compile it"])[0][-160:]) from None
    device = iree.runtime.get_device(device_name)
    config = iree.runtime.Config(device=device)
    module = iree.runtime.load_vm_module(
        iree.runtime.VmModule.copy_buffer(config.vm_instance, binary), config
    )
    names = ["x", "w"] if case["kind"] == "linear" else list("qkv")
    numpy_type = {"f32": np.float32, "f16": np.float16}[case["dtype"]]
    arrays = []
    for name in names:
        value = inputs[name].astype(numpy_type)
        if case["kind"] == "attention":
            value = value.reshape(-1, case["T"], case["D"])
        arrays.append(iree.runtime.asdevicearray(device, value))
    main, result = module["main"], [None]

    def call():
        result[0] = main(*arrays)

    def fetch():
        y = result[0].to_host().astype(np.float32)
        return y if case["kind"] == "linear" else y.reshape(inputs["q"].shape)

    return call, fetch, "IREE " + importlib.metadata.version("iree-base-runtime")


PEERS = {
    "torch": torch_peer,
    "torch-compile": lambda case, inputs: torch_peer(case, inputs, compiled=True),
    "torch-ra": lambda case, inputs: torch_peer(case, inputs, reciprocal=True),
    "torch-ra-compile": lambda case, inputs: torch_peer(case, inputs, True, True),
    "jax": jax_peer,
    "onnxruntime": onnxruntime_peer,
    "onnxruntime-opset": lambda case, inputs: onnxruntime_peer(case, inputs, standard=True),
    "iree": iree_peer,
}


def main():
    name, case = sys.argv[1], json.loads(sys.argv[2])
    make = PEERS[name]
    try:
        tried = small(case)
        inputs = make_inputs(tried)
        call, fetch, version = make(tried, inputs)
        call()
        error = float(np.abs(fetch() - reference(tried, inputs, "-ra" in name)).max())
        if not error <= TOLERANCE[case["dtype"]]:
            raise Unavailable(f"is wrong by {error:.1e} on the small shape")
        call, fetch, version = make(case, make_inputs(case))
        # Some compile in the first call.
        call()
        # Processor time: the others are being set up meanwhile.
        start = time.process_time()
        call()
        seconds = (time.process_time() - start) / case["threads"]
        if seconds > PATIENCE:
            raise Unavailable(f"takes {seconds:.0f} s for a call, more than {PATIENCE} s")
    except Unavailable as reason:
        print(json.dumps({"ready": False, "reason": str(reason)}), flush=True)
        return
    except ImportError as missing:
        print(json.dumps({"ready": False, "reason": f"not installed ({missing})"}), flush=True)
        return
    except Exception as error:  # Whatever a peer throws is a reason.
        reason = f"fails: {(str(error).splitlines() or [type(error).__name__])[0][:160]}"
        print(json.dumps({"ready": False, "reason": reason}), flush=True)
        return
    print(json.dumps({"ready": True, "version": version, "max_error": error}), flush=True)
    for line in sys.stdin:
        wanted = float(line)
        calls, start = 0, time.perf_counter()
        while True:
            call()
            calls += 1
            elapsed = time.perf_counter() - start
            if elapsed >= wanted:
                break
        print(json.dumps({"ms": {name: elapsed / calls * 1e3}}), flush=True)


if __name__ == "__main__":
    main()
