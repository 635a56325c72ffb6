"""The loss of a BrushNetwork's training: one crop in one style."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F

from impasto_networks.brush_network import BrushNetwork, random_grain
from impasto_networks.grid import visible_grid
from impasto_networks.layers import PATCH, one_hot
from impasto_networks.motion import next_frame, random_motion, warp
from impasto_networks.paintings import SLICED_LAYERS, Painting, busyness, lightness, quarters, sliced_distance
from impasto_networks.seams import Seams, find_seams
from impasto_networks.strokes import strokes
from impasto_networks.style_losses import STYLE_LAYERS, grams, style_distance
from impasto_networks.vgg19_torch import Vgg

Terms = dict[str, torch.Tensor]  # the loss's terms by name, before their weights

CONTENTS = {"detail": ("relu2_2", False), "content": ("relu3_3", False), "coarse_content": ("relu3_3", True)}  # layer; at half size?
LEAST_DISTANCE = 0.15  # of a photo from a painting; relative to less, the style would be the whole loss
LEAST_CONTRAST = 0.1  # standard deviation, of 0..1
TONE_SQUARE = 16  # pixels: coarser than strokes
APART_SQUARE = 8  # pixels: as fine as the parts of a face
ROOT_FLOOR = 1e-6  # under a root, whose slope at 0 is infinite: a quarter of a level
CAMERA_NOISE = 4 / 255  # standard deviation of what a webcam adds in a room


@dataclass(frozen=True)
class Weights:
    """Of the terms of the loss. A recipe's [weights] may change any of them, and a style's own table for that style."""

    whole: float = 5.0  # Gram distance to the painting, over the photo's
    half: float = 4.0  # the same at half size: larger strokes
    large: float = 2.0  # at a quarter of the size: the largest strokes, and masses of colour
    local: float = 4.0  # of each quarter to the windows of the painting that fit it
    sliced: float = 1.0  # of features along random directions
    strokes: float = 3.0  # of the strokes' directions and strengths, at full and at half size
    color: float = 2.5  # of colours along random directions
    detail: float = 1.0  # how far relu2_2 is from following the photo's: edges
    content: float = 1.5  # relu3_3: things
    coarse_content: float = 1.0  # relu3_3 at half size: the subject, but not its every edge
    tone: float = 0.4  # the photo's light and dark in squares
    apart: float = 4.0  # what differs in colour in the photo differs in the painting
    motion: float = 1.0  # RMS between the styled moved crop and the moved styled crop, over the contrast: else pale pictures would be best
    still: float = 1.0  # what comes out of a camera's noise, in proportion to it
    halo: float = 150.0  # mean square of how much more the seams around things differ from the areas beside them than in the photo
    grid: float = 120000.0  # mean squares of a visible lattice of 4 pixels, and of 8
    tv: float = 0.3
    photo: float = 30.0  # mean square of the photo's own row to the photo


@dataclass
class Crop:
    """A square of a photo with what VGG sees in it."""

    picture: torch.Tensor  # [1, 3, size, size] in 0..1
    contents: list[torch.Tensor]  # [C, H, W] of each of CONTENTS, less each channel's mean
    energies: list[float]  # their mean squares
    shares: list[float]  # how much each counts: the root of its energy over the usual one's, at most 1
    places: torch.Tensor  # [4, 2] of its quarters: ranks of busyness and lightness among the photos
    whole: dict[str, torch.Tensor]  # Gram matrices
    half: dict[str, torch.Tensor]  # the same at half size
    large: dict[str, torch.Tensor]  # and at a quarter of the size
    seams: Seams


@torch.no_grad()
def look(picture: torch.Tensor, vgg: Vgg, ranking: "Ranking") -> Crop:
    """A Crop of a picture; `ranking` gives the ranks of quarters."""
    features, coarse = vgg(picture), vgg(F.avg_pool2d(picture, 2))
    large = grams(vgg(F.avg_pool2d(picture, 4)))
    contents = [centred((coarse if halved else features)[layer]) for layer, halved in CONTENTS.values()]
    energies = [content.square().mean().item() for content in contents]
    places, shares = ranking(quarters(picture)), [1.0] * len(contents)
    return Crop(picture, contents, energies, shares, places, grams(features), grams(coarse), large, find_seams(picture))


def centred(features: torch.Tensor) -> torch.Tensor:
    """[1, C, H, W] to [C, H, W], each channel less its mean."""
    features = features[0].float()
    return features - features.mean((1, 2), keepdim=True)


def departure(own: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
    """1 less the cosine between centred features of the painting and of the photo.

    A squared difference (Gatys, Johnson) charges every stroke by its square, so pale, soft pictures cost least. The cosine leaves the
    contrast to the painting and asks only that the photo's shapes are in it."""
    own = centred(own)
    return 1 - (own * photo).sum() / (own.square().sum() * photo.square().sum() + ROOT_FLOOR).sqrt()


class Ranking:
    """Where a quarter's busyness and lightness stand among those of many crops."""

    def __init__(self, pictures: Iterable[torch.Tensor]) -> None:
        parts = torch.cat([quarters(picture) for picture in pictures])
        self.sorted = [measure(parts).sort()[0] for measure in (busyness, lightness)]

    def __call__(self, parts: torch.Tensor) -> torch.Tensor:
        found = [torch.searchsorted(known, measure(parts)) / len(known) for known, measure in zip(self.sorted, (busyness, lightness))]
        return torch.stack(found, 1).float()


