"""The network that paints: one trunk for many styles, in PyTorch (train.py trains it, style_graph.py writes it as ONNX).

A patch embedding to a quarter of the size (8x8, stride 4), residual blocks of 3x3 convolutions there, and one 3x3
convolution to 48 channels that are shuffled back to the full size. After each convolution the channels are normalised per
picture (instance normalisation, Ulyanov et al. 2016) and then mixed by a matrix of the style's own.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import nn

from impasto_networks.layers import PATCH, Layer, StyleMix, shuffle_head
from impasto_networks.network_graph import byte_order

DILATIONS = (1, 2)  # of the blocks in turn: a wider view, for larger strokes, at the same cost


class StyleNetwork(nn.Module):
    """`styles` rows of style weights; the last row is "photo", the unstyled picture.

    `channels` and `blocks` set the cost. The photo row is trained to paint the photo back, so that strokes fade when it is
    mixed in; and its share of the output is the photo itself, so that alone it is exact."""

    def __init__(self, styles: int, channels: int = 32, blocks: int = 3) -> None:
        super().__init__()
        self.styles, self.channels = styles, channels
        self.patch = Layer(styles, 3, channels, 2 * PATCH, stride=PATCH)
        dilation = lambda index: DILATIONS[index % len(DILATIONS)]
        pair = lambda index: [Layer(styles, channels, channels, 3, dilation=d) for d in (dilation(index), 1)]
        self.blocks = nn.ModuleList(nn.ModuleList(pair(index)) for index in range(blocks))
        self.last = StyleMix(styles, channels, channels)
        self.head = shuffle_head(channels)

    def paint(self, photo: torch.Tensor, style: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The painting without the photo's own share, and the trunk's features [N, channels, H/4, W/4]."""
        x = F.relu(self.patch(photo, style))
        for first, second in self.blocks:
            x = x + second(F.relu(first(x, style)), style)
        x = F.relu(self.last(x, style))
        return torch.sigmoid(F.pixel_shuffle(self.head(x), PATCH)), x

    def forward(self, photo: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        """photo: [N, 3, H, W] in 0..1 with sides a multiple of 4; style: [N, styles]; gives the same shape in 0..1."""
        share = style[:, -1, None, None, None]
        return photo * share + self.paint(photo, style)[0] * (1 - share)


def read_network(path: Path | str) -> tuple["StyleNetwork", list[str]]:
    """A network and the names of its rows out of an ONNX file that style_graph.py wrote."""
    model = onnx.load(path)
    names = {entry.key: entry.value for entry in model.metadata_props}.get("impasto.styles", "").split(",")
    values = {tensor.name: np.array(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    if "last.matrix" not in values:
        raise ValueError(f"{path} is not a network of this script's making")
    blocks = sum(name.startswith("blocks.") and name.endswith(".0.weight") for name in values)
    network = StyleNetwork(len(names), values["patch.weight"].shape[0], blocks)
    values["patch.weight"] = values["patch.weight"] * 255  # the graph's picture has values to 255, PyTorch's to 1
    for name in ("head.weight", "head.bias"):  # the graph's channels are in the order of an image's bytes
        values[name] = values[name][np.argsort(byte_order())]
    state = {name: torch.from_numpy(np.ascontiguousarray(values[name])).reshape(like.shape) for name, like in network.state_dict().items()}
    network.load_state_dict(state)
    return network, names
