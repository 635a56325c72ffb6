"""VGG-19 for measuring: its first layers as an ONNX graph that gives Gram matrices and activations."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from vgg19_file import MEAN_BGR, find_weights, read_weights  # noqa: F401  (the other modules look for all of VGG here)

GRAM_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")  # the last is the deepest layer of the graph
CONTENT_LAYERS = ("relu3_3", "relu4_2")


def build_graph(layers):
    """`picture` float32 [N, 3, H, W] RGB in 0..255 to `gram1_1` ... [N, C, C] (over H*W), `relu3_3` and `relu4_2`."""
    nodes, constants, outputs = [], [], []

    def node(kind, *inputs, output=None, **attributes):
        output = output or f"value{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(name, values, dtype=np.float32):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype), name))
        return name

    flat = constant("flat", [0, 0, -1], np.int64)
    bgr = node("Gather", "picture", constant("bgr", [2, 1, 0], np.int64), axis=1)
    x = node("Sub", bgr, constant("mean", np.reshape(MEAN_BGR, (1, 3, 1, 1))))
    for name, kernel, bias in layers:
        if name.endswith("_1") and name != "relu1_1":
            x = node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        x = node("Conv", x, constant(f"{name}.kernel", kernel), constant(f"{name}.bias", bias), pads=[1] * 4)
        x = node("Relu", x, output=name)
        if name in CONTENT_LAYERS:
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4))
        if name in GRAM_LAYERS:
            rows = node("Reshape", x, flat)
            product = node("MatMul", rows, node("Transpose", rows, perm=[0, 2, 1]))
            pixels = node("Cast", node("Shape", rows, start=2, end=3), to=TensorProto.FLOAT)
            gram = node("Div", product, pixels, output=name.replace("relu", "gram"))
            outputs.append(helper.make_tensor_value_info(gram, TensorProto.FLOAT, [None] * 3))
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 3, "H", "W"])
    graph = helper.make_graph(nodes, "vgg19", [picture], outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Vgg:
    """VGG-19 up to relu5_1 in float32."""

    def __init__(self, path, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        graph = build_graph(read_weights(path)).SerializeToString()
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def __call__(self, picture):
        """picture: uint8 [H, W, 3]; gives `gram1_1` ... `gram5_1` [C, C], `relu3_3` and `relu4_2` [C, h, w]."""
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32)
        values = self.session.run(self.names, {"picture": planes})
        return {name: value[0] for name, value in zip(self.names, values)}
