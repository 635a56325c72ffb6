"""What is measured on one photo and its painting. Pictures are uint8 [H, W, 3], sRGB."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from impasto_networks.grid import visible_grid
from impasto_networks.pictures import load_picture

Features = Mapping[str, np.ndarray]  # what VGG sees in a picture, by name
Motion = Sequence[np.ndarray]  # where each pixel of a moved picture comes from: x and y in -1..1 over the outer edges, [H, W] each
Paint = Callable[..., np.ndarray]  # a picture, and a motion where it was moved, to the painting

SIDE = 400  # pixels: the short side of photos and paintings; the paintings' decides how large their strokes are
MOST_ENLARGED = 1.5  # times: larger, a small photo would be a blur, which no camera gives
LEAST_SIDE = 40  # of a photo: a window of its grid
GAP_LAYERS = ("gram1_1", "gram2_1", "gram3_1", "gram4_1")  # those that the training's loss looks at too
QUARTER_LAYERS = tuple(name.replace("gram", "quarters") for name in GAP_LAYERS)
ALL_LAYERS = (*GAP_LAYERS, "gram5_1")
NOISE = 4.0  # standard deviation of a camera's noise, of 255
SPEED_SIZE, SPEED_ROUNDS, SPEED_RUNS = (640, 360), 3, 12  # width and height in pixels; rounds of all networks in turn
DARK = 24  # of 255: a coat
ZOOM, TURN, SHIFT = 1 / 1.03, 0.03, 0.04  # the known motion: 3 % larger, 0.03 rad, 4 % of the sides


def load_photo(path: Path) -> np.ndarray:
    """A photo at the measuring size, its sides a multiple of 8: what every network takes unpadded, at half size too."""
    photo = load_picture(path, SIDE)
    if min(photo.shape[:2]) < LEAST_SIDE:
        raise ValueError(f"'{path}' is {photo.shape[1]}x{photo.shape[0]}: photos have sides of {LEAST_SIDE} pixels or more")
    return at_side(photo, min(SIDE, MOST_ENLARGED * min(photo.shape[:2])))


def at_side(picture: np.ndarray, side: float) -> np.ndarray:
    """The picture at this short side, larger or smaller, its sides a multiple of 8."""
    scale = side / min(picture.shape[:2])
    size = [int(length * scale) // 8 * 8 for length in (picture.shape[1], picture.shape[0])]
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def halved(picture: np.ndarray) -> np.ndarray:
    """The means of 2x2 pixels, float32."""
    return np.float32(picture).reshape(picture.shape[0] // 2, 2, picture.shape[1] // 2, 2, 3).mean((1, 3))


def texture(picture: np.ndarray) -> np.ndarray:
    """RMS of the light less its mean over 9x9 pixels, in squares of 16, in rows: [squares]."""
    light = np.float64(picture).mean(2)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(light, 4, mode="reflect"), (9, 9))
    detail = light - windows.mean((2, 3))
    rows, columns = (length // 16 for length in light.shape)
    squares = detail[: rows * 16, : columns * 16].reshape(rows, 16, columns, 16)
    return np.sqrt(np.square(squares).mean((1, 3))).ravel()


def flat_texture(photo: np.ndarray, styled: np.ndarray, painting: np.ndarray) -> float:
    """Texture in the photo's flattest fifth, over that in the painting's own flattest fifth: 1 is as calm as the painting."""
    flattest = np.argsort(texture(photo))[: len(texture(photo)) // 5]
    calm = np.sort(texture(painting))
    return float(texture(styled)[flattest].mean() / calm[: len(calm) // 5].mean())


def relative(value: np.ndarray, reference: np.ndarray) -> float:
    """Squared difference over the reference's square."""
    return float(np.square(value - reference, dtype=np.float64).sum() / np.square(reference, dtype=np.float64).sum())


def following(value: np.ndarray, reference: np.ndarray) -> float:
    """The cosine between two layers' features [C, H, W], each channel less its mean: how closely shapes follow the reference's."""
    own, wanted = (features - features.mean((-2, -1), keepdims=True) for features in (value, reference))
    lengths = np.square(own, dtype=np.float64).sum() * np.square(wanted, dtype=np.float64).sum()
    return float((own * wanted).sum(dtype=np.float64) / np.sqrt(lengths + 1e-12))


def style_distance(features: Features, painting: Features, layers: Sequence[str] = GAP_LAYERS) -> float:
    """The mean over the layers of the squared Gram difference over the painting's squared Gram."""
    return sum(relative(features[name], painting[name]) for name in layers) / len(layers)


def gap_closed(own: Features, photo: Features, painting: Features, layers: Sequence[str]) -> float:
    """How much of the way from the photo to the painting's statistics was gone: 0 is the photo, 1 the painting's own."""
    return 1 - style_distance(own, painting, layers) / style_distance(photo, painting, layers)


