#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0"]
# ///
"""Turn a network of the pytorch/examples fast_neural_style family into an ONNX file for pictures of any size.

    import_style.py candy.pth -o candy.onnx
    import_style.py candy-9.onnx -o candy.onnx

Takes the checkpoints of that example (candy.pth, mosaic.pth, rain_princess.pth, udnie.pth; old ones too), and ONNX files
exported from it for one fixed size. Nothing in a checkpoint is executed. The graph is built from scratch; the result of
an ONNX file is compared with the original's.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from impasto_networks.files import write_atomically
from impasto_networks.graph import Graph, checked
from impasto_networks.torch_file import read_tensors

RESIDUALS = [f"res{block}.{layer}" for block in range(1, 6) for layer in (1, 2)]
# The convolutions of transformer_net.py in the order of the data, with the normalisation after each, by their names there.
LAYERS = [
    ("conv1", "in1"), ("conv2", "in2"), ("conv3", "in3"),
    *((name.replace(".", ".conv"), name.replace(".", ".in")) for name in RESIDUALS),
    ("deconv1", "in4"), ("deconv2", "in5"), ("deconv3", None),
]  # fmt: skip
KERNELS = {"conv1": 9, "deconv3": 9}  # all others 3
EPSILON = 1e-5  # of torch.nn.InstanceNorm2d
UNUSED = (".running_mean", ".running_var", ".num_batches_tracked")  # PyTorch before 0.4 saved them; they play no part
SAMPLE = (224, 224)  # height, width: of the comparison, where the original takes any size
TOLERANCE = 0.5  # largest difference to the original, in levels of 255


class NotOfTheFamily(ValueError):
    """The file cannot be imported; the text says why."""


def expected_shapes(weights):
    """Shape by name. The widths of the first three layers are the checkpoint's own (32, 64, 128 in the example)."""
    try:
        widths = [weights[f"conv{number}.conv2d.weight"].shape[0] for number in (1, 2, 3)]
    except (KeyError, AttributeError, IndexError):
        widths = [32, 64, 128]
    ends = [3, *widths, *[widths[2]] * len(RESIDUALS), widths[1], widths[0], 3]
    shapes = {}
    for (conv, norm), inputs, outputs in zip(LAYERS, ends, ends[1:]):
        kernel = KERNELS.get(conv, 3)
        shapes[f"{conv}.conv2d.weight"] = (outputs, inputs, kernel, kernel)
        shapes[f"{conv}.conv2d.bias"] = (outputs,)
        if norm:
            shapes[f"{norm}.weight"] = shapes[f"{norm}.bias"] = (outputs,)
    return shapes


def check_weights(weights, path):
    """The weights as float32, exactly those of the family."""
    shapes = expected_shapes(weights)
    problems = [f"{name} is missing" for name in shapes if name not in weights]
    problems += [f"{name} is not part of it" for name in weights if name not in shapes]
    for name in shapes.keys() & weights.keys():
        found = getattr(weights[name], "shape", "no tensor")
        if found != shapes[name]:
            problems.append(f"{name} is {found}, not {shapes[name]}")
        elif not np.isfinite(weights[name]).all():
            problems.append(f"{name} holds values that are not finite")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise NotOfTheFamily(f"'{path}' is not a network of pytorch/examples fast_neural_style: {', '.join(problems[:3])}{more}")
    return {name: np.asarray(weights[name], np.float32) for name in shapes}


def read_checkpoint(path):
    tensors = read_tensors(path)
    tensors = tensors.get("state_dict", tensors)  # some training scripts wrap it, and DataParallel adds a prefix
    tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return {name: value for name, value in tensors.items() if not name.endswith(UNUSED)}


