# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "pillow==13.0.0"]
# ///
"""Writes the tiny networks of the tests, and the trial network that the program carries.

    uv run scripts/make_test_networks.py        (or: pip install numpy onnx, then python3)

They are kept in the repository; run this only to change them.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "networks"
UINT8, FLOAT = TensorProto.UINT8, TensorProto.FLOAT


def end(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(values, dtype=dtype), name)


def save(path, nodes, inputs, outputs, constants=(), **metadata):
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {f"impasto.{key}": value for key, value in metadata.items()})
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def bytes_in(styles):
    return [end("image", UINT8, [1, "H", "W", 3]), end("style", FLOAT, [styles])]


BYTES_OUT = [end("stylized", UINT8, [1, "H", "W", 3])]
PLANES_IN = [end("input1", FLOAT, [1, 3, "H", "W"])]
PLANES_OUT = [end("output1", FLOAT, [1, 3, "H", "W"])]


def trial():
    """A 1x1 convolution, so that a device loads its libraries and runs a kernel."""
    weights = constant("w", np.eye(3).reshape(3, 3, 1, 1))
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    shape = [1, 3, 8, 8]
    save(ROOT / "src" / "network" / "trial.onnx", nodes, [end("x", FLOAT, shape)], [end("y", FLOAT, shape)], [weights])


def original_and_negative():
    """Two styles: the picture itself and its negative, mixed by the weights."""
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=FLOAT),
        helper.make_node("Sub", ["white", "x"], ["negative"]),
        helper.make_node("Gather", ["style", "first"], ["w0"]),
        helper.make_node("Gather", ["style", "second"], ["w1"]),
        helper.make_node("Mul", ["x", "w0"], ["a"]),
        helper.make_node("Mul", ["negative", "w1"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["mixed"]),
        helper.make_node("Round", ["mixed"], ["rounded"]),
        helper.make_node("Clip", ["rounded", "black", "white"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], ["stylized"], to=UINT8),
    ]
    constants = [
        constant("white", 255.0),
        constant("black", 0.0),
        constant("first", 0, np.int64),
        constant("second", 1, np.int64),
    ]
    path = TESTS / "original_and_negative.onnx"
    save(path, nodes, bytes_in(2), BYTES_OUT, constants, kind="multi", styles="original,negative")


def normalised(path, tiles):
    """Instance normalisation alone, with its statistics given or its own: what tiles must agree on.

    The statistics are the mean and variance of each channel, `[6]`.
    """
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=FLOAT),
        helper.make_node("ReduceMean", ["x"], ["own_mean"], axes=[1, 2], keepdims=1),
        helper.make_node("Sub", ["x", "own_mean"], ["own_centered"]),
        helper.make_node("Mul", ["own_centered", "own_centered"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["own_variance"], axes=[1, 2], keepdims=1),
    ]
    constants = [
        constant("epsilon", 1e-5),
        constant("contrast", 50.0),
        constant("gray", 128.0),
        constant("black", 0.0),
        constant("white", 255.0),
    ]
    inputs, outputs = bytes_in(1), list(BYTES_OUT)
    mean, variance = "own_mean", "own_variance"
    if tiles:
        inputs += [end("statistics_given", FLOAT, [6]), end("use_given", FLOAT, [1])]
        outputs += [end("statistics", FLOAT, [6])]
        constants += [
            constant("half", 0.5),
            constant("split", [3, 3], np.int64),
            constant("shape", [1, 1, 1, 3], np.int64),
            constant("flat", [3], np.int64),
        ]
        nodes += [
            helper.make_node("Greater", ["use_given", "half"], ["given"]),
            helper.make_node("Split", ["statistics_given", "split"], ["m", "v"], axis=0),
            helper.make_node("Reshape", ["m", "shape"], ["given_mean"]),
            helper.make_node("Reshape", ["v", "shape"], ["given_variance"]),
            helper.make_node("Where", ["given", "given_mean", "own_mean"], ["mean"]),
            helper.make_node("Where", ["given", "given_variance", "own_variance"], ["variance"]),
            helper.make_node("Reshape", ["mean", "flat"], ["flat_mean"]),
            helper.make_node("Reshape", ["variance", "flat"], ["flat_variance"]),
            helper.make_node("Concat", ["flat_mean", "flat_variance"], ["statistics"], axis=0),
        ]
        mean, variance = "mean", "variance"
    nodes += [
        helper.make_node("Sub", ["x", mean], ["centered"]),
        helper.make_node("Add", [variance, "epsilon"], ["positive"]),
        helper.make_node("Sqrt", ["positive"], ["deviation"]),
        helper.make_node("Div", ["centered", "deviation"], ["normal"]),
        helper.make_node("Mul", ["normal", "contrast"], ["scaled"]),
        helper.make_node("Add", ["scaled", "gray"], ["shifted"]),
        helper.make_node("Round", ["shifted"], ["rounded"]),
        helper.make_node("Clip", ["rounded", "black", "white"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], ["stylized"], to=UINT8),
    ]
    save(path, nodes, inputs, outputs, constants, kind="multi", styles="normalised", multiple="1", halo="0")


def grain():
    """The grain itself as grey squares of 4x4 pixels: what a network with grain is given. The style weight scales it.

    As `live.onnx`, the second graph is for tiles; it has a statistic that says nothing.
    """
    for tiles in (False, True):
        inputs = bytes_in(1) + [end("grain", FLOAT, [1, "GH", "GW", 4])]
        outputs = list(BYTES_OUT)
        constants = [
            constant("first", [0], np.int64),
            constant("second", [1], np.int64),
            constant("channels", [3], np.int64),
            constant("sides", [1, 2], np.int64),
            constant("last", [-1], np.int64),
            constant("cells", [1, 4, 4, 1], np.float32),
            constant("three", [1, 1, 1, 3], np.int64),
            constant("zeros", [0, 0], np.int64),
            constant("contrast", 40.0),
            constant("gray", 128.0),
            constant("black", 0.0),
            constant("white", 255.0),
        ]
        nodes = [
            helper.make_node("Slice", ["grain", "first", "second", "last"], ["one"]),
            helper.make_node(
                "Resize",
                ["one", "", "cells"],
                ["squares"],
                mode="nearest",
                nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            ),
            helper.make_node("Shape", ["image"], ["shape"]),
            helper.make_node("Slice", ["shape", "second", "channels"], ["size"]),
            helper.make_node("Slice", ["squares", "zeros", "size", "sides"], ["cut"]),
            helper.make_node("Tile", ["cut", "three"], ["grey"]),
            helper.make_node("Mul", ["grey", "style"], ["weighted"]),
            helper.make_node("Mul", ["weighted", "contrast"], ["scaled"]),
            helper.make_node("Add", ["scaled", "gray"], ["shifted"]),
            helper.make_node("Round", ["shifted"], ["rounded"]),
            helper.make_node("Clip", ["rounded", "black", "white"], ["clipped"]),
            helper.make_node("Cast", ["clipped"], ["stylized"], to=UINT8),
        ]
        if tiles:
            inputs += [end("statistics_given", FLOAT, [1]), end("use_given", FLOAT, [1])]
            outputs += [end("statistics", FLOAT, [1])]
            nodes.append(helper.make_node("Add", ["statistics_given", "use_given"], ["statistics"]))
        path = TESTS / ("grain.tiles.onnx" if tiles else "grain.onnx")
        save(path, nodes, inputs, outputs, constants, kind="multi", styles="grain", multiple="16", halo="32")


def planar():
    """The classic layout: the picture itself, values that are not numbers, a fixed size, and no pictures at all."""
    same = [helper.make_node("Identity", ["input1"], ["output1"])]
    save(TESTS / "planar.onnx", same, PLANES_IN, PLANES_OUT)
    # More contrast, from 0 to 1: one colour to those who send it 0 to 255.
    unit = [
        helper.make_node("Sub", ["input1", "half"], ["centred"]),
        helper.make_node("Mul", ["centred", "gain"], ["scaled"]),
        helper.make_node("Sigmoid", ["scaled"], ["output1"]),
    ]
    save(TESTS / "unit_range.onnx", unit, PLANES_IN, PLANES_OUT, [constant("half", 0.5), constant("gain", 4)])
    fixed = [1, 3, 64, 64]
    save(TESTS / "planar_fixed.onnx", same, [end("input1", FLOAT, fixed)], [end("output1", FLOAT, fixed)])
    nan = [helper.make_node("Mul", ["input1", "nan"], ["output1"])]
    save(TESTS / "nan.onnx", nan, PLANES_IN, PLANES_OUT, [constant("nan", np.nan)])
    # The root of a number below zero is none: this network paints until a picture is nearly white.
    fails = [
        helper.make_node("ReduceMean", ["input1"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["bright", "mean"], ["room"]),
        helper.make_node("Sqrt", ["room"], ["root"]),
        helper.make_node("Mul", ["root", "zero"], ["nothing"]),
        helper.make_node("Add", ["input1", "nothing"], ["output1"]),
    ]
    constants = [constant("bright", 200.0), constant("zero", 0.0)]
    save(TESTS / "fails_on_white.onnx", fails, PLANES_IN, PLANES_OUT, constants)
    classifier = [helper.make_node("Identity", ["features"], ["classes"])]
    save(TESTS / "classifier.onnx", classifier, [end("features", FLOAT, [1, 10])], [end("classes", FLOAT, [1, 10])])


def classic():
    """A small network of the pytorch/examples kind, with what Python makes of a picture: classic.png to classic.out.png.

    Reflection padding, instance normalisation, strides and nearest upsampling, as in fast_neural_style; random weights.
    The picture's sides are no multiples of 4: its edges are repeated up to one, as the program does.
    """
    random = np.random.default_rng(7)
    nodes, constants, channels, value = [], [constant("up", [1, 1, 2, 2])], 3, "input1"
    for layer, (width, side, stride, scale) in enumerate([(8, 5, 1, 1), (12, 3, 2, 1), (8, 3, 1, 2), (3, 5, 1, 1)]):
        deviation = 1 / np.sqrt(channels * side * side)
        weights = random.normal(0, deviation, (width, channels, side, side))
        constants += [
            constant(f"w{layer}", weights),
            constant(f"one{layer}", np.ones(width)),
            constant(f"zero{layer}", np.zeros(width)),
            constant(f"pad{layer}", [0, 0, side // 2, side // 2] * 2, np.int64),
        ]
        if scale == 2:
            nodes.append(helper.make_node("Resize", [value, "", "up"], [f"u{layer}"], mode="nearest"))
            value = f"u{layer}"
        nodes += [
            helper.make_node("Pad", [value, f"pad{layer}"], [f"p{layer}"], mode="reflect"),
            helper.make_node("Conv", [f"p{layer}", f"w{layer}"], [f"c{layer}"], strides=[stride, stride]),
            helper.make_node("InstanceNormalization", [f"c{layer}", f"one{layer}", f"zero{layer}"], [f"n{layer}"]),
        ]
        value, channels = f"n{layer}", width
        if layer < 3:
            nodes.append(helper.make_node("Relu", [value], [f"r{layer}"]))
            value = f"r{layer}"
    constants += [constant("contrast", 50.0), constant("gray", 128.0)]
    nodes += [helper.make_node("Mul", [value, "contrast"], ["scaled"]), helper.make_node("Add", ["scaled", "gray"], ["output1"])]
    path = TESTS / "classic.onnx"
    save(path, nodes, PLANES_IN, PLANES_OUT, constants)

    y, x = np.mgrid[0:90, 0:131]
    picture = np.stack([x * 255 / 130, y * 255 / 89, 127 + 127 * np.sin(x * y / 300)], axis=-1).round().astype(np.uint8)
    Image.fromarray(picture).save(TESTS / "classic.png")
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((0, -height % 4), (0, -width % 4), (0, 0)), mode="edge")
    planes = padded.astype(np.float32).transpose(2, 0, 1)[None]
    painted = onnxruntime.InferenceSession(path).run(None, {"input1": planes})[0][0].transpose(1, 2, 0)
    painted = np.clip(np.round(painted[:height, :width]), 0, 255).astype(np.uint8)
    Image.fromarray(painted).save(TESTS / "classic.out.png")


def arbitrary():
    """A pair of any style, exported as Magenta's is: for one size, its values rounded (coarsely, so that it is seen).

    The style vector is the mean colour of the painting's square; the painting is halfway between photo and that colour.
    """
    rounding = [constant("step", 0.25), constant("zero", 0, np.uint8)]

    def rounded(value):
        return [
            helper.make_node("QuantizeLinear", [value, "step", "zero"], [f"{value}_quantized"]),
            helper.make_node("DequantizeLinear", [f"{value}_quantized", "step", "zero"], [f"{value}_rounded"]),
        ]

    nodes = rounded("style_image") + [
        helper.make_node("ReduceMean", ["style_image_rounded"], ["vector"], axes=[1, 2], keepdims=1),
    ]
    square, vector = end("style_image", FLOAT, [1, 8, 8, 3]), end("vector", FLOAT, [1, 1, 1, 3])
    save(TESTS / "any_predictor.onnx", nodes, [square], [vector], rounding)
    nodes = rounded("content_image") + [
        helper.make_node("Add", ["content_image_rounded", "vector"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["painted"]),
    ]
    picture, painted = (end(name, FLOAT, [1, 48, 48, 3]) for name in ("content_image", "painted"))
    save(TESTS / "any_style.onnx", nodes, [picture, vector], [painted], rounding + [constant("half", 0.5)])


if __name__ == "__main__":
    arbitrary()
    classic()
    trial()
    original_and_negative()
    grain()
    normalised(TESTS / "normalised.onnx", tiles=False)
    normalised(TESTS / "normalised.tiles.onnx", tiles=True)
    planar()
