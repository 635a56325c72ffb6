"""The known changes between the two frames of a pair, in PyTorch."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F


def to_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array)).permute(2, 0, 1)[None].float() / 255


def affine_grid(shape: torch.Size | tuple[int, ...], zoom: float, turn: float, shift: Sequence[float]) -> torch.Tensor:
    sine, cosine = math.sin(turn) * zoom, math.cos(turn) * zoom
    matrix = torch.tensor([[[cosine, -sine, 2 * shift[0]], [sine, cosine, 2 * shift[1]]]], dtype=torch.float32)
    return F.affine_grid(matrix, [1, *shape[1:]], align_corners=False)


def random_motion(shape: torch.Size | tuple[int, ...], rng: np.random.Generator) -> torch.Tensor:
    """A small affine motion plus a smooth elastic one, as a sampling grid [1, H, W, 2]."""
    grid = affine_grid(shape, rng.uniform(0.95, 1.05), rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05, 2))
    knots = torch.from_numpy(rng.normal(0, 0.012, (1, 2, 5, 5))).float()
    return grid + F.interpolate(knots, grid.shape[1:3], mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def warp(picture: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    grid = grid.expand(len(picture), -1, -1, -1)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def next_frame(photo: torch.Tensor, grid: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
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
