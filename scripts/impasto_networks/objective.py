"""The loss of a BrushNetwork's training: crops of photos, each in a style.

Nothing here waits for the device that computes it: no value is read back, no shape depends on one."""

import math
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from impasto_networks.brush_network import BrushNetwork, random_grain
from impasto_networks.critic import Critics
from impasto_networks.grid import visible_grid
from impasto_networks.layers import PATCH, one_hot
from impasto_networks.motion import next_frames, random_motion, warp
from impasto_networks.paintings import (
    COLOR_POOL,
    SLICED_LAYERS,
    Paintings,
    busyness,
    lightness,
    local_contrast,
    quarters,
    sizes,
    sliced_distance,
)
from impasto_networks.repeats import LAYER, repeats, repeats_distance
from impasto_networks.seams import Seams, find_seams
from impasto_networks.speckle import speckle, speckle_distance
from impasto_networks.spectrum import WINDOW, spectrum
from impasto_networks.strokes import strokes
from impasto_networks.style_losses import STYLE_LAYERS, Layers, grams, style_distance
from impasto_networks.vgg19_torch import Vgg

Terms = dict[str, torch.Tensor]  # the loss's terms by name, before their weights: [N]

CONTENTS = {"detail": ("relu2_2", False), "content": ("relu3_3", False), "coarse_content": ("relu3_3", True)}  # layer; at half size?
FAINT = 0.012  # standard deviation of the light around a place, where half of what VGG sees is followed
FREE = 0.1  # the share that is followed where the photo is flat
LEAST_DISTANCE = 0.15  # of a photo from a painting; relative to less, the style would be the whole loss
LEAST_CONTRAST = 0.1  # standard deviation, of 0..1
TONE_SQUARE = 16  # pixels: coarser than strokes
APART_SQUARE = 8  # pixels: as fine as the parts of a face
ROOT_FLOOR = 1e-6  # under a root, whose slope at 0 is infinite: a quarter of a level
BORDER = 16  # pixels along the edges whose colours do not count: the painter would put those away there that the photo has no place for
SEEN = 24  # crops that say how much there usually is in one
LEAST_SEEN = 0.05  # of a crop, that must be in both frames; of less, the motion counts less
CAMERA_NOISE = 4 / 255  # standard deviation of what a webcam adds in a room


@dataclass(frozen=True)
class Weights:
    """Of the terms of the loss. A recipe's [weights] may change any of them, and a style's own table for that style."""

    whole: float = 5.0  # Gram distance to the painting, over the photo's
    half: float = 5.0  # the same at half size: larger strokes
    large: float = 4.0  # at a quarter of the size: the largest strokes, and masses of colour
    local: float = 0.7  # of each quarter to the windows of the painting that fit it
    sliced: float = 1.0  # of features along random directions
    strokes: float = 3.0  # of the strokes' directions and strengths, at full, half and a quarter of the size
    repeat: float = 0.0  # of how the features repeat at a distance, at full and at half size: no weave, no dots in rows
    spectrum: float = 1.0  # of the strokes' strength at each width and direction: nothing too large, small or soft
    critic: float = 1.5  # how well critics, which learn beside the painter, tell the crops from the painting
    near_critic: float = 0.5  # the same of one that looks closer, at the brush's hairs
    far_critic: float = 1.0  # and of one that sees larger parts
    speckle: float = 1.0  # of specks of other colours, of which a painting has few
    color: float = 2.5  # of colours along random directions
    detail: float = 3.0  # how far relu2_2 is from following the photo's, where that has detail: edges
    content: float = 2.5  # relu3_3: things
    coarse_content: float = 1.0  # relu3_3 at half size: the subject, but not its every edge
    tone: float = 0.0  # the photo's light and dark in squares
    apart: float = 0.3  # what differs in colour in the photo differs in the painting
    motion: float = 0.7  # RMS between the styled moved crop and the moved styled crop, over the contrast: else pale pictures would be best
    still: float = 0.7  # what comes out of a camera's noise, in proportion to it
    halo: float = 150.0  # mean square of how much more the seams around things differ from the areas beside them than in the photo
    grid: float = 120000.0  # mean squares of a visible lattice of 4 pixels, and of 8
    tv: float = 0.3
    photo: float = 30.0  # mean square of the photo's own row to the photo


