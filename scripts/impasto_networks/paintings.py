"""What the training asks of a painting: its statistics as a whole, at half size and in windows, and its colours.

If every part of a picture had the painting's mean statistics, it would be covered evenly with patches and calm nowhere. So each quarter
of a crop is compared with the windows of the painting that rank like it in busyness and lightness: a calm sky takes the painting's calm
parts, a dark coat its dark ones. Over many crops every part of the painting has its turn."""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from impasto_networks.strokes import strokes
from impasto_networks.style_losses import STYLE_LAYERS, grams
from impasto_networks.vgg19_torch import Vgg

CELL = 72  # pixels of the painting; a window is 2x2 cells, and the next one begins a cell further
NEAR = 0.15  # how far in rank windows still count
COLOR_POOL, COLORS = 4, 56  # the colours are compared after averaging 4x4 pixels: 56x56 of them
SAMPLES = 3136  # positions whose features are compared along random directions
DIRECTIONS = 16
SLICED_LAYERS = ("relu2_1", "relu3_1", "relu4_1")


@dataclass(frozen=True)
class Source:
    """A painting to learn from: `crop` are left, top, right, bottom as fractions; `side` is the short side in pixels of what is cropped."""

    path: str
    side: int = 448
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    def picture(self, scale: float = 1.0) -> torch.Tensor:
        """[1, 3, H, W] in 0..1. Small paintings are enlarged: their strokes should come out as large as the others'."""
        with Image.open(self.path) as image:
            image = image.convert("RGB")
        left, top, right, bottom = self.crop
        image = image.crop([round(left * image.width), round(top * image.height), round(right * image.width), round(bottom * image.height)])
        factor = scale * self.side / min(image.size)
        image = image.resize([max(16, round(side * factor)) for side in image.size], Image.Resampling.LANCZOS)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def cells(features: torch.Tensor, down: int, across: int) -> torch.Tensor:
    """[1, C, H, W], cut into a grid of cells, row by row, as a batch [down * across, C, H / down, W / across]."""
    height, width = features.shape[2] // down, features.shape[3] // across
    rows = features[0].permute(1, 2, 0).reshape(down, height, across, width, -1)  # one copy; slices would fill a gradient each
    return rows.transpose(1, 2).reshape(down * across, height, width, -1).permute(0, 3, 1, 2)


def quarters(features: torch.Tensor) -> torch.Tensor:
    return cells(features, 2, 2)


def busyness(pictures: torch.Tensor) -> torch.Tensor:
    """How much texture pictures [N, 3, H, W] have: RMS of the light less its 9x9 mean, [N]."""
    light = pictures.mean(1, keepdim=True)
    return (light - F.avg_pool2d(F.pad(light, [4] * 4, mode="reflect"), 9, 1)).square().mean((1, 2, 3)).sqrt()


def lightness(pictures: torch.Tensor) -> torch.Tensor:
    return pictures.mean((1, 2, 3))


def ranks(values: torch.Tensor) -> torch.Tensor:
    """Where each value stands among all, in 0..1."""
    return values.argsort().argsort().float().add(0.5) / len(values)


@dataclass
class Painting:
    whole: dict[str, torch.Tensor]  # Gram matrices [1, C, C] by layer
    half: dict[str, torch.Tensor]  # the same of the painting at half size
    large: dict[str, torch.Tensor]  # and at a quarter of its size
    windows: dict[str, torch.Tensor]  # [windows, C, C] by layer
    places: torch.Tensor  # [windows, 2]: ranks of busyness and of lightness
    colors: torch.Tensor  # [samples, 3] in 0..1
    strokes: list[torch.Tensor]  # [cells, 3] of the painting and of it at half size
    samples: dict[str, torch.Tensor] = field(default_factory=dict)  # [samples, C] by layer

    def near(self, places: torch.Tensor) -> dict[str, torch.Tensor]:
        """Target Gram matrices for quarters of a photo at `places` [4, 2]: [4, C, C] by layer."""
        distance = (self.places[None] - places[:, None]).square().sum(2)
        shares = torch.softmax(-distance / (2 * NEAR**2), 1)
        return {layer: (shares @ grams.flatten(1)).unflatten(1, grams.shape[1:]) for layer, grams in self.windows.items()}


@torch.no_grad()
def study(source: Source, vgg: Vgg, generator: torch.Generator) -> Painting:
    """The Painting of a Source."""
    picture = source.picture()
    down, across = (max(2, side // CELL) for side in picture.shape[2:])
    side = min(CELL, *(length // 2 // 8 * 8 for length in picture.shape[2:]))
    features = vgg(picture)
    cut = lambda values, scale: cells(values[:, :, : down * side // scale, : across * side // scale], down, across)
    joined = lambda values: F.avg_pool2d(values.unflatten(0, (down, across)).flatten(2).permute(2, 0, 1), 2, 1).flatten(1).T
    windows = {}
    for layer, own in grams({name: cut(features[name], 1 << index) for index, name in enumerate(STYLE_LAYERS)}).items():
        windows[layer] = joined(own).unflatten(1, own.shape[1:]).contiguous()
    parts = cut(picture, 1)
    places = torch.stack([ranks(joined(measure(parts)[:, None])[:, 0]) for measure in (busyness, lightness)], 1)
    colors = F.avg_pool2d(picture, COLOR_POOL)[0].flatten(1).T
    pick = lambda rows, count: rows[torch.randint(len(rows), (count,), generator=generator)].contiguous()
    return Painting(
        grams(features),
        *(grams(vgg(source.picture(scale))) for scale in (0.5, 0.25)),
        windows,
        places,
        pick(colors, COLORS**2),
        [strokes(picture), strokes(F.avg_pool2d(picture, 2))],
        {layer: pick(features[layer][0].flatten(1).T, SAMPLES) for layer in SLICED_LAYERS},
    )


def sliced_distance(own: torch.Tensor, samples: torch.Tensor, directions: int) -> torch.Tensor:
    """How far the distribution of `own` [N, C] is from that of `samples` [M, C], over the spread of the samples.

    The mean squared distance of both, sorted, along random directions (sliced Wasserstein; Heitz et al. 2021). Gram matrices hold
    the second moments alone, which grey mixtures can meet as well as pure colours."""
    way = torch.randn(own.shape[1], directions)
    way = way / way.norm(dim=0)
    ours, theirs = (own @ way).sort(0)[0], (samples @ way).sort(0)[0]
    if len(ours) != len(theirs):
        theirs = F.interpolate(theirs.T[None], len(ours), mode="linear", align_corners=True)[0].T
    return ((ours - theirs).square().mean(0) / theirs.var(0).clamp(min=1e-8)).mean()
