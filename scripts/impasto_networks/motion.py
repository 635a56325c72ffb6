"""The known changes between the two frames of a pair, in PyTorch."""

import numpy as np
import torch
import torch.nn.functional as F

MARGIN = 12  # pixels: a brush's width


def to_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array)).permute(2, 0, 1)[None].float() / 255


def between(count: int, low: float, high: float, device: torch.device) -> torch.Tensor:
    """Random values [count]."""
    return low + (high - low) * torch.rand(count, device=device)


def random_motion(shape: torch.Size | tuple[int, ...], device: torch.device) -> torch.Tensor:
    """For each picture a small affine motion plus a smooth elastic one, as sampling grids [N, H, W, 2]."""
    count = shape[0]
    zoom, turn = between(count, 0.95, 1.05, device), between(count, -0.05, 0.05, device)
    across, down = (between(count, -0.1, 0.1, device) for _ in range(2))
    sine, cosine = turn.sin() * zoom, turn.cos() * zoom
    matrix = torch.stack([cosine, -sine, across, sine, cosine, down], 1).unflatten(1, (2, 3))
    grid = F.affine_grid(matrix, list(shape), align_corners=False)
    knots = torch.randn(count, 2, 5, 5, device=device) * 0.012
    return grid + F.interpolate(knots, grid.shape[1:3], mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def warp(pictures: torch.Tensor, grids: torch.Tensor) -> torch.Tensor:
    return F.grid_sample(pictures, grids, mode="bilinear", padding_mode="reflection", align_corners=False)


def within(places: torch.Tensor, first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """[N, places]: 1 from `first` to `last` [N, 1], else 0."""
    return ((places >= first) & (places < last)).float()


def next_frames(photos: torch.Tensor, grids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The photos [N, 3, H, W] moved by the grids, with what else differs between two frames of a camera: noise, drifting light, and,
    in half of the pairs, something that has come into the picture.

    Gives the frames and the masks [N, 1, H, W] of what can be compared: what came in, and a brush's width around it, cannot.
    That it leaves the rest alone keeps the normalisation's statistics, which it changes, from recolouring the picture."""
    device, (count, _, height, width) = photos.device, photos.shape
    frames = warp(photos, grids)
    comes = (torch.rand(count, device=device) < 0.5).float()[:, None, None]
    inside, around = comes, comes
    for length, axis in ((height, 2), (width, 1)):
        places = torch.arange(length, device=device)[None]
        side = between(count, 0.15, 0.45, device)[:, None] * length
        first = (torch.rand(count, 1, device=device) * length - side / 2).floor()
        inside = inside * within(places, first, first + side).unsqueeze(axis)
        around = around * within(places, first - MARGIN, first + side + MARGIN).unsqueeze(axis)
    other = frames.flip(0, 3) * between(count, 0.3, 1, device)[:, None, None, None]  # another photo, where there is one; often dark
    frames = frames.lerp(other, inside[:, None])
    light = 1 + 0.02 * torch.randn(count, 1, 1, 1, device=device)
    noise = torch.randint(3, (count, 1, 1, 1), device=device) * 0.01
    return (frames * light + torch.randn_like(frames) * noise).clamp(0, 1), 1 - around[:, None]