@dataclass
class Crops:
    """Squares of photos with what VGG sees in them."""

    pictures: torch.Tensor  # [N, 3, size, size] in 0..1
    contents: list[torch.Tensor]  # [N, C, H, W] of each of CONTENTS, less each channel's mean
    details: list[torch.Tensor]  # [N, 1, H, W] for each: how much there is to follow at a place, in 0..1
    shares: torch.Tensor  # [N, contents]: how much each counts, at most 1: a blurred crop has little to follow
    places: torch.Tensor  # [N, 4, 2] of the quarters: ranks of busyness and lightness among the photos
    whole: Layers  # Gram matrices [N, C, C] by layer
    half: Layers  # the same at half size
    large: Layers  # and at a quarter of the size
    seams: Seams


def each(change: Callable[..., torch.Tensor], first: Any, *others: Any) -> Any:
    """Crops, or whatever is made of tensors: each tensor changed, with the others' in its place as further arguments."""
    if isinstance(first, torch.Tensor):
        return change(first, *others)
    if isinstance(first, dict):
        return {name: each(change, *(own[name] for own in (first, *others))) for name in first}
    if isinstance(first, list):
        return [each(change, *parts) for parts in zip(first, *others)]
    return type(first)(*(each(change, *(getattr(own, part.name) for own in (first, *others))) for part in fields(first)))


@torch.no_grad()
def look(pictures: torch.Tensor, vgg: Vgg, usual: "Usual") -> Crops:
    """Crops of pictures [N, 3, size, size]."""
    features, coarse, large = (vgg(size) for size in sizes(pictures))
    contents, details = contents_of(features, coarse, pictures)
    shares = (energies(contents, details) / usual.energies).sqrt().clamp(max=1)
    places = usual.ranks(quarters(pictures)).unflatten(0, (-1, 4))
    return Crops(pictures, contents, details, shares, places, grams(features), grams(coarse), grams(large), find_seams(pictures))


def seen_as_content(features: Layers, coarse: Layers) -> list[torch.Tensor]:
    return [(coarse if halved else features)[layer] for layer, halved in CONTENTS.values()]


