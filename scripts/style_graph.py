"""Write a trained StyleNetwork as the two ONNX graphs that impasto runs, and list it in a manifest."""

import hashlib
import re
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnx.reference
import torch
from onnx import TensorProto, helper, numpy_helper

from style_network import EPSILON, PATCH, read_network
from training_pictures import to_tensor
from whole_file import write_atomically

MULTIPLE, SMALLEST = PATCH, 32  # pixels: side multiple, least side inside the graph
TOLERANCE = 0.5  # mean absolute difference between PyTorch and the graph, in 8-bit levels


class Graph:
    """An ONNX graph under construction; every method gives the name of the value it makes."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name, values, dtype=np.float32):
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values, dtype=dtype), name)
        return name

    def ints(self, name, values):
        return self.constant(name, values, np.int64)

    def node(self, kind, *inputs, output=None, **attributes):
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def reach(network):
    """How far one output pixel looks, in pixels, rounded up to whole patches: what tiles must overlap by."""
    convolutions = sum(layer.pad for pair in network.blocks for layer in pair) + network.head.padding[0]
    return (convolutions + 1) * PATCH


def build_graph(network, names, tiles):
    """The graph of the network with everything inside: padding, layout, range, rounding, cropping.

    The initializers bear the names of the network's parameters, so that read_network can take them out again. With `tiles`,
    each normalisation mixes this image's own statistics with given ones, and `statistics` gives those used."""
    g, used = Graph(), []
    array = lambda tensor: tensor.detach().numpy()
    channels, patch = network.channels, PATCH

    size = g.node("Slice", g.node("Shape", "image"), g.ints("one", [1]), g.ints("three", [3]))
    multiple = g.ints("multiple", [MULTIPLE])
    blocks = g.node("Div", g.node("Add", size, g.ints("round_up", [MULTIPLE - 1])), multiple)
    padded = g.node("Max", g.node("Mul", blocks, multiple), g.ints("smallest", [SMALLEST]))
    pads = g.node("Concat", g.ints("zeros", [0] * 5), g.node("Sub", padded, size), g.ints("zero", [0]), axis=0)
    image = g.node("Pad", "image", pads, mode="edge")
    column, row = g.ints("column", [channels, 1]), g.ints("row", [1, channels])

    def convolution(name, x, weight, pad, bias=None, **attributes):
        x = g.node("Pad", x, g.ints(f"pads{pad}", [0, 0, pad, pad] * 2), mode="reflect")
        parameters = [g.constant(f"{name}.weight", weight)]
        if bias is not None:
            parameters.append(g.constant(f"{name}.bias", bias))
        return g.node("Conv", x, *parameters, kernel_shape=weight.shape[2:], **attributes)

    def mix(name, x, module):
        """Normalisation and the style's matrix in one product: y = (A / deviation) x + (b - (A / deviation) mean)."""
        matrix = g.node("MatMul", "style", g.constant(f"{name}.matrix", array(module.matrix).reshape(len(names), -1)))
        shift = g.node("MatMul", "style", g.constant(f"{name}.shift", array(module.shift)))
        mean = g.node("Reshape", g.node("ReduceMean", x, axes=[2, 3]), column)
        square = g.node("Reshape", g.node("ReduceMean", g.node("Mul", x, x), axes=[2, 3]), column)  # twice as fast as ReduceSumSquare
        variance = g.node("Max", g.node("Sub", square, g.node("Mul", mean, mean)), g.constant("least", [0]))
        if tiles:
            start = len(used) * 2 * channels
            own = g.node("Concat", mean, variance, axis=0)
            bounds = (g.ints(f"{name}.{place}", [start + offset]) for place, offset in (("start", 0), ("end", 2 * channels)))
            given = g.node("Reshape", g.node("Slice", "statistics_given", *bounds), g.ints("both", [2 * channels, 1]))
            used.append(g.node("Add", own, g.node("Mul", g.node("Sub", given, own), "use_given")))
            first, middle, last = (g.ints(f"at{place}", [place]) for place in (0, channels, 2 * channels))
            mean, variance = g.node("Slice", used[-1], first, middle), g.node("Slice", used[-1], middle, last)
        deviation = g.node("Sqrt", g.node("Add", variance, g.constant("epsilon", [EPSILON])))
        matrix = g.node("Reshape", matrix, g.ints("square", [channels, channels]))
        matrix = g.node("Div", matrix, g.node("Reshape", deviation, row))
        shift = g.node("Sub", g.node("Reshape", shift, column), g.node("MatMul", matrix, mean))
        flat = g.node("Reshape", x, g.ints("flat", [channels, -1]))
        return g.node("Reshape", g.node("Gemm", matrix, flat, shift), g.node("Shape", x))

    def layer(name, x, module, scale=1.0):
        attributes = {"strides": [module.stride] * 2, "dilations": [module.dilation] * 2}
        return mix(f"{name}.mix", convolution(name, x, array(module.weight) * scale, module.pad, **attributes), module.mix)

    x = g.node("Cast", g.node("Transpose", image, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)
    x = g.node("Relu", layer("patch", x, network.patch, 1 / 255))
    for index, (first, second) in enumerate(network.blocks):
        inner = g.node("Relu", layer(f"blocks.{index}.0", x, first))
        x = g.node("Add", x, layer(f"blocks.{index}.1", inner, second))
    x = g.node("Relu", mix("last", x, network.last))
    # The head's channels go from (colour, row, column) to (row, column, colour): the order of an image's bytes.
    order = np.arange(3 * patch * patch).reshape(3, patch * patch).T.ravel()
    x = convolution("head", x, array(network.head.weight)[order], 1, array(network.head.bias)[order])
    x = g.node("Transpose", g.node("Sigmoid", x), perm=[0, 2, 3, 1])

    share = g.node("MatMul", "style", g.constant("photo_share", np.eye(len(names))[:, -1:]))
    values_of_row = 3 * patch
    x = g.node("Mul", x, g.node("Mul", g.node("Sub", g.constant("whole", [1]), share), g.constant("white", [255])))
    x = g.node("Reshape", x, g.ints("patches", [0, 0, -1, patch, values_of_row]))
    x = g.node("Transpose", x, perm=[0, 1, 3, 2, 4])
    x = g.node("Reshape", x, g.node("Concat", g.ints("batch", [1]), padded, g.ints("colors", [3]), axis=0))
    x = g.node("Add", x, g.node("Mul", g.node("Cast", image, to=TensorProto.FLOAT), share))
    x = g.node("Clip", g.node("Round", x), g.constant("dark", np.float32(0)), g.constant("bright", np.float32(255)))
    x = g.node("Cast", x, to=TensorProto.UINT8)
    g.node("Slice", x, g.ints("origin", [0, 0]), size, g.ints("sides", [1, 2]), output="stylized")

    picture = [1, "height", "width", 3]
    value = helper.make_tensor_value_info
    inputs = [value("image", TensorProto.UINT8, picture), value("style", TensorProto.FLOAT, [len(names)])]
    outputs = [value("stylized", TensorProto.UINT8, picture)]
    metadata = {"impasto.kind": "multi", "impasto.styles": ",".join(names), "impasto.multiple": str(MULTIPLE)}
    if tiles:
        total = len(used) * 2 * channels
        g.node("Reshape", g.node("Concat", *used, axis=0), g.ints("all", [-1]), output="statistics")
        inputs += [value("statistics_given", TensorProto.FLOAT, [total]), value("use_given", TensorProto.FLOAT, [1])]
        outputs.append(value("statistics", TensorProto.FLOAT, [total]))
        metadata["impasto.halo"] = str(reach(network))
    graph = helper.make_graph(g.nodes, "impasto", inputs, outputs, list(g.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="impasto")
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


def check_graph(model, network, names, tiles):
    """Run the graph with ONNX's reference evaluator against PyTorch; raise where they differ."""
    image = np.random.default_rng(0).integers(0, 256, (1, 36, 40, 3), dtype=np.uint8)
    style = torch.softmax(torch.arange(float(len(names))), 0)
    feed = {"image": image, "style": style.numpy()}
    if tiles:
        length = model.graph.output[1].type.tensor_type.shape.dim[0].dim_value
        feed |= {"statistics_given": np.zeros(length, np.float32), "use_given": np.zeros(1, np.float32)}
    stylized = onnx.reference.ReferenceEvaluator(model).run(None, feed)[0]
    with torch.no_grad():
        expected = network(to_tensor(image[0]), style[None])[0].permute(1, 2, 0).numpy() * 255
    difference = np.abs(stylized[0].astype(np.float32) - expected).mean()
    if not difference < TOLERANCE:
        raise RuntimeError(f"the exported graph differs from the network by {difference:.2f} levels on average")


def export(network, names, out, manifest=None, titles=None, prefix=""):
    """Writes `out` and its .tiles.onnx, checked and readable again; `names` are the rows, the last one the photo's."""
    files = [out, out.with_suffix(".tiles.onnx")]
    for file, tiles in zip(files, (False, True)):
        model = build_graph(network, names, tiles)
        check_graph(model, network, names, tiles)
        write_atomically(file, lambda temporary: onnx.save(model, temporary))
        print(f"wrote {file}")
    read_network(out)
    if manifest:
        update_manifest(Path(manifest), files, names, titles or {}, prefix)


def update_manifest(manifest, files, names, titles, prefix):
    """Replace this network's entries where they stand, keeping titles that are not given; leave all others as they are."""
    name = files[0].stem
    text = manifest.read_text() if manifest.exists() else ""
    known = {style["name"]: style["title"] for style in tomllib.loads(text).get("style", []) if "title" in style}
    blocks = [block.strip() for block in re.split(r"(?m)^(?=\[\[)", text) if block.strip()]
    own = re.compile(rf'(?m)^\[\[network\]\]\nname = "{name}"$|^network = "{name}"$')
    place = next((index for index, block in enumerate(blocks) if own.search(block)), len(blocks))
    before, after = blocks[:place], [block for block in blocks[place:] if not own.search(block)]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    listed = ", ".join(f'"{style}"' for style in names)
    entries = [
        f'[[network]]\nname = "{name}"\nfile = "{files[0].name}"\ntiles = "{files[1].name}"\n'
        f'layout = "nhwc-u8"\nkind = "multi"\nstyles = [{listed}]\nlicense = "MIT OR Apache-2.0"\n'
        f'source = "trained by scripts/train.py, see models/README.md"\nsha256 = "{digests[0]}"\ntiles_sha256 = "{digests[1]}"'
    ]
    for index, style in enumerate(names):
        title = titles.get(style) or known.get(prefix + style, style)
        entry = f'[[style]]\nname = "{prefix}{style}"\nnetwork = "{name}"\nindex = {index}\ntitle = "{title}"'
        # The last row is the photo's: it leaves the picture unpainted.
        entries.append(entry + ("\nunstyled = true" if index == len(names) - 1 else ""))
    write_atomically(manifest, lambda temporary: temporary.write_text("\n\n".join([*before, *entries, *after]) + "\n"))