def read_onnx(model, path):
    """The weights of an exported network. Its graph is one chain, so its layers are met in the order of LAYERS."""
    constants = {value.name: numpy_helper.to_array(value) for value in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    found = {kind: [n for n in model.graph.node if n.op_type == kind] for kind in ("Conv", "InstanceNormalization")}
    norms = [norm for _, norm in LAYERS if norm]
    counts = len(found["Conv"]), len(found["InstanceNormalization"])
    if counts != (len(LAYERS), len(norms)):
        raise NotOfTheFamily(
            f"'{path}' is not a network of pytorch/examples fast_neural_style: it has {counts[0]} convolutions and "
            f"{counts[1]} instance normalisations, not {len(LAYERS)} and {len(norms)}"
        )
    weights = {}
    names = [f"{conv}.conv2d" for conv, _ in LAYERS] + norms
    for name, node in zip(names, found["Conv"] + found["InstanceNormalization"]):
        for part, value in zip(("weight", "bias"), node.input[1:]):
            if value in constants:
                weights[f"{name}.{part}"] = constants[value]
    return weights


def build_graph(weights, style):
    """`input1` float32 [1, 3, H, W] RGB 0..255, sides a multiple of 4, to `output1` of the same shape (not clamped)."""
    g = Graph()
    twice = g.constant([1, 1, 2, 2])
    x = g.input("input1", 1, 3, "H", "W")
    for conv, norm in LAYERS:
        if conv in ("deconv1", "deconv2"):
            nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            x = g.node("Resize", x, "", twice, **nearest)
        if conv.endswith(".conv1"):
            residual = x
        reach, stride = KERNELS.get(conv, 3) // 2, 2 if conv in ("conv2", "conv3") else 1
        x = g.node("Pad", x, g.integers(*[0, 0, reach, reach] * 2), mode="reflect")
        parts = [g.constant(weights[f"{conv}.conv2d.{part}"], name=f"{conv}.{part}") for part in ("weight", "bias")]
        x = g.node("Conv", x, *parts, strides=[stride] * 2, output=None if norm else g.output("output1", 1, 3, "H", "W"))
        if norm:
            parts = [g.constant(weights[f"{norm}.{part}"], name=f"{norm}.{part}") for part in ("weight", "bias")]
            x = g.node("InstanceNormalization", x, *parts, epsilon=EPSILON)
        if conv.endswith(".conv2"):
            x = g.node("Add", x, residual)
        elif norm:
            x = g.node("Relu", x)
    return checked(g.model(style, {"impasto.kind": "single", "impasto.styles": style, "impasto.multiple": "4"}))


def paint(model, picture):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: picture})[0]


def sample(height, width):
    """float32 [1, 3, H, W]: waves of all lengths and some noise, 0..255."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x * x / (90 + 30 * channel)) + np.cos(y * y / (120 - 30 * channel)) for channel in range(3)]
    noise = np.random.default_rng(0).normal(0, 8, (3, height, width))
    return np.clip(127 + 60 * np.stack(waves) + noise, 0, 255)[None].astype(np.float32)


def compare(original, model, path):
    """Refuse where the new graph paints something else than the original at the original's size."""
    sides = original.graph.input[0].type.tensor_type.shape.dim[2:]
    height, width = (side.dim_value or default for side, default in zip(sides, SAMPLE))
    picture = sample(height, width)
    try:
        expected = paint(original, picture)
    except Exception as error:
        raise NotOfTheFamily(f"'{path}' does not run, so nothing can be compared: {error}") from None
    actual = paint(model, picture)
    alike = actual.shape == expected.shape
    difference = float(np.abs(actual - expected).max()) if alike else float("inf")
    if not difference <= TOLERANCE:
        raise NotOfTheFamily(
            f"'{path}' has the layers of pytorch/examples but paints differently (by {difference:.1f} levels of 255); "
            "if it takes any size, add it as it is with impasto styles add"
        )
    return f"differs from the original by at most {difference:.4f} levels of 255 at {width}x{height}"


def import_style(path, out, style):
    if path.suffix.lower() == ".onnx":
        try:
            original = onnx.load(path)
        except OSError:
            raise
        except Exception:
            raise NotOfTheFamily(f"'{path}' is not an ONNX file, or it is damaged") from None
        model = build_graph(check_weights(read_onnx(original, path), path), style)
        checked = compare(original, model, path)
    else:
        model = build_graph(check_weights(read_checkpoint(path), path), style)
        if not np.isfinite(paint(model, sample(64, 48))).all():
            raise NotOfTheFamily(f"'{path}' paints values that are not finite; it was not trained to an end")
        checked = "all weights found, each of its shape"
    write_atomically(out, lambda temporary: onnx.save(model, temporary))
    return checked


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path, help="a .pth checkpoint or an .onnx file")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the ONNX file to write")
    options = parser.parse_args()
    if options.out.suffix != ".onnx":
        parser.error(f"'{options.out}' must end in .onnx")
    if options.out.resolve() == options.network.resolve():
        parser.error(f"'{options.out}' is the input; name another output")
    try:
        print(f"wrote {options.out}: {import_style(options.network, options.out, options.out.stem)}")
        print(f"now: impasto styles add {options.out}")
    except OSError as error:
        sys.exit(f"import_style: '{error.filename}': {error.strerror}")
    except ValueError as error:
        sys.exit(f"import_style: {error}")


if __name__ == "__main__":
    main()
