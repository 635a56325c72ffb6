"""What the graphs of our own networks share: padding, layers, and the way from the head's channels to bytes."""

from collections.abc import Callable

import numpy as np
import onnx
import onnx.reference
import torch
from onnx import TensorProto

from impasto_networks.graph import Graph, checked
from impasto_networks.layers import EPSILON, PATCH, Layer, StyleMix

TOLERANCE = 0.5  # mean absolute difference between PyTorch and the graph, in 8-bit levels
SMALLEST = 32  # pixels: the least side inside the graph, which the reflected borders need


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy()


class NetworkGraph(Graph):
    """A graph from `image`, bytes, and `style` to `stylized`, bytes of the same size; sides are padded to a multiple inside.

    The initializers bear the names of the network's parameters, so that they can be read back. With `tiles`, each normalisation
    mixes this image's own statistics with given ones, and `statistics` returns those used: so tiles of a picture agree."""

    def __init__(self, names: list[str], multiple: int, tiles: bool) -> None:
        super().__init__()
        self.names, self.multiple, self.tiles = names, multiple, tiles
        self.used: list[str] = []  # statistics of each normalisation, [2 * channels, 1]
        self.counted = 0  # how many numbers those are
        self.input("image", 1, "height", "width", 3, kind=TensorProto.UINT8)
        self.input("style", len(names))
        self.size = self.sides("image")
        blocks = self.node("Div", self.node("Add", self.size, self.integers(multiple - 1)), self.integers(multiple))
        self.padded = self.node("Max", self.node("Mul", blocks, self.integers(multiple)), self.integers(SMALLEST))
        self.image = self.grown("image", self.padded)

    def sides(self, picture: str) -> str:
        """Height and width of a picture [1, H, W, C]."""
        return self.node("Slice", self.node("Shape", picture), self.integers(1), self.integers(3))

    def grown(self, picture: str, to: str) -> str:
        """The picture [1, H, W, C], its last row and column repeated to the sides `to`."""
        missing = self.node("Sub", to, self.sides(picture))
        pads = self.node("Concat", self.integers(0, 0, 0, 0, 0), missing, self.integers(0), axis=0)
        return self.node("Pad", picture, pads, mode="edge")

    def planes(self, picture: str) -> str:
        return self.node("Transpose", picture, perm=[0, 3, 1, 2])

    def photo(self) -> str:
        """The padded image, float [1, 3, H, W] in 0..255."""
        return self.node("Cast", self.planes(self.image), to=TensorProto.FLOAT)

    def convolution(self, name: str, x: str, weight: np.ndarray, pad: int, bias: np.ndarray | None = None, **attributes: object) -> str:
        x = self.node("Pad", x, self.integers(0, 0, pad, pad, 0, 0, pad, pad), mode="reflect")
        parameters = [self.constant(weight, name=f"{name}.weight")]
        if bias is not None:
            parameters.append(self.constant(bias, name=f"{name}.bias"))
        return self.node("Conv", x, *parameters, kernel_shape=weight.shape[2:], **attributes)

    def mix(self, name: str, x: str, module: StyleMix) -> str:
        """Normalisation and the style's matrix in one product: y = (A / deviation) x + (b - (A / deviation) mean)."""
        outputs, inputs = module.matrix.shape[1:]
        stored = self.constant(array(module.matrix).reshape(len(self.names), -1), name=f"{name}.matrix")
        matrix = self.node("MatMul", "style", stored)
        shift = self.node("MatMul", "style", self.constant(array(module.shift), name=f"{name}.shift"))
        column, row = self.integers(inputs, 1), self.integers(1, inputs)
        mean = self.node("Reshape", self.node("ReduceMean", x, axes=[2, 3]), column)
        square = self.node("ReduceMean", self.node("Mul", x, x), axes=[2, 3])  # twice as fast as ReduceSumSquare
        square = self.node("Reshape", square, column)
        variance = self.node("Max", self.node("Sub", square, self.node("Mul", mean, mean)), self.constant([0]))
        if self.tiles:
            mean, variance = self.agreed(mean, variance, inputs)
        deviation = self.node("Sqrt", self.node("Add", variance, self.constant([EPSILON])))
        matrix = self.node("Reshape", matrix, self.integers(outputs, inputs))
        matrix = self.node("Div", matrix, self.node("Reshape", deviation, row))
        shift = self.node("Sub", self.node("Reshape", shift, self.integers(outputs, 1)), self.node("MatMul", matrix, mean))
        shape = self.node("Shape", x)
        if outputs != inputs:
            sides = self.node("Slice", shape, self.integers(2), self.integers(4))
            shape = self.node("Concat", self.integers(1, outputs), sides, axis=0)
        flat = self.node("Reshape", x, self.integers(inputs, -1))
        return self.node("Reshape", self.node("Gemm", matrix, flat, shift), shape)

    def agreed(self, mean: str, variance: str, channels: int) -> tuple[str, str]:
        """The statistics to use: own ones, given ones, or between them."""
        own = self.node("Concat", mean, variance, axis=0)
        start = self.counted
        given = self.node("Slice", "statistics_given", self.integers(start), self.integers(start + 2 * channels))
        given = self.node("Reshape", given, self.integers(2 * channels, 1))
        used = self.node("Add", own, self.node("Mul", self.node("Sub", given, own), "use_given"))
        self.used.append(used)
        self.counted += 2 * channels
        ends = [self.integers(place) for place in (0, channels, 2 * channels)]
        return self.node("Slice", used, ends[0], ends[1]), self.node("Slice", used, ends[1], ends[2])

    def layer(self, name: str, x: str, module: Layer, scale: float = 1.0) -> str:
        attributes = {"strides": [module.stride] * 2, "dilations": [module.dilation] * 2}
        x = self.convolution(name, x, array(module.weight) * scale, module.pad, **attributes)
        return self.mix(f"{name}.mix", x, module.mix)

    def paint(self, features: str, head: torch.nn.Conv2d) -> None:
        """From the features at a quarter of the size to `stylized`, with the photo's share mixed in."""
        order = byte_order()
        x = self.convolution("head", features, array(head.weight)[order], 1, array(head.bias)[order])
        x = self.node("Transpose", self.node("Sigmoid", x), perm=[0, 2, 3, 1])
        share = self.node("MatMul", "style", self.constant(np.eye(len(self.names))[:, -1:]))
        share = self.node("Clip", share, self.constant(np.float32(0)), self.constant(np.float32(1)))  # so the sum stays within 0..255
        x = self.node("Mul", x, self.node("Mul", self.node("Sub", self.constant([1]), share), self.constant([255])))
        x = self.node("Reshape", x, self.integers(0, 0, -1, PATCH, 3 * PATCH))
        x = self.node("Transpose", x, perm=[0, 1, 3, 2, 4])
        x = self.node("Reshape", x, self.node("Concat", self.integers(1), self.padded, self.integers(3), axis=0))
        photo = self.node("Mul", self.node("Cast", self.image, to=TensorProto.FLOAT), share)
        x = self.node("Add", x, self.node("Add", photo, self.constant([0.5])))
        x = self.node("Cast", x, to=TensorProto.UINT8)  # cuts the fraction off: WebGPU has no Round
        self.output("stylized", 1, "height", "width", 3, kind=TensorProto.UINT8)
        self.node("Slice", x, self.integers(0, 0), self.size, self.integers(1, 2), output="stylized")

    def finished(self, reach: int) -> onnx.ModelProto:
        """`reach` is how far one output pixel looks, in pixels: what tiles must overlap by."""
        metadata = {"impasto.kind": "multi", "impasto.styles": ",".join(self.names), "impasto.multiple": str(self.multiple)}
        if self.tiles:
            metadata["impasto.halo"] = str(reach)
            self.input("statistics_given", self.counted)
            self.input("use_given", 1)
            self.output("statistics", self.counted)
            self.node("Reshape", self.node("Concat", *self.used, axis=0), self.integers(-1), output="statistics")
        return checked(self.model("impasto", metadata))


