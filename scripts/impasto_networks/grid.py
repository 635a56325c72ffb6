"""How much of a grid of 4x4 pixels is seen in a painting.

On flat areas of a photo the trunk's features are the same everywhere, and all that the head can vary there are the
sub-pixels of a patch: a texture that repeats every 4 pixels, as a weave. It is measured by training and by evaluation alike.
"""

from typing import Any

PATCH = 4  # one position of the trunk stands for 4x4 pixels
WINDOW = 8  # patches: 32 pixels; in larger windows areas with opposite grids cancel
MASKING = 6 / 255  # a grid is seen half as well among strokes of this contrast


def smooth(pictures: Any) -> Any:
    """Along the rows, without what repeats every 4 pixels; an even slope stays as it is. 4 pixels shorter."""
    inner = pictures[..., 1:-3] + pictures[..., 2:-2] + pictures[..., 3:-1]
    return (pictures[..., :-4] + 2 * inner + pictures[..., 4:]) / 8


def visible_grid(pictures: Any) -> Any:
    """Of pictures [N, C, H, W] in 0..1, PyTorch's or NumPy's, sides 36 or more: the mean square of the grid that is seen, [N].

    A grid is what the places in the patches come to on average over a window, beside what is smooth. Chance leaves strokes
    a 64th of their own square there, which does not count; and the rest counts less among strokes than on a flat area."""
    detail = pictures[:, :, 2:-2, 2:-2] - smooth(smooth(pictures).swapaxes(2, 3)).swapaxes(2, 3)
    count, colors, height, width = detail.shape
    rows, columns = height // (PATCH * WINDOW), width // (PATCH * WINDOW)
    detail = detail[:, :, : rows * PATCH * WINDOW, : columns * PATCH * WINDOW]
    places = detail.reshape(count, colors, rows, WINDOW, PATCH, columns, WINDOW, PATCH)
    grid = (places.mean((3, 6)) ** 2).mean((3, 5))  # [N, C, rows, columns]
    strokes = (places**2).mean((3, 4, 6, 7))
    excess = grid - strokes / WINDOW**2
    seen = excess * (excess > 0) / (1 + strokes / MASKING**2)
    return seen.mean((1, 2, 3))