def local_gap_closed(own: Features, photo: Features, painting: Features) -> float:
    """The same in each quarter by itself: distances averaged over the four, so that no part may stay unpainted."""

    def distance(features: Features) -> float:
        layers = [(features[name], painting[name.replace("quarters", "gram")]) for name in QUARTER_LAYERS]
        return sum(relative(quarter, gram) for quarters, gram in layers for quarter in quarters)

    return 1 - distance(own) / distance(photo)


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))


def known_motion(height: int, width: int) -> Motion:
    """Where each pixel of the moved picture comes from: x, y in -1..1 over the pixels' outer edges, [H, W] each.

    PyTorch's `affine_grid` with align_corners=False."""
    sine, cosine = math.sin(TURN) * ZOOM, math.cos(TURN) * ZOOM
    y, x = np.meshgrid(*((2 * np.arange(side) + 1) / side - 1 for side in (height, width)), indexing="ij")
    return x * cosine - y * sine + 2 * SHIFT, x * sine + y * cosine + 2 * SHIFT


def warp(picture: np.ndarray, grid: Motion) -> np.ndarray:
    """Bilinear, beyond the edges mirrored; PyTorch's `grid_sample` with align_corners=False. Gives float [H, W, 3]."""
    height, width = picture.shape[:2]

    def neighbours(place: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        place = np.abs(((place + 1) * side - 1) / 2 + 0.5) % (2 * side)  # pixels from the outer edge
        place = np.clip(np.minimum(place, 2 * side - place) - 0.5, 0, side - 1)
        first = np.minimum(place.astype(int), side - 1)
        return first, np.minimum(first + 1, side - 1), (place - first)[..., None]

    left, right, across = neighbours(grid[0], width)
    top, bottom, down = neighbours(grid[1], height)
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = picture[bottom, left] * (1 - across) + picture[bottom, right] * across
    return upper * (1 - down) + lower * down


def to_bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def motion(paint: Paint, photo: np.ndarray, styled: np.ndarray) -> float:
    """RMS, of 255, between the styled warped photo and the warped styled photo, where the warp stays inside.

    `paint` takes the motion too: a network's grain moves with the scene."""
    grid = known_motion(*photo.shape[:2])
    inside = (np.abs(grid[0]) <= 1) & (np.abs(grid[1]) <= 1)
    return rms((paint(to_bytes(warp(photo, grid)), grid) - warp(styled, grid))[inside])


def still_gain(paint: Paint, photo: np.ndarray, seed: Any) -> float:
    """RMS between two noisy copies styled, over the RMS between the copies; the same noise for every network."""
    generator = np.random.default_rng(seed)
    first, second = (to_bytes(photo + generator.normal(0, NOISE, photo.shape)) for _ in range(2))
    return rms(np.float32(paint(first)) - paint(second)) / rms(np.float32(first) - second)


def pumping(paint: Paint, photo: np.ndarray, styled: np.ndarray) -> float:
    """RMS, of 255, of the change that a dark thing in one corner makes to the painting elsewhere.

    It takes a third of either side. Elsewhere is beyond another quarter of the short side: own networks see less far."""
    height, width = photo.shape[:2]
    bottom, right, around = height // 3, width // 3, min(height, width) // 4
    entered = photo.copy()
    entered[:bottom, :right] = DARK
    elsewhere = np.ones((height, width), bool)
    elsewhere[: bottom + around, : right + around] = False
    return rms((np.float32(paint(entered)) - styled)[elsewhere])


def luma(picture: np.ndarray) -> np.ndarray:
    return picture @ np.float64([0.2126, 0.7152, 0.0722])  # BT.709


def ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Structural similarity of the lumas (Wang et al. 2004): 11x11 Gaussian window of sigma 1.5, K 0.01 and 0.03."""
    window = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.5**2))
    window /= window.sum()

    def blur(plane: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            plane = np.apply_along_axis(np.convolve, axis, plane, window, "valid")
        return plane

    x, y = luma(first), luma(second)
    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y, both = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2, blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similar = (2 * mean_x * mean_y + c1) * (2 * both + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(similar.mean())


def grid(styled: np.ndarray) -> float:
    """RMS, of 255, of the grid of 4x4 pixels that is seen in windows of 32x32."""
    return 255 * math.sqrt(visible_grid(np.float64(styled).transpose(2, 0, 1)[None] / 255)[0])


def speed(paints: Sequence[Callable[[np.ndarray], np.ndarray]]) -> list[float]:
    """Milliseconds that each takes for one picture, the median; all take turns, so all meet the same load."""
    width, height = SPEED_SIZE
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    times = [[] for _ in paints]
    for _ in range(SPEED_ROUNDS):
        for paint, own in zip(paints, times):
            for run in range(SPEED_RUNS):
                started = time.perf_counter()
                paint(picture)
                if run > 1:  # the first ones fetch memory
                    own.append((time.perf_counter() - started) * 1000)
    return [statistics.median(own) for own in times]
