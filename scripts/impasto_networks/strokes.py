"""The direction, clearness and strength of the strokes in each part of a picture.

Gram matrices are averages: one small stroke, repeated everywhere, comes close to them. A painting's strokes turn, gather and thin
out. The structure tensor describes the strokes of a cell; the loss compares the distribution of all cells with the painting's."""

import torch
import torch.nn.functional as F

CELL, STEP = 16, 8  # pixels
FAINT = 1e-4  # mean square of slopes, of light in 0..1: below, a cell is flat and has no direction
SPREAD = 4.0  # the logarithm of the strength, over this, varies about as much as the direction


def strokes(pictures: torch.Tensor) -> torch.Tensor:
    """Of each cell of [N, 3, H, W] in 0..1: twice the angle as a vector, its length the clearness, and the strength. [N, cells, 3]."""
    light = pictures.mean(1, keepdim=True)
    across = (light[..., 1:-1, 2:] - light[..., 1:-1, :-2]) / 2
    down = (light[..., 2:, 1:-1] - light[..., :-2, 1:-1]) / 2
    tensor = torch.cat([across * across, down * down, across * down], 1)
    xx, yy, xy = F.avg_pool2d(tensor, min(CELL, *tensor.shape[2:]), STEP).unbind(1)
    total = xx + yy + FAINT
    cells = torch.stack([(xx - yy) / total, 2 * xy / total, total.log() / SPREAD], -1)
    return cells.flatten(1, 2)
