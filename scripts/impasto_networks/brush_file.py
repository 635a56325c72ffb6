"""Reads a BrushNetwork back out of its ONNX file."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from impasto_networks.brush_network import BrushNetwork, Widths
from impasto_networks.network_graph import byte_order


def read_brush(path: Path | str) -> tuple[BrushNetwork, list[str]]:
    """The network and the names of its rows, the last one the photo's. Raises ValueError for other networks, OSError for no file."""
    try:
        model = onnx.load(path)
    except OSError:
        raise
    except Exception as error:  # protobuf's own kind, which has moved between its versions
        raise ValueError(f"'{path}' is not an ONNX file") from error
    names = {entry.key: entry.value for entry in model.metadata_props}.get("impasto.styles", "").split(",")
    values = {tensor.name: np.array(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    if "rise.matrix" not in values:
        raise ValueError(f"'{path}' has no strokes to start from: give a network with grain, such as models/live.onnx")
    count = lambda part: sum(name.startswith(f"{part}.") and name.endswith(".first.weight") for name in values)
    channels = (values[f"{layer}.weight"].shape[0] for layer in ("patch", "down", "deep", "join"))
    network = BrushNetwork(len(names), Widths(*channels, *(count(part) for part in ("before", "deepest", "after"))))
    values["patch.weight"] = values["patch.weight"] * 255  # the graph's picture has values to 255, PyTorch's to 1
    for name in ("head.weight", "head.bias"):  # the graph's channels are in the order of an image's bytes
        values[name] = values[name][np.argsort(byte_order())]
    state = {name: torch.from_numpy(np.ascontiguousarray(values[name])).reshape(like.shape) for name, like in network.state_dict().items()}
    network.load_state_dict(state)
    return network, names


def with_rows(network: BrushNetwork, rows: list[int]) -> BrushNetwork:
    """A network with the same trunk and these of its rows, in this order."""
    chosen = BrushNetwork(len(rows), network.widths)
    state = {name: values[rows] if name.endswith((".matrix", ".shift")) else values for name, values in network.state_dict().items()}
    chosen.load_state_dict(state)
    return chosen
