"""The network that paints with grain, in PyTorch. `brush_graph.py` writes it as ONNX.

The trunk works at an eighth of the size and, for large strokes, at a sixteenth. A skip from a quarter of the size keeps the edges.
A field of noise, the grain, enters at a quarter: on a flat part of a photo it is all that strokes can start from, and since it
moves with the scene, they move along. It enters once more before the sixteenth,
so that larger areas differ; otherwise all strokes would point the same way.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from impasto_networks.layers import PATCH, Layer, StyleMix, shuffle_head

MULTIPLE = 16  # pixels: what sides must be a multiple of inside the network
GRAIN = 4  # channels of noise, at a quarter of the size


@dataclass(frozen=True)
class Widths:
    """Channels at a quarter, an eighth and a sixteenth of the size, and of the features that the head reads; blocks of the last two."""

    quarter: int = 28  # with the grain 32: ONNX Runtime computes channels by the sixteen
    eighth: int = 48
    sixteenth: int = 64
    head: int = 32
    before: int = 1  # blocks at an eighth before the sixteenth
    deepest: int = 2  # blocks at a sixteenth
    after: int = 1  # blocks at an eighth after it


class Block(nn.Module):
    """Two convolutions around which the features pass unchanged."""

    def __init__(self, styles: int, channels: int, dilation: int) -> None:
        super().__init__()
        self.first = Layer(styles, channels, channels, 3, dilation=dilation)
        self.second = Layer(styles, channels, channels, 3)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.relu(self.first(x, style)), style)


class BrushNetwork(nn.Module):
    """`styles` rows of style weights; the last row is "photo", the unstyled picture.

    The photo row is trained to paint the photo back, so that strokes fade when it is mixed in; and its share of the output is
    the photo itself, so that alone it is exact."""

    def __init__(self, styles: int, widths: Widths) -> None:
        super().__init__()
        self.styles, self.widths = styles, widths
        w = widths
        self.patch = Layer(styles, 3, w.quarter, 2 * PATCH, stride=PATCH)
        self.down = Layer(styles, w.quarter + GRAIN, w.eighth, 4, stride=2)
        blocks = lambda count, channels, first: nn.ModuleList(Block(styles, channels, (first + i) % 2 + 1) for i in range(count))
        self.before = blocks(w.before, w.eighth, 0)
        self.deep = Layer(styles, w.eighth + GRAIN, w.sixteenth, 4, stride=2)
        self.deepest = nn.ModuleList(Block(styles, w.sixteenth, 1) for _ in range(w.deepest))
        self.rise = StyleMix(styles, w.sixteenth, w.eighth)
        self.after = blocks(w.after, w.eighth, 1)
        self.last = StyleMix(styles, w.eighth, w.quarter)
        self.join = Layer(styles, w.quarter, w.head, 3)
        self.head = shuffle_head(w.head)

    def paint(self, photo: torch.Tensor, style: torch.Tensor, grain: torch.Tensor) -> torch.Tensor:
        """The painting without the photo's own share."""
        edges = F.relu(self.patch(photo, style))
        x = F.relu(self.down(torch.cat([edges, grain], 1), style))
        for block in self.before:
            x = block(x, style)
        deep = F.relu(self.deep(torch.cat([x, F.avg_pool2d(grain, 2)], 1), style))
        for block in self.deepest:
            deep = block(deep, style)
        x = x + twice(self.rise(deep, style))
        for block in self.after:
            x = block(x, style)
        x = edges + twice(F.relu(self.last(x, style)))
        x = F.relu(self.join(x, style))
        return torch.sigmoid(F.pixel_shuffle(self.head(x), PATCH))

    def forward(self, photo: torch.Tensor, style: torch.Tensor, grain: torch.Tensor) -> torch.Tensor:
        """photo: [N, 3, H, W] in 0..1, sides a multiple of 16; style: [N, styles]; grain: [N, 4, H/4, W/4]; gives the photo's shape."""
        share = style[:, -1, None, None, None]
        return photo * share + self.paint(photo, style, grain) * (1 - share)


def twice(x: torch.Tensor) -> torch.Tensor:
    """Twice the size, by lines between the values: copies of them would print a lattice of 8 pixels."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def random_grain(
    shape: torch.Size | tuple[int, ...], generator: torch.Generator | None = None, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """A smooth field of noise of mean 0 and variance 1, correlated over about two cells: [N, 4, H/4, W/4] for photos of `shape`."""
    count, _, height, width = shape
    noise = torch.randn(count, GRAIN, -(-height // PATCH), -(-width // PATCH), generator=generator, device=device)
    noise = F.pad(noise, [1] * 4, mode="reflect")
    noise = (noise[..., :-2] + 2 * noise[..., 1:-1] + noise[..., 2:]) / 4
    noise = (noise[..., :-2, :] + 2 * noise[..., 1:-1, :] + noise[..., 2:, :]) / 4
    return noise / 0.375  # the sum of the squares of [1, 2, 1] / 4
