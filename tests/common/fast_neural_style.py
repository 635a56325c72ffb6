"""Writes small networks of the pytorch/examples family with random weights, in each format that import_style.py takes.

    python3 fast_neural_style.py FOLDER

zip.pth and plain.pth as torch.save writes them, since version 1.6 and before it; fixed.onnx as PyTorch 1.0 exported the
same weights for one size; evil.pth, which would write a file when unpickled, and short.pth, which lacks a tensor.
"""

import collections
import io
import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTHS = (4, 6, 8)
HEIGHT, WIDTH = 48, 64  # of fixed.onnx


def random_weights():
    random, weights = np.random.default_rng(3), collections.OrderedDict()

    def layer(conv, norm, inputs, outputs, kernel):
        deviation = 1 / np.sqrt(inputs * kernel * kernel)
        weights[f"{conv}.conv2d.weight"] = random.normal(0, deviation, (outputs, inputs, kernel, kernel))
        weights[f"{conv}.conv2d.bias"] = random.normal(0, 0.1, outputs)
        if norm:
            weights[f"{norm}.weight"], weights[f"{norm}.bias"] = random.normal(1, 0.3, outputs), random.normal(0, 0.3, outputs)

    first, second, third = WIDTHS
    layer("conv1", "in1", 3, first, 9)
    layer("conv2", "in2", first, second, 3)
    layer("conv3", "in3", second, third, 3)
    for block in range(1, 6):
        for half in (1, 2):
            layer(f"res{block}.conv{half}", f"res{block}.in{half}", third, third, 3)
    layer("deconv1", "in4", third, second, 3)
    layer("deconv2", "in5", second, first, 3)
    layer("deconv3", None, first, 3, 9)
    weights["deconv3.conv2d.weight"] *= 60  # to a picture's range
    weights["deconv3.conv2d.bias"] += 127
    return collections.OrderedDict((name, np.float32(value)) for name, value in weights.items())


class FloatStorage:
    """Stands for torch.FloatStorage: pickled by its name alone."""


def _rebuild_tensor_v2(*_):
    """Stands for torch._utils._rebuild_tensor_v2."""


class Tensor:
    def __init__(self, key, values):
        self.key, self.values = key, values

    def __reduce__(self):
        strides = tuple(step // 4 for step in self.values.strides)
        arguments = (Stored(self), 0, self.values.shape, strides, False, collections.OrderedDict())
        return _rebuild_tensor_v2, arguments


class Stored:
    def __init__(self, tensor):
        self.tensor = tensor


class Pickler(pickle.Pickler):
    """Writes tensors as torch.save does: the numbers lie outside, under a key."""

    def __init__(self, file, *more):
        super().__init__(file, protocol=2)
        self.more = more

    def persistent_id(self, value):
        if isinstance(value, Stored):
            return ("storage", FloatStorage, value.tensor.key, "cpu", value.tensor.values.size, *self.more)


def name_as_torch_does():
    torch, utilities = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage, torch._utils, utilities._rebuild_tensor_v2 = FloatStorage, utilities, _rebuild_tensor_v2
    FloatStorage.__module__, _rebuild_tensor_v2.__module__ = "torch", "torch._utils"
    sys.modules |= {"torch": torch, "torch._utils": utilities}


def keyed(weights):
    return collections.OrderedDict((name, Tensor(str(key), values)) for key, (name, values) in enumerate(weights.items()))


def save_zip(path, weights):
    tensors, record = keyed(weights), io.BytesIO()
    Pickler(record).dump(tensors)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}/data.pkl", record.getvalue())
        archive.writestr(f"{path.stem}/byteorder", "little")
        for tensor in tensors.values():
            archive.writestr(f"{path.stem}/data/{tensor.key}", tensor.values.tobytes())
        archive.writestr(f"{path.stem}/version", "3\n")


def save_plain(path, weights):
    tensors = keyed(weights)
    with path.open("wb") as file:
        for header in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}):
            pickle.dump(header, file, protocol=2)
        Pickler(file, None).dump(tensors)
        pickle.dump([tensor.key for tensor in tensors.values()], file, protocol=2)
        for tensor in tensors.values():
            file.write(tensor.values.size.to_bytes(8, "little") + tensor.values.tobytes())


def save_fixed(path, weights):
    """Opset 9: Upsample, Pad with its widths as an attribute, all sizes fixed."""
    nodes, constants, value = [], [], "input1"

    def constant(name, values):
        if name not in [known.name for known in constants]:
            constants.append(numpy_helper.from_array(np.float32(values), name))
        return name

    def node(kind, *inputs, **attributes):
        nodes.append(helper.make_node(kind, inputs, [f"{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    for conv in [name.removesuffix(".conv2d.weight") for name in weights if name.endswith(".conv2d.weight")]:
        kernel = weights[f"{conv}.conv2d.weight"].shape[2]
        if conv in ("deconv1", "deconv2"):
            value = node("Upsample", value, constant("scales", [1, 1, 2, 2]), mode="nearest")
        if conv.endswith(".conv1"):
            skipped = value
        value = node("Pad", value, mode="reflect", pads=[0, 0, kernel // 2, kernel // 2] * 2)
        parts = [constant(f"{conv}.{part}", weights[f"{conv}.conv2d.{part}"]) for part in ("weight", "bias")]
        stride = 2 if conv in ("conv2", "conv3") else 1
        value = node("Conv", value, *parts, kernel_shape=[kernel] * 2, strides=[stride] * 2)
        if conv != "deconv3":
            norm = conv.replace("deconv1", "in4").replace("deconv2", "in5").replace("conv", "in")
            parts = [constant(f"{norm}.{part}", weights[f"{norm}.{part}"]) for part in ("weight", "bias")]
            value = node("InstanceNormalization", value, *parts, epsilon=1e-5)
        if conv.endswith(".conv2"):
            value = node("Add", value, skipped)
        elif conv != "deconv3":
            value = node("Relu", value)
    nodes[-1].output[0] = "output1"
    end = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])
    graph = helper.make_graph(nodes, "fixed", [end("input1")], [end("output1")], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4), path)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def main():
    folder, weights = Path(sys.argv[1]), random_weights()
    evil = io.BytesIO()
    pickle.dump(collections.OrderedDict(a=Evil(folder / "executed")), evil, protocol=2)
    with zipfile.ZipFile(folder / "evil.pth", "w") as archive:
        archive.writestr("evil/data.pkl", evil.getvalue())
    save_fixed(folder / "fixed.onnx", weights)
    name_as_torch_does()
    save_zip(folder / "zip.pth", weights)
    means = {f"in{n}.running_mean": np.zeros(width, np.float32) for n, width in enumerate(WIDTHS, start=1)}
    save_plain(folder / "plain.pth", weights | means)
    save_zip(folder / "short.pth", collections.OrderedDict(list(weights.items())[:-1]))


if __name__ == "__main__":
    main()
