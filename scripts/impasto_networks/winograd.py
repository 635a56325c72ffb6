"""3x3 convolutions with zero padding as ONNX nodes, by Winograd's minimal filtering: a quarter of the multiplications.

F(4x4, 3x3) of Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", section 4.3: an output tile of 4x4
pixels comes from an input tile of 6x6 as A' [ (G g G') * (B' d B) ] A. Over all channels and tiles the products in the middle
are 36 matrix products.
"""

import numpy as np

from impasto_networks.graph import Graph

TILE = 4  # output pixels; input tiles have two more
INPUT = np.array(  # B'
    [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]
)
KERNEL = np.array(  # G
    [[1 / 4, 0, 0], [-1 / 6] * 3, [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]
)
OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])  # A'


def transformed_kernel(graph: Graph, kernel: str, turned: bool) -> str:
    """G g G' of a kernel [outputs, inputs, 3, 3], as [36, outputs, inputs]; ONNX Runtime computes it when it loads the graph.

    `turned`: of the kernel turned by 180 degrees with inputs and outputs exchanged, [36, inputs, outputs]."""
    matrix = np.kron(KERNEL, KERNEL)
    matrix = (matrix[:, ::-1] if turned else matrix).reshape(36, 3, 3)
    # One node: what is between two of them would stay in memory while ONNX Runtime loads the rest.
    equation = "oiyx,kyx->kio" if turned else "oiyx,kyx->koi"
    return graph.node("Einsum", kernel, graph.constant(matrix), equation=equation)


class Tiles:
    """The tiles of pictures of the size of `x`, [1, C, H, W]."""

    def __init__(self, graph: Graph, x: str) -> None:
        self.graph = graph
        self.size = graph.node("Shape", x, start=2)
        grown = graph.node("Add", self.size, graph.integers(TILE - 1))
        self.count = graph.node("Div", grown, graph.integers(TILE))
        missing = graph.node("Sub", graph.node("Mul", self.count, graph.integers(TILE)), self.size)
        after = graph.node("Add", missing, graph.integers(1))
        self.pads = graph.node("Concat", graph.integers(0, 0, 1, 1, 0, 0), after, axis=0)

    def convolve(self, x: str, kernel: str, outputs: int, inputs: int) -> str:
        """x [1, inputs, H, W] with a kernel [36, outputs, inputs]; gives [1, outputs, H, W]."""
        graph = self.graph
        # The transformations treat each channel alone: here channels are pictures of a batch.
        x = graph.node("Reshape", x, graph.integers(inputs, 1, 0, 0))
        x = graph.node("Pad", x, self.pads)
        # B' d B of every tile is a convolution to 36 channels: [inputs, 36, tiles down, tiles across].
        forward = np.kron(INPUT, INPUT).reshape(36, 1, TILE + 2, TILE + 2)
        x = graph.node("Conv", x, graph.constant(forward), kernel_shape=[TILE + 2] * 2, strides=[TILE] * 2)
        x = graph.node("Transpose", graph.node("Reshape", x, graph.integers(0, 0, -1)), perm=[1, 0, 2])
        x = graph.node("Transpose", graph.node("MatMul", kernel, x), perm=[1, 0, 2])
        x = graph.node("Reshape", x, graph.node("Concat", graph.integers(outputs, 36), self.count, axis=0))
        # A' m A of every tile is a transposed convolution back: [outputs, 1, 4 tiles down, 4 tiles across].
        backward = np.kron(OUTPUT, OUTPUT).T.reshape(36, 1, TILE, TILE)
        x = graph.node("ConvTranspose", x, graph.constant(backward), kernel_shape=[TILE] * 2, strides=[TILE] * 2)
        x = graph.node("Slice", x, graph.integers(0, 0), self.size, graph.integers(2, 3))
        return graph.node("Reshape", x, graph.integers(1, outputs, 0, 0))
