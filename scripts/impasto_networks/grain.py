"""The field of noise that strokes grow from, in NumPy: for networks as ONNX Runtime runs them."""

import numpy as np

CELL = 4  # pixels: one value of each of the four channels stands for 4x4
CHANNELS = 4
KERNEL = np.float32([0.25, 0.5, 0.25])  # along rows and columns: neighbours are alike over about two cells


def fixed_grain(height: int, width: int, seed: int = 1) -> np.ndarray:
    """For a picture of this size: float32 [H/4, W/4, 4], mean 0 and variance 1."""
    rows, columns = -(-height // CELL), -(-width // CELL)
    noise = np.random.default_rng(seed).standard_normal((rows + 2, columns + 2, CHANNELS), np.float32)
    noise = sum(share * noise[place : place + rows] for place, share in enumerate(KERNEL))
    noise = sum(share * noise[:, place : place + columns] for place, share in enumerate(KERNEL))
    return noise / np.square(KERNEL).sum()