def check_graph(model: onnx.ModelProto, network: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    """Run the graph with ONNX's reference evaluator against `network`, a function of photo, style and grain; raise where they differ.

    The picture is small, its sides a multiple of every network's, so that nothing is padded."""
    shapes = {value.name: [own.dim_value for own in value.type.tensor_type.shape.dim] for value in model.graph.input}
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (1, 32, 48, 3), dtype=np.uint8)
    grain = random.standard_normal((1, 8, 12, 4)).astype(np.float32)
    style = torch.softmax(torch.arange(float(shapes["style"][0])), 0)
    given = {"image": image, "style": style.numpy(), "grain": grain}
    feed = {name: given.get(name, np.zeros(shape, np.float32)) for name, shape in shapes.items()}
    stylized = onnx.reference.ReferenceEvaluator(model).run(None, feed)[0]
    with torch.no_grad():
        photo, field = (torch.from_numpy(values).permute(0, 3, 1, 2).float() for values in (image, grain))
        expected = network(photo / 255, style[None], field)[0].permute(1, 2, 0).numpy() * 255
    difference = np.abs(stylized[0].astype(np.float32) - expected).mean()
    if not difference < TOLERANCE:
        raise RuntimeError(f"the exported graph differs from the network by {difference:.2f} levels on average")


def byte_order() -> np.ndarray:
    """The head's channels, which are (colour, row, column), in the order of an image's bytes: (row, column, colour)."""
    return np.arange(3 * PATCH**2).reshape(3, PATCH**2).T.ravel()
