"""What the training asks of a painting: its statistics as a whole, at half size and in windows, and its colours.

If every part of a picture had the painting's mean statistics, it would be covered evenly with patches and calm nowhere. So each quarter
of a crop is compared with the windows of the painting that rank like it in busyness and lightness: a calm sky takes the painting's calm
parts, a dark coat its dark ones. Over many crops every part of the painting has its turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from impasto_networks.critic import LOOKS, Look
from impasto_networks.repeats import LAYER, painting_repeats
from impasto_networks.speckle import speckle
from impasto_networks.spectrum import WINDOW, Spectra, spectrum
from impasto_networks.strokes import strokes
from impasto_networks.style_losses import STYLE_LAYERS, Layers, grams
from impasto_networks.vgg19_torch import Vgg

CELL = 72  # pixels of the painting; a window is 2x2 cells, and the next one begins a cell further
NEAR = 0.15  # how far in rank windows still count
COLOR_POOL = 4  # the colours are compared after averaging 4x4 pixels
SAMPLES = 3136  # positions of each painting whose features, strokes or colours are compared along random directions
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
    """[N, C, H, W], each cut into a grid of cells, row by row, as a batch [N * down * across, C, H / down, W / across]."""
    height, width = features.shape[2] // down, features.shape[3] // across
    rows = features.permute(0, 2, 3, 1).reshape(-1, down, height, across, width, features.shape[1])  # slices would fill a gradient each
    return rows.transpose(2, 3).flatten(0, 2).permute(0, 3, 1, 2)


def quarters(features: torch.Tensor) -> torch.Tensor:
    return cells(features, 2, 2)


def busyness(pictures: torch.Tensor) -> torch.Tensor:
    """How much texture pictures [N, 3, H, W] have: RMS of the light less its 9x9 mean, [N]."""
    return texture(pictures).square().mean((1, 2, 3)).sqrt()


def local_contrast(pictures: torch.Tensor) -> torch.Tensor:
    """The same in the 9x9 pixels around each, [N, 1, H, W]."""
    return F.avg_pool2d(F.pad(texture(pictures).square(), [4] * 4, mode="reflect"), 9, 1).sqrt()


def texture(pictures: torch.Tensor) -> torch.Tensor:
    """The light less its 9x9 mean, [N, 1, H, W]."""
    light = pictures.mean(1, keepdim=True)
    return light - F.avg_pool2d(F.pad(light, [4] * 4, mode="reflect"), 9, 1)


def lightness(pictures: torch.Tensor) -> torch.Tensor:
    return pictures.mean((1, 2, 3))


def ranks(values: torch.Tensor) -> torch.Tensor:
    """Where each value stands among all, in 0..1."""
    return values.argsort().argsort().float().add(0.5) / len(values)


@dataclass
class Paintings:
    """Of the styles, in the order of their rows."""

    whole: Layers  # Gram matrices [styles, C, C] by layer
    half: Layers  # the same of the paintings at half size
    large: Layers  # and at a quarter of their size
    windows: list[Layers]  # of each painting: [windows, C, C] by layer
    places: list[torch.Tensor]  # of each: [windows, 2], ranks of busyness and of lightness
    colors: torch.Tensor  # [styles, samples, 3] in 0..1
    repeats: list[tuple[torch.Tensor, torch.Tensor]]  # autocorrelations [styles, lags, C] and squares [styles, C], at full and half size
    strokes: list[torch.Tensor]  # [styles, samples, 3] of the paintings, and of them at a half and a quarter of their size
    speckles: list[torch.Tensor]  # [styles, squares] of the paintings, and of them at half their size
    squares: dict[Look, torch.Tensor]  # mean squares of the features at which the critics look: [styles, C]
    pictures: list[torch.Tensor]  # [1, 3, H, W] in 0..1
    spectra: list[Spectra]  # at full size, a half and a quarter, as far as every painting is large enough
    samples: Layers  # [styles, samples, C] by layer

    def near(self, rows: list[int], places: torch.Tensor) -> Layers:
        """Target Gram matrices for the quarters of photos at `places` [N, 4, 2], in the styles `rows`: [N * 4, C, C] by layer."""
        found: dict[str, list[torch.Tensor]] = {layer: [] for layer in self.whole}
        for row, own in groupby(zip(rows, places), key=lambda pair: pair[0]):
            wanted = torch.cat([place for _, place in own])
            distance = (self.places[row][None] - wanted[:, None]).square().sum(2)
            shares = torch.softmax(-distance / (2 * NEAR**2), 1)
            for layer, windows in self.windows[row].items():
                found[layer].append((shares @ windows.flatten(1)).unflatten(1, windows.shape[1:]))
        return {layer: torch.cat(parts) for layer, parts in found.items()}

    def crops(self, rows: list[int], size: int) -> torch.Tensor:
        """A random square [N, 3, size, size] of each of the paintings `rows`; smaller where one of them is."""
        pictures = [self.pictures[row] for row in rows]
        side = min([size, *(length for own in pictures for length in own.shape[2:])])
        return torch.cat([random_square(own, side) for own in pictures]).float()


def random_square(picture: torch.Tensor, side: int) -> torch.Tensor:
    top, left = (int(torch.randint(length - side + 1, ())) for length in picture.shape[2:])
    return picture[:, :, top : top + side, left : left + side]


@torch.no_grad()
def study(sources: Sequence[Source], vgg: Vgg, generator: torch.Generator) -> Paintings:
    """The Paintings of the sources."""
    device = vgg.mean.device
    stack = lambda parts: {layer: torch.cat([own[layer] for own in parts]) for layer in parts[0]}
    pick = lambda rows: rows[torch.randint(len(rows), (SAMPLES,), generator=generator).to(device)]
    whole, half, large, windows, places, colors, samples = [], [], [], [], [], [], []
    found: list[list[torch.Tensor]] = [[], [], []]  # strokes, by size
    repeated: list[list[tuple[torch.Tensor, torch.Tensor]]] = [[], []]
    powers: list[list[torch.Tensor]] = [[], [], []]
    specks: list[list[torch.Tensor]] = [[], []]
    squares: dict[Look, list[torch.Tensor]] = {look: [] for looks in LOOKS.values() for look in looks}
    pictures = []
    for source in sources:
        picture, halved, quartered = (source.picture(scale).to(device) for scale in (1.0, 0.5, 0.25))
        features = vgg(picture)
        coarse = vgg(halved)
        for kept, own in ((whole, features), (half, coarse), (large, vgg(quartered))):
            kept.append(grams(own))
        for kept, own in zip(repeated, (features, coarse)):
            kept.append(painting_repeats(own[LAYER]))
        for kept, size in zip(specks, sizes(picture)):
            kept.append(speckle(size))
        for look, kept in squares.items():
            kept.append((coarse if look.halved else features)[look.layer].float().square().mean((2, 3)))
        pictures.append(picture.half())
        own, rank = windows_of(picture, features)
        windows.append(own)
        places.append(rank)
        colors.append(pick(F.avg_pool2d(picture, COLOR_POOL)[0].flatten(1).T))
        samples.append({layer: pick(features[layer][0].flatten(1).T).float()[None] for layer in SLICED_LAYERS})
        for kept, size in zip(found, sizes(picture)):
            kept.append(pick(strokes(size)[0]))
        for kept, size in zip(powers, sizes(picture)):
            if min(size.shape[2:]) >= WINDOW:
                kept.append(spectrum(size))
    strokes_found = [torch.stack(own) for own in found]
    again = [tuple(torch.cat(parts) for parts in zip(*own)) for own in repeated]
    spectra = [Spectra(torch.cat(own)) for own in powers if len(own) == len(sources)]
    grams_found = map(stack, (whole, half, large))
    looked = {look: torch.cat(own) for look, own in squares.items()}
    speckles = [torch.cat(own) for own in specks]
    return Paintings(
        *grams_found,
        windows,
        places,
        torch.stack(colors),
        again,
        strokes_found,
        speckles,
        looked,
        pictures,
        spectra,
        stack(samples),
    )


def windows_of(picture: torch.Tensor, features: Layers) -> tuple[Layers, torch.Tensor]:
    """Gram matrices of the painting's windows, and their ranks of busyness and of lightness."""
    down, across = (max(2, side // CELL) for side in picture.shape[2:])
    side = min(CELL, *(length // 2 // 8 * 8 for length in picture.shape[2:]))
    cut = lambda values, scale: cells(values[:, :, : down * side // scale, : across * side // scale], down, across)
    joined = lambda values: F.avg_pool2d(values.unflatten(0, (down, across)).flatten(2).permute(2, 0, 1), 2, 1).flatten(1).T
    windows = {}
    for layer, own in grams({name: cut(features[name], 1 << index) for index, name in enumerate(STYLE_LAYERS)}).items():
        windows[layer] = joined(own).unflatten(1, own.shape[1:]).contiguous()
    parts = cut(picture, 1)
    return windows, torch.stack([ranks(joined(measure(parts)[:, None])[:, 0]) for measure in (busyness, lightness)], 1)


def sizes(pictures: torch.Tensor) -> list[torch.Tensor]:
    """The pictures at their size, at half of it and at a quarter."""
    return [pictures, F.avg_pool2d(pictures, 2), F.avg_pool2d(pictures, 4)]


def sliced_distance(own: torch.Tensor, samples: torch.Tensor, directions: int) -> torch.Tensor:
    """How far the distributions of `own` [N, P, C] are from those of `samples` [N, M, C], over the spread of the samples: [N].

    The mean squared distance of both, sorted, along random directions (sliced Wasserstein; Heitz et al. 2021). Gram matrices hold
    the second moments alone, which grey mixtures can meet as well as pure colours."""
    way = torch.randn(own.shape[2], directions, device=own.device)
    way = way / way.norm(dim=0)
    ours, theirs = (own @ way).sort(1)[0], (samples @ way).sort(1)[0]
    spread = theirs.var(1).clamp(min=1e-8)
    if ours.shape[1] != theirs.shape[1]:
        theirs = F.interpolate(theirs.mT, ours.shape[1], mode="linear", align_corners=True).mT
    return ((ours - theirs).square().mean(1) / spread).mean(1)
