"""VGG-19 for measuring: its first layers as an ONNX graph that gives Gram matrices and activations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto

from evaluation.measures import Features
from impasto_networks.graph import Graph
from impasto_networks.vgg19_file import MEAN_BGR, read_weights

GRAM_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")  # the last is the deepest layer of the graph
QUARTER_LAYERS = GRAM_LAYERS[:-1]
CONTENT_LAYERS = ("relu3_3", "relu4_2")


def build_graph(layers: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> onnx.ModelProto:
    """`picture` float32 [1, 3, H, W] RGB in 0..255 to `gram1_1` ... [1, C, C] (means over the pixels), `quarters1_1` ... [4, C, C],
    `relu3_3` and `relu4_2`."""
    g = Graph()
    bgr = g.node("Gather", g.input("picture", 1, 3, "H", "W"), g.integers(2, 1, 0), axis=1)
    x = g.node("Sub", bgr, g.constant(np.reshape(MEAN_BGR, (1, 3, 1, 1))))
    for layer, kernel, bias in layers:
        if layer.endswith("_1") and layer != "relu1_1":
            x = g.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        x = g.node("Conv", x, g.constant(kernel), g.constant(bias), pads=[1] * 4)
        x = g.node("Relu", x, output=layer)
        if layer in CONTENT_LAYERS:
            g.output(layer, None, None, None, None)
        if layer in GRAM_LAYERS:
            rows = g.node("Reshape", x, g.integers(0, 0, -1))
            product = g.node("MatMul", rows, g.node("Transpose", rows, perm=[0, 2, 1]))
            pixels = g.node("Cast", g.node("Shape", rows, start=2, end=3), to=TensorProto.FLOAT)
            g.node("Div", product, pixels, output=g.output(layer.replace("relu", "gram"), None, None, None))
        if layer in QUARTER_LAYERS:
            quarter_grams(g, x, channels=len(kernel), output=g.output(layer.replace("relu", "quarters"), None, None, None))
    return g.model("vgg19")


def quarter_grams(g: Graph, x: str, channels: int, output: str) -> None:
    """The Gram matrices of the four quarters of [1, C, H, W], as [4, C, C]."""
    half = g.node("Div", g.node("Shape", x, start=2), g.integers(2))
    even = g.node("Slice", x, g.integers(0, 0), g.node("Mul", half, g.integers(2)), g.integers(2, 3))
    down, across = (g.node("Slice", half, g.integers(place), g.integers(place + 1)) for place in (0, 1))
    two = g.integers(2)
    parts = g.node("Reshape", even, g.node("Concat", g.integers(channels), two, down, two, across, axis=0))
    rows = g.node("Reshape", g.node("Transpose", parts, perm=[1, 3, 0, 2, 4]), g.integers(4, channels, -1))
    product = g.node("MatMul", rows, g.node("Transpose", rows, perm=[0, 2, 1]))
    pixels = g.node("Cast", g.node("Shape", rows, start=2, end=3), to=TensorProto.FLOAT)
    g.node("Div", product, pixels, output=output)


class Vgg:
    """VGG-19 up to relu5_1 in float32."""

    def __init__(self, path: Path | str, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        graph = build_graph(read_weights(path)).SerializeToString()
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def __call__(self, picture: np.ndarray) -> Features:
        """picture: [H, W, 3] in 0..255; gives `gram1_1` ... `gram5_1` [C, C], `quarters1_1` ... `quarters4_1` [4, C, C], `relu3_3` and
        `relu4_2` [C, h, w]."""
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32)
        values = self.session.run(self.names, {"picture": planes})
        return {name: value if name.startswith("quarters") else value[0] for name, value in zip(self.names, values)}
