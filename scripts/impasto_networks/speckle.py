"""Specks of other colours beside each other, a pixel or two wide: VGG hardly sees them, and a camera's painter must not make them.

Without this, networks whose light had nearly the fine texture of their paintings had two to fifteen times the colour noise."""

import torch
import torch.nn.functional as F

SQUARES = (3, 5)  # pixels
LEAST = (1 / 255) ** 2  # a level: less is not seen


def speckle(pictures: torch.Tensor) -> torch.Tensor:
    """How much the colours of pictures [N, 3, H, W] differ, light aside, from their means in squares: mean squares [N, squares]."""
    red, green, blue = pictures.unbind(1)
    colors = torch.stack([red - green, blue - (red + green) / 2], 1)
    around = lambda side: F.avg_pool2d(F.pad(colors, [side // 2] * 4, mode="reflect"), side, 1)
    return torch.stack([(colors - around(side)).square().mean((1, 2, 3)) for side in SQUARES], 1)


def speckle_distance(own: torch.Tensor, paintings: torch.Tensor) -> torch.Tensor:
    """The mean square logarithm of how many times more speckled crops are than their paintings, [N]; fewer specks are no fault."""
    return (F.relu(torch.log((own + LEAST) / (paintings + LEAST))) / 2).square().mean(1)
