"""The network that paints: one trunk for many styles, in PyTorch (train.py trains it, style_graph.py writes it as ONNX).

A patch embedding to a quarter of the size (8x8, stride 4), residual blocks of 3x3 convolutions there, and one 3x3
convolution to 48 channels that are shuffled back to the full size. After each convolution the channels are normalised per
picture (instance normalisation, Ulyanov et al. 2016) and then mixed by a matrix of the style's own.
"""

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import nn

EPSILON = 1e-5
PATCH = 4  # one position of the trunk stands for 4x4 pixels
DILATIONS = (1, 2)  # of the blocks in turn: a wider view, for larger strokes, at the same cost


class StyleMix(nn.Module):
    """Instance normalisation, then per style a matrix and a shift: y = A (x - mean) / deviation + b.

    Dumoulin et al. 2017 give each style a scale per channel, the diagonal of A. The whole matrix costs a ninth of a 3x3
    convolution more, and lets a style arrange the trunk's features by itself: a new style then fits a frozen trunk.
    `matrix`: [styles, channels, channels], `shift`: [styles, channels]; both are mixed linearly by the style weights."""

    def __init__(self, styles, channels):
        super().__init__()
        self.matrix = nn.Parameter(torch.eye(channels).repeat(styles, 1, 1) + torch.randn(styles, channels, channels) * 0.03)
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x, style):
        variance, mean = torch.var_mean(x, dim=(2, 3), correction=0)
        matrix = torch.einsum("ns,soi->noi", style, self.matrix) * torch.rsqrt(variance + EPSILON)[:, None]
        shift = style @ self.shift - torch.einsum("noi,ni->no", matrix, mean)
        return torch.baddbmm(shift[:, :, None], matrix, x.flatten(2)).unflatten(2, x.shape[2:])


class Layer(nn.Module):
    """Convolution with reflected borders (zeros would paint a frame), then the style's mix, which makes a bias useless."""

    def __init__(self, styles, inputs, outputs, kernel, stride=1, dilation=1):
        super().__init__()
        self.stride, self.dilation = stride, dilation
        self.pad = (kernel - stride) // 2 if stride > 1 else dilation * (kernel // 2)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        nn.init.kaiming_normal_(self.weight)
        self.mix = StyleMix(styles, outputs)

    def forward(self, x, style):
        x = F.pad(x, [self.pad] * 4, mode="reflect")
        return self.mix(F.conv2d(x, self.weight, stride=self.stride, dilation=self.dilation), style)


class StyleNetwork(nn.Module):
    """`styles` rows of style weights; the last row is "photo", the unstyled picture.

    `channels` and `blocks` set the cost. The photo row is trained to paint the photo back, so that strokes fade when it is
    mixed in; and its share of the output is the photo itself, so that alone it is exact."""

    def __init__(self, styles, channels=32, blocks=3):
        super().__init__()
        self.styles, self.channels = styles, channels
        self.patch = Layer(styles, 3, channels, 2 * PATCH, stride=PATCH)
        dilation = lambda index: DILATIONS[index % len(DILATIONS)]
        pair = lambda index: [Layer(styles, channels, channels, 3, dilation=d) for d in (dilation(index), 1)]
        self.blocks = nn.ModuleList(nn.ModuleList(pair(index)) for index in range(blocks))
        self.last = StyleMix(styles, channels)
        self.head = nn.Conv2d(channels, 3 * PATCH**2, 3, padding=1, padding_mode="reflect")
        with torch.no_grad():  # the sub-pixels of the shuffle start equal, so no checkerboard has to be unlearned
            equal = self.head.weight[:: PATCH**2] * 0.5
            self.head.weight.copy_(equal.repeat_interleave(PATCH**2, dim=0))
            self.head.bias.zero_()

    def paint(self, photo, style):
        """The painting without the photo's own share, and the trunk's features [N, channels, H/4, W/4]."""
        x = F.relu(self.patch(photo, style))
        for first, second in self.blocks:
            x = x + second(F.relu(first(x, style)), style)
        x = F.relu(self.last(x, style))
        return torch.sigmoid(F.pixel_shuffle(self.head(x), PATCH)), x

    def forward(self, photo, style):
        """photo: [N, 3, H, W] in 0..1 with sides a multiple of 4; style: [N, styles]; gives the same shape in 0..1."""
        share = style[:, -1, None, None, None]
        return photo * share + self.paint(photo, style)[0] * (1 - share)


def one_hot(index, styles):
    return F.one_hot(torch.as_tensor(index).reshape(-1), styles).float()


def read_network(path):
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
        ordered = values[name].reshape(PATCH**2, 3, -1).swapaxes(0, 1)
        values[name] = ordered.reshape(values[name].shape)
    state = {name: torch.from_numpy(np.ascontiguousarray(values[name])).reshape(like.shape) for name, like in network.state_dict().items()}
    network.load_state_dict(state)
    return network, names
