"""How alike the features are at a distance: a weave, or dots in rows, repeats itself, and a painting does not.

Gram matrices do not ask where in a picture a stroke is. A network that grows strokes from noise then sets them at even distances,
like scales, at no cost. The autocorrelation of VGG's features shows it (Sendik and Cohen-Or 2017, "Deep Correlations for Texture
Synthesis"): a painting's falls with the distance; a weave's falls, and rises again."""

import torch

LAYER = "relu3_1"  # its positions are 4 pixels apart
LAGS = (2, 3, 4, 6, 8, 10)  # positions
WAYS = ((0, 1), (1, 0), (1, 1), (1, -1))  # down, across
WINDOW = 48  # positions: as large as a crop; larger areas, light and dark, are no strokes
TINY = 1e-6


def repeats(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of pictures' features [N, C, H, W]: the products with themselves some positions away [N, lags, C], and the squares [N, C].

    Both are means over the positions, less each channel's mean."""
    features = features.float()
    features = features - features.mean((2, 3), keepdim=True)
    height, width = features.shape[2:]
    products = []
    for lag in LAGS:
        for down, across in WAYS:
            down, across = min(down * lag, height // 2), max(-(width // 2), min(across * lag, width // 2))
            left = max(0, -across)
            here = features[:, :, : height - down, left : width - max(0, across)]
            there = features[:, :, down:, left + across : width + min(0, across)]
            products.append((here * there).mean((2, 3)))
    return torch.stack(products, 1), features.square().mean((2, 3))


def painting_repeats(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same of a painting [1, C, H, W], from windows of the size of a crop."""
    down, across = (max(1, side // WINDOW) for side in features.shape[2:])
    sides = [side // count for side, count in zip(features.shape[2:], (down, across))]
    windows = features[0, :, : down * sides[0], : across * sides[1]].unfold(1, sides[0], sides[0]).unfold(2, sides[1], sides[1])
    products, squares = repeats(windows.permute(1, 2, 0, 3, 4).flatten(0, 1))
    return products.mean(0, keepdim=True), squares.mean(0, keepdim=True)


def repeats_distance(own: tuple[torch.Tensor, torch.Tensor], painting: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """How far the pictures' autocorrelations are from the paintings', relative to these: [N].

    Channels count as they vary in the painting."""
    (ours, our_squares), (theirs, squares) = own, painting
    ours, theirs = ours / (our_squares[:, None] + TINY), theirs / (squares[:, None] + TINY)
    counts = squares[:, None] / squares.sum(1)[:, None, None]
    return ((ours - theirs).square() * counts).sum((1, 2)) / (theirs.square() * counts).sum((1, 2)).clamp(min=TINY)
