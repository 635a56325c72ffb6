"""Write a BrushNetwork as the ONNX graph that impasto runs."""


import numpy as np
import onnx
from onnx import TensorProto, helper

from impasto_networks.brush_network import EPSILON, GRAIN, MULTIPLE, PATCH
from style_graph import Graph

SMALLEST = 32  # pixels: the least side inside the graph, which the reflected borders need


def build_brush_graph(network, names):
    """Everything is inside: padding, layout, range, rounding, cropping. The initializers bear the names of the network's parameters."""
    g = Graph()
    array = lambda tensor: tensor.detach().numpy()

    size = g.node("Slice", g.node("Shape", "image"), g.ints("one", [1]), g.ints("three", [3]))
    multiple, quarter = g.ints("multiple", [MULTIPLE]), g.ints("quarter", [PATCH])
    blocks = g.node("Div", g.node("Add", size, g.ints("round_up", [MULTIPLE - 1])), multiple)
    padded = g.node("Max", g.node("Mul", blocks, multiple), g.ints("smallest", [SMALLEST]))

    def grown(picture, to):
        own = g.node("Slice", g.node("Shape", picture), "one", "three")
        pads = g.node("Concat", g.ints("zeros", [0] * 5), g.node("Sub", to, own), g.ints("zero", [0]), axis=0)
        return g.node("Pad", picture, pads, mode="edge")

    def planes(picture):
        return g.node("Transpose", picture, perm=[0, 3, 1, 2])

    def convolution(name, x, weight, pad, bias=None, **attributes):
        x = g.node("Pad", x, g.ints(f"pads{pad}", [0, 0, pad, pad] * 2), mode="reflect")
        parameters = [g.constant(f"{name}.weight", weight)]
        if bias is not None:
            parameters.append(g.constant(f"{name}.bias", bias))
        return g.node("Conv", x, *parameters, kernel_shape=weight.shape[2:], **attributes)

    def mix(name, x, module):
        """Normalisation and the style's matrix in one product: y = (A / deviation) x + (b - (A / deviation) mean)."""
        outputs, inputs = module.matrix.shape[1:]
        matrix = g.node("MatMul", "style", g.constant(f"{name}.matrix", array(module.matrix).reshape(len(names), -1)))
        shift = g.node("MatMul", "style", g.constant(f"{name}.shift", array(module.shift)))
        column, row = g.ints(f"column{inputs}", [inputs, 1]), g.ints(f"row{inputs}", [1, inputs])
        mean = g.node("Reshape", g.node("ReduceMean", x, axes=[2, 3]), column)
        square = g.node("Reshape", g.node("ReduceMean", g.node("Mul", x, x), axes=[2, 3]), column)
        variance = g.node("Max", g.node("Sub", square, g.node("Mul", mean, mean)), g.constant("least", [0]))
        deviation = g.node("Sqrt", g.node("Add", variance, g.constant("epsilon", [EPSILON])))
        matrix = g.node("Reshape", matrix, g.ints(f"matrix{outputs}x{inputs}", [outputs, inputs]))
        matrix = g.node("Div", matrix, g.node("Reshape", deviation, row))
        shift = g.node("Sub", g.node("Reshape", shift, g.ints(f"column{outputs}", [outputs, 1])), g.node("MatMul", matrix, mean))
        shape = g.node("Shape", x)
        if outputs != inputs:
            sides = g.node("Slice", shape, g.ints("two", [2]), g.ints("four", [4]))
            shape = g.node("Concat", g.ints(f"planes{outputs}", [1, outputs]), sides, axis=0)
        flat = g.node("Reshape", x, g.ints(f"flat{inputs}", [inputs, -1]))
        return g.node("Reshape", g.node("Gemm", matrix, flat, shift), shape)

    def layer(name, x, module, scale=1.0):
        attributes = {"strides": [module.stride] * 2, "dilations": [module.dilation] * 2}
        return mix(f"{name}.mix", convolution(name, x, array(module.weight) * scale, module.pad, **attributes), module.mix)

    def block(name, x, module):
        inner = g.node("Relu", layer(f"{name}.first", x, module.first))
        return g.node("Add", x, layer(f"{name}.second", inner, module.second))

    def twice(x):
        scales = g.constant("twice", [1, 1, 2, 2])
        return g.node("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")

    image = grown("image", padded)
    grain = planes(grown("grain", g.node("Div", padded, quarter)))
    edges = g.node("Relu", layer("patch", g.node("Cast", planes(image), to=TensorProto.FLOAT), network.patch, 1 / 255))
    x = g.node("Relu", layer("down", g.node("Concat", edges, grain, axis=1), network.down))
    for index, module in enumerate(network.before):
        x = block(f"before.{index}", x, module)
    deep = g.node("Relu", layer("deep", x, network.deep))
    for index, module in enumerate(network.deepest):
        deep = block(f"deepest.{index}", deep, module)
    x = g.node("Add", x, twice(mix("rise", deep, network.rise)))
    for index, module in enumerate(network.after):
        x = block(f"after.{index}", x, module)
    x = g.node("Add", edges, twice(g.node("Relu", mix("last", x, network.last))))
    x = g.node("Relu", layer("join", x, network.join))
    # The head's channels go from (colour, row, column) to (row, column, colour): the order of an image's bytes.
    order = np.arange(3 * PATCH**2).reshape(3, PATCH**2).T.ravel()
    x = convolution("head", x, array(network.head.weight)[order], 1, array(network.head.bias)[order])
    x = g.node("Transpose", g.node("Sigmoid", x), perm=[0, 2, 3, 1])

    share = g.node("MatMul", "style", g.constant("photo_share", np.eye(len(names))[:, -1:]))
    x = g.node("Mul", x, g.node("Mul", g.node("Sub", g.constant("whole", [1]), share), g.constant("white", [255])))
    x = g.node("Reshape", x, g.ints("patches", [0, 0, -1, PATCH, 3 * PATCH]))
    x = g.node("Transpose", x, perm=[0, 1, 3, 2, 4])
    x = g.node("Reshape", x, g.node("Concat", g.ints("batch", [1]), padded, g.ints("colors", [3]), axis=0))
    x = g.node("Add", x, g.node("Mul", g.node("Cast", image, to=TensorProto.FLOAT), share))
    x = g.node("Clip", g.node("Round", x), g.constant("dark", np.float32(0)), g.constant("bright", np.float32(255)))
    x = g.node("Cast", x, to=TensorProto.UINT8)
    g.node("Slice", x, g.ints("origin", [0, 0]), size, g.ints("sides", [1, 2]), output="stylized")

    picture = [1, "height", "width", 3]
    value = helper.make_tensor_value_info
    inputs = [value("image", TensorProto.UINT8, picture), value("style", TensorProto.FLOAT, [len(names)])]
    inputs.append(value("grain", TensorProto.FLOAT, [1, "grain_height", "grain_width", GRAIN]))
    graph = helper.make_graph(g.nodes, "impasto", inputs, [value("stylized", TensorProto.UINT8, picture)], list(g.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="impasto")
    helper.set_model_props(model, {"impasto.kind": "multi", "impasto.styles": ",".join(names), "impasto.multiple": str(MULTIPLE)})
    onnx.checker.check_model(model, full_check=True)
    return model
