"""Pictures for train.py: loading, random crops, and the known changes between the two frames of a pair."""

import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
# Of crops, in levels of 255: an empty sky has no content to be relative to, and wallpapers have more blur than people's photos.
LEAST_CONTRAST, LEAST_DETAIL = 20, 3  # the standard deviation; the mean difference of a row from the next


def load_picture(path, short_side):
    """RGB8 array, scaled down to the given short side (never up)."""
    with Image.open(path) as picture:
        picture.draft("RGB", (short_side, short_side))  # JPEG: decode at a fraction of the size
        picture = picture.convert("RGB")
    scale = short_side / min(picture.size)
    if scale < 1:
        picture = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.LANCZOS)
    return np.asarray(picture)


def picture_files(directory):
    files = sorted(file for file in Path(directory).rglob("*") if file.suffix.lower() in PICTURES)
    return files or sys.exit(f"no pictures under {directory}: --photos takes a folder of {', '.join(sorted(PICTURES))}")


def to_tensor(array):
    return torch.from_numpy(np.array(array)).permute(2, 0, 1)[None].float() / 255


def random_crop(photos, size, rng):
    """A square, [1, 3, size, size]: of a third of the short side or more, as a photo of 512 pixels would give it at most;
    flipped, light and colour varied."""
    for _ in range(20):
        photo = photos[rng.integers(len(photos))]
        height, width = photo.shape[:2]
        side = int(min(height, width) * rng.uniform(min(max(1 / 3, size / 512), 1), 1))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        crop = Image.fromarray(photo[top : top + side, left : left + side])
        crop = np.asarray(crop.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0))
        if crop.std() > LEAST_CONTRAST and np.abs(np.diff(crop.mean(2), axis=0)).mean() > LEAST_DETAIL:
            break
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    x = to_tensor(crop)
    saturation, light = rng.uniform(0.6, 1.3), rng.uniform(0.65, 1.15)
    x = x.mean(1, keepdim=True).lerp(x, saturation).clamp(0, 1) ** rng.uniform(0.7, 1.4)
    return (x * light * torch.tensor(rng.uniform(0.9, 1.1, 3), dtype=torch.float32)[:, None, None]).clamp(0, 1)


def affine_grid(shape, zoom, turn, shift):
    sine, cosine = math.sin(turn) * zoom, math.cos(turn) * zoom
    matrix = torch.tensor([[[cosine, -sine, 2 * shift[0]], [sine, cosine, 2 * shift[1]]]], dtype=torch.float32)
    return F.affine_grid(matrix, [1, *shape[1:]], align_corners=False)


def random_motion(shape, rng):
    """A small affine motion plus a smooth elastic one, as a sampling grid [1, H, W, 2]."""
    grid = affine_grid(shape, rng.uniform(0.95, 1.05), rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05, 2))
    knots = torch.from_numpy(rng.normal(0, 0.012, (1, 2, 5, 5))).float()
    return grid + F.interpolate(knots, grid.shape[1:3], mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def warp(picture, grid):
    grid = grid.expand(len(picture), -1, -1, -1)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def next_frame(photo, grid, rng):
    """The photo moved by `grid`, with what else differs between two frames of a camera: noise, drifting light, and, in
    half of the pairs, something that has come into the picture.

    Gives the frame and the mask [1, 1, H, W] of what can be compared: what came in, and a brush's width around it, cannot.
    That it leaves the rest alone keeps the normalisation's statistics, which it changes, from recolouring the picture."""
    frame = warp(photo, grid)
    mask = torch.ones(1, 1, *photo.shape[2:])
    if rng.random() < 0.5:
        height, width = photo.shape[2:]
        sides = [int(side * rng.uniform(0.15, 0.45)) for side in (height, width)]
        top, left = (rng.integers(-side // 2, whole - side // 2) for side, whole in zip(sides, (height, width)))
        place = (slice(max(top, 0), top + sides[0]), slice(max(left, 0), left + sides[1]))
        frame[:, :, *place] = frame.flip(0, 3)[:, :, *place] * rng.uniform(0.3, 1)  # of the other photo, if there is one; often dark
        margin = 12
        mask[:, :, max(top - margin, 0) : top + sides[0] + margin, max(left - margin, 0) : left + sides[1] + margin] = 0
    light = torch.from_numpy(rng.normal(1, 0.02, (len(frame), 1, 1, 1))).float()
    noise = rng.choice([0.0, 0.01, 0.02])
    return (frame * light + torch.randn_like(frame) * noise).clamp(0, 1), mask
