"""ONNX graphs under construction."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Nodes, constants by name, inputs and outputs. Every method returns the name of the value it makes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, values: ArrayLike, dtype: DTypeLike = np.float32, name: str | None = None) -> str:
        """A tensor; without a name it gets one from its content, so that equal constants are stored once."""
        tensor = np.ascontiguousarray(values, dtype).reshape(np.shape(values))
        shape = "x".join(map(str, tensor.shape))
        name = name or f"{tensor.dtype}_{shape}_{hashlib.sha256(tensor.tobytes()).hexdigest()[:8]}"
        self.constants[name] = numpy_helper.from_array(tensor, name)
        return name

    def integers(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def input(self, name: str, *shape: int | str | None, kind: int = TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, *shape: int | str | None, kind: int = TensorProto.FLOAT) -> str:
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def model(self, name: str, metadata: Mapping[str, str] | None = None, opset: int = 17, ir_version: int = 8) -> onnx.ModelProto:
        """The finished graph; `metadata` is what impasto reads about the network."""
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, list(self.constants.values()))
        opsets: Sequence[onnx.OperatorSetIdProto] = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, producer_name="impasto")
        helper.set_model_props(model, dict(metadata or {}))
        return model


def checked(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model, after ONNX's own check of every node and shape."""
    onnx.checker.check_model(model, full_check=True)
    return model
