"""Halos: the light or dark seams that a network paints around things, beside even areas."""

import numpy as np

EDGE = 24.0  # of 255: a step of the photo's light over two pixels that is the edge of a thing
EVEN = 6.0  # of 255: deviation of the photo's light in a window below which it is even
NEAR, FAR = (4, 12), (16, 32)  # pixels from the nearest edge: the seam, and the area beside it that it differs from
WINDOW = 49  # pixels: seams and their areas are compared by their means over such squares, which strokes average out in
LEAST = 24  # pixels of either that a square must have


def box(plane: np.ndarray, side: int) -> np.ndarray:
    """The mean over squares of `side` pixels, odd, around each pixel; beyond the borders are zeros."""
    for axis in (0, 1):
        widths = [(side // 2 + 1, side // 2) if own == axis else (0, 0) for own in (0, 1)]
        sums = np.pad(plane, widths).cumsum(axis)
        count = plane.shape[axis]
        plane = (np.take(sums, range(side, side + count), axis) - np.take(sums, range(count), axis)) / side
    return plane


def seams(light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the photo of this light [H, W] is even and near an edge, and where it is even and farther away."""
    across, down = np.zeros_like(light), np.zeros_like(light)
    across[:, 1:-1], down[1:-1] = light[:, 2:] - light[:, :-2], light[2:] - light[:-2]
    edges = (np.hypot(across, down) > EDGE).astype(np.float64)
    within = lambda reach: box(edges, 2 * reach + 1) > 1e-9
    even = box(light * light, 7) - box(light, 7) ** 2 < EVEN**2
    return even & within(NEAR[1]) & ~within(NEAR[0]), even & within(FAR[1]) & ~within(FAR[0])


def halo(photo_light: np.ndarray, styled_light: np.ndarray) -> float | None:
    """RMS, of 255, of how much more the seams differ from their areas in the painting than in the photo. None without seams."""
    near, far = (mask.astype(np.float64) for mask in seams(photo_light))
    counts = [box(mask, WINDOW) for mask in (near, far)]
    enough = np.minimum(*counts) * WINDOW**2 >= LEAST
    if not enough.any():
        return None

    def step(light: np.ndarray) -> np.ndarray:
        means = [box(light * mask, WINDOW)[enough] / count[enough] for mask, count in zip((near, far), counts)]
        return means[0] - means[1]

    return float(np.sqrt(np.square(step(styled_light) - step(photo_light)).mean()))