def tone_distance(styled: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
    """1 less the correlation of the two pictures' light in squares: Gram matrices do not ask where the painting is dark."""
    light = [F.avg_pool2d(picture.mean(1, keepdim=True), TONE_SQUARE).flatten(1) for picture in (styled, photo)]
    return 1 - F.cosine_similarity(*(own - own.mean(1, keepdim=True) for own in light), dim=1).mean()


def apart_distance(styled: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
    """1 less the distance correlation (Szekely et al. 2007) of the two pictures' colours in squares.

    A painting has its own colours, but a red parrot before green leaves must not become one with them, though both are as light."""
    centred = []
    for picture in (styled, photo):
        colors = F.avg_pool2d(picture, APART_SQUARE)[0].flatten(1).T
        far = ((colors[:, None] - colors[None]).square().sum(2) + ROOT_FLOOR).sqrt()
        centred.append(far - far.mean(0) - far.mean(1, keepdim=True) + far.mean())
    own, wanted = centred
    return 1 - (own * wanted).sum() / (own.square().sum() * wanted.square().sum() + ROOT_FLOOR).sqrt()


def root(square: torch.Tensor) -> torch.Tensor:
    return (square + ROOT_FLOOR).sqrt()


def painted_terms(styled: torch.Tensor, crop: Crop, painting: Painting, vgg: Vgg) -> Terms:
    """How near the styled crop is to the painting and to the photo."""
    features, coarse = vgg(styled), vgg(F.avg_pool2d(styled, 2))
    parts = grams({layer: quarters(features[layer]) for layer in STYLE_LAYERS})
    whole = {layer: own.mean(0, keepdim=True) for layer, own in parts.items()}
    relative = lambda own, photo, to: (style_distance(own, to) / style_distance(photo, to).clamp(min=LEAST_DISTANCE)).mean()
    contents = zip(CONTENTS.items(), crop.contents, crop.shares)
    flat = lambda layer: features[layer][0].permute(1, 2, 0).flatten(0, 1)
    colors = F.avg_pool2d(styled, 4)[0].flatten(1).T
    return {
        "whole": relative(whole, crop.whole, painting.whole),
        "half": relative(grams(coarse), crop.half, painting.half),
        "large": relative(grams(vgg(F.avg_pool2d(styled, 4))), crop.large, painting.large),
        "local": style_distance(parts, painting.near(crop.places)).mean(),
        "sliced": torch.stack([sliced_distance(thinned(flat(layer)), painting.samples[layer], 16) for layer in SLICED_LAYERS]).mean(),
        "strokes": sum(sliced_distance(strokes(own), known, 8) for own, known in zip((styled, F.avg_pool2d(styled, 2)), painting.strokes))
        / 2,
        "color": sliced_distance(colors, painting.colors, 8),
        **{name: departure((coarse if halved else features)[layer], photo) * share for (name, (layer, halved)), photo, share in contents},
        "tone": tone_distance(styled, crop.picture),
        "apart": apart_distance(styled, crop.picture),
        "halo": crop.seams.excess(styled),
    }


def thinned(rows: torch.Tensor, most: int = 3136) -> torch.Tensor:
    """Evenly spaced rows, starting at a random one."""
    step = max(1, len(rows) // most)
    return rows[int(torch.randint(step, ())) :: step]


def lattice(styled: torch.Tensor) -> torch.Tensor:
    """A lattice of 4 pixels, from the head's shuffle, and of 8, from the trunk."""
    return (visible_grid(styled) + visible_grid(F.avg_pool2d(styled, 2))).mean()


def step_terms(
    network: BrushNetwork, crop: Crop, row: int, painting: Painting | None, vgg: Vgg, rng: np.random.Generator, with_noise: bool
) -> Terms:
    """The terms of one step. `painting` is None for the photo's own row; `with_noise` also measures what becomes of a camera's noise."""
    photo = crop.picture
    style, grain = one_hot(row, network.styles), random_grain(photo.shape)
    if painting is None:
        styled = network.paint(photo, style, grain)
        return {"photo": (styled - photo).square().mean()}
    motion = random_motion(photo.shape, rng)
    frame, mask = next_frame(photo, motion, rng)
    mask = mask * (motion.abs() <= 1).all(-1)[:, None]
    small = F.interpolate(motion.permute(0, 3, 1, 2), scale_factor=1 / PATCH, mode="area").permute(0, 2, 3, 1)
    frames, grains = [photo, frame], [grain, warp(grain, small)]
    if with_noise:
        frames.append(photo + torch.randn_like(photo) * CAMERA_NOISE)
        grains.append(grain)
    styled, styled_frame, *styled_noise = network.paint(torch.cat(frames), style.expand(len(frames), -1), torch.cat(grains)).split(1)
    terms = painted_terms(styled, crop, painting, vgg)
    off = root(((warp(styled, motion) - styled_frame).square() * mask).mean() / mask.mean())
    terms["motion"] = off / styled.std().clamp(min=LEAST_CONTRAST)
    for noisy in styled_noise:
        terms["still"] = root((noisy - styled).square().mean()) / CAMERA_NOISE
    terms["grid"] = lattice(styled)
    terms["tv"] = styled.diff(dim=2).square().mean() + styled.diff(dim=3).square().mean()
    return terms


def total(terms: Terms, weights: Weights) -> torch.Tensor:
    return sum(getattr(weights, name) * term for name, term in terms.items())


def words(averages: dict[str, float]) -> str:
    """One line about the running averages of the terms."""
    shown = {name: averages.get(name, math.nan) for name in (own.name for own in fields(Weights))}
    for name in ("grid", "halo", "photo"):
        shown[name] = 255 * math.sqrt(max(0.0, shown[name]))
    return "  ".join(f"{name} {value:.3f}" for name, value in shown.items())