def contents_of(features: Layers, coarse: Layers, pictures: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The features of each of CONTENTS, centred, and how much there is to follow, [N, 1, H, W]."""
    found = seen_as_content(features, coarse)
    detail = detail_of(pictures)
    details = [F.adaptive_avg_pool2d(detail, own.shape[2:]) for own in found]
    return [centred(own, there) for own, there in zip(found, details)], details


def detail_of(pictures: torch.Tensor) -> torch.Tensor:
    """Where pictures [N, 3, H, W] have edges and texture, [N, 1, H, W] in FREE..1.

    Elsewhere strokes may cover them: a painter fills an empty sky."""
    square = local_contrast(pictures).square()
    return FREE + (1 - FREE) * square / (square + FAINT**2)


def energies(contents: list[torch.Tensor], details: list[torch.Tensor]) -> torch.Tensor:
    """The mean squares of each where there is something to follow, [N, contents]."""
    return torch.stack([(own.square() * there).mean((1, 2, 3)) for own, there in zip(contents, details)], 1)


def centred(features: torch.Tensor, details: torch.Tensor) -> torch.Tensor:
    """[N, C, H, W], each channel less its mean, weighted by `details` [N, 1, H, W]."""
    features = features.float()
    return features - (features * details).sum((2, 3), keepdim=True) / details.sum((2, 3), keepdim=True)


def departure(own: torch.Tensor, photos: torch.Tensor, details: torch.Tensor) -> torch.Tensor:
    """1 less the cosine between centred features [N, C, H, W] of each painting and of its photo, weighted by `details` [N, 1, H, W].

    A squared difference (Gatys, Johnson) charges every stroke by its square, so pale, soft pictures cost least. The cosine leaves the
    contrast to the painting and asks only that the photo's shapes are in it."""
    sums = lambda values: (values * details).sum((1, 2, 3))
    return 1 - sums(own * photos) / (sums(own.square()) * sums(photos.square()) + ROOT_FLOOR).sqrt()


class Usual:
    """What crops of the photos are like: how busy and light their quarters are, and how much there is in them for VGG."""

    @torch.no_grad()
    def __init__(self, pictures: torch.Tensor, vgg: Vgg) -> None:
        parts = quarters(pictures)
        self.sorted = [measure(parts).sort()[0] for measure in (busyness, lightness)]
        some = pictures[:SEEN]
        self.energies = energies(*contents_of(vgg(some), vgg(F.avg_pool2d(some, 2)), some)).mean(0)

    def ranks(self, parts: torch.Tensor) -> torch.Tensor:
        """Where the busyness and the lightness of parts [N, 3, H, W] stand among all, in 0..1: [N, 2]."""
        found = [torch.searchsorted(known, measure(parts)) / len(known) for known, measure in zip(self.sorted, (busyness, lightness))]
        return torch.stack(found, 1).float()


def tone_distance(styled: torch.Tensor, photos: torch.Tensor) -> torch.Tensor:
    """1 less the correlation of the pictures' light in squares: Gram matrices do not ask where the painting is dark."""
    light = [F.avg_pool2d(pictures.mean(1, keepdim=True), TONE_SQUARE).flatten(1) for pictures in (styled, photos)]
    return 1 - F.cosine_similarity(*(own - own.mean(1, keepdim=True) for own in light), dim=1)


def apart_distance(styled: torch.Tensor, photos: torch.Tensor) -> torch.Tensor:
    """1 less the distance correlation (Szekely et al. 2007) of the pictures' colours in squares.

    A painting has its own colours, but a red parrot before green leaves must not become one with them, though both are as light."""
    centred = []
    for pictures in (styled, photos):
        colors = F.avg_pool2d(pictures, APART_SQUARE).flatten(2).mT
        far = ((colors[:, :, None] - colors[:, None]).square().sum(3) + ROOT_FLOOR).sqrt()
        centred.append(far - far.mean(1, keepdim=True) - far.mean(2, keepdim=True) + far.mean((1, 2), keepdim=True))
    own, wanted = centred
    sums = lambda values: values.sum((1, 2))
    return 1 - sums(own * wanted) / (sums(own.square()) * sums(wanted.square()) + ROOT_FLOOR).sqrt()


def root(square: torch.Tensor) -> torch.Tensor:
    return (square + ROOT_FLOOR).sqrt()


@dataclass
class Judges:
    """Who says how good crops are."""

    paintings: Paintings
    critics: dict[str, Critics]  # by the term of the loss
    vgg: Vgg
    weighed: set[str]  # of the terms that not every recipe weighs, those to compute


def painted_terms(styled: torch.Tensor, crops: Crops, rows: list[int], index: torch.Tensor, judges: Judges) -> Terms:
    """How near the styled crops are to the paintings and to the photos. `index` holds the `rows` as a tensor."""
    paintings, critics, vgg = judges.paintings, judges.critics, judges.vgg
    scales = sizes(styled)
    features, coarse, large = map(vgg, scales)
    parts = grams({layer: quarters(features[layer]) for layer in STYLE_LAYERS})
    whole = {layer: own.unflatten(0, (-1, 4)).mean(1) for layer, own in parts.items()}

    def relative(own: Layers, photos: Layers, wanted: Layers) -> torch.Tensor:
        to = each(lambda of_all: of_all[index], wanted)
        return style_distance(own, to) / style_distance(photos, to).clamp(min=LEAST_DISTANCE)

    flat = lambda layer: features[layer].permute(0, 2, 3, 1).flatten(1, 2).float()
    sliced = [sliced_distance(thinned(flat(layer)), paintings.samples[layer][index], 16) for layer in SLICED_LAYERS]
    strokes_off = [sliced_distance(strokes(own), known[index], 8) for own, known in zip(scales, paintings.strokes)]

    def again() -> torch.Tensor:
        repeated = zip((features, coarse), paintings.repeats)
        off = [repeats_distance(repeats(own[LAYER]), (products[index], squares[index])) for own, (products, squares) in repeated]
        return torch.stack(off).mean(0)

    def powers() -> torch.Tensor:
        large_enough = [(own, known) for own, known in zip(scales, paintings.spectra) if own.shape[2] >= WINDOW]
        off = [known.distance(spectrum(own), index) for own, known in large_enough]
        return torch.stack(off).mean(0) if off else styled.new_zeros(len(rows))

    def specks() -> torch.Tensor:
        off = [speckle_distance(speckle(own), known[index]) for own, known in zip(scales, paintings.speckles)]
        return torch.stack(off).mean(0)

    sometimes = {"repeat": again, "spectrum": powers, "speckle": specks}
    sometimes |= {name: partial(own.distance, (features, coarse), index) for name, own in critics.items()}
    border = min(BORDER, styled.shape[2] // 8)
    colors = F.avg_pool2d(styled[:, :, border:-border, border:-border], COLOR_POOL).flatten(2).mT
    followed = zip(seen_as_content(features, coarse), crops.contents, crops.details)
    departures = [departure(centred(own, there), photo, there) for own, photo, there in followed]
    return {name: term() for name, term in sometimes.items() if name in judges.weighed} | {
        "whole": relative(whole, crops.whole, paintings.whole),
        "half": relative(grams(coarse), crops.half, paintings.half),
        "large": relative(grams(large), crops.large, paintings.large),
        "local": style_distance(parts, paintings.near(rows, crops.places)).unflatten(0, (-1, 4)).mean(1),
        "sliced": torch.stack(sliced).mean(0),
        "strokes": torch.stack(strokes_off).mean(0),
        "color": sliced_distance(colors, paintings.colors[index], 8),
        **{name: off * share for name, off, share in zip(CONTENTS, departures, crops.shares.unbind(1))},
        "tone": tone_distance(styled, crops.pictures),
        "apart": apart_distance(styled, crops.pictures),
        "halo": crops.seams.excess(styled),
    }


def thinned(rows: torch.Tensor, most: int = 3136) -> torch.Tensor:
    """Of [N, P, C]: evenly spaced rows, starting at a random one."""
    step = max(1, rows.shape[1] // most)
    return rows[:, int(torch.randint(step, ())) :: step]


def lattice(styled: torch.Tensor) -> torch.Tensor:
    """A lattice of 4 pixels, from the head's shuffle, and of 8, from the trunk."""
    return visible_grid(styled) + visible_grid(F.avg_pool2d(styled, 2))


def step_terms(
    network: BrushNetwork,
    crops: Crops,
    rows: list[int],
    index: torch.Tensor,
    judges: Judges,
    with_noise: bool,
) -> tuple[Terms, Terms]:
    """The terms of one step: of the crops in styles, and of those in the photo's own row, which come last in `rows`.

    `index` holds the rows as a tensor. `with_noise` also measures what becomes of a camera's noise."""
    photos, device = crops.pictures, crops.pictures.device
    style, grain = one_hot(index, network.styles), random_grain(photos.shape, device=device)
    count = sum(row < network.styles - 1 for row in rows)
    first = lambda values: values[:count]
    pictures, styles, grains = [photos], [style], [grain]
    if count:
        motion = random_motion(first(photos).shape, device)
        frames, mask = next_frames(first(photos), motion)
        mask = mask * (motion.abs() <= 1).all(-1)[:, None]
        small = F.interpolate(motion.permute(0, 3, 1, 2), scale_factor=1 / PATCH, mode="area").permute(0, 2, 3, 1)
        pictures.append(frames)
        grains.append(warp(first(grain), small))
        if with_noise:
            pictures.append(first(photos) + torch.randn_like(first(photos)) * CAMERA_NOISE)
            grains.append(first(grain))
    styles += [first(style)] * (len(pictures) - 1)
    painted = network.paint(torch.cat(pictures), torch.cat(styles), torch.cat(grains))
    all_styled, *others = painted.split([len(own) for own in pictures])
    plain = {"photo": (all_styled[count:] - photos[count:]).square().mean((1, 2, 3))} if count < len(rows) else {}
    if not count:
        return {}, plain
    styled = first(all_styled)
    terms = painted_terms(styled, each(first, crops), rows[:count], first(index), judges)
    moved, *noisy = others
    off = root(((warp(styled, motion) - moved).square() * mask).mean((1, 2, 3)) / mask.mean((1, 2, 3)).clamp(min=LEAST_SEEN))
    terms["motion"] = off / styled.flatten(1).std(1).clamp(min=LEAST_CONTRAST)
    for own in noisy:
        terms["still"] = root((own - styled).square().mean((1, 2, 3))) / CAMERA_NOISE
    terms["grid"] = lattice(styled)
    terms["tv"] = styled.diff(dim=2).square().mean((1, 2, 3)) + styled.diff(dim=3).square().mean((1, 2, 3))
    return terms, plain


def weight_table(weights: Iterable[Weights], device: torch.device | str) -> torch.Tensor:
    """[rows, terms]"""
    return torch.tensor([astuple(own) for own in weights], device=device)


def total(terms: Terms, weights: torch.Tensor) -> torch.Tensor:
    """The sum over the crops of their weighted terms; `weights` are the table's rows of each crop."""
    columns = [own.name for own in fields(Weights)]
    return sum((weights[:, columns.index(name)] * term).sum() for name, term in terms.items())


def words(averages: dict[str, float]) -> str:
    """One line about the running averages of the terms."""
    shown = {own.name: averages[own.name] for own in fields(Weights) if own.name in averages}
    for name in shown.keys() & {"grid", "halo", "photo"}:
        shown[name] = 255 * math.sqrt(max(0.0, shown[name]))
    return "  ".join(f"{name} {value:.3f}" for name, value in shown.items())
