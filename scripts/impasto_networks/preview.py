"""Sheets of painted photos, to look at."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from impasto_networks.brush_network import BrushNetwork, random_grain
from impasto_networks.files import write_atomically
from impasto_networks.layers import one_hot
from impasto_networks.motion import to_tensor


@torch.no_grad()
def save_preview(path: Path | str, network: BrushNetwork, photos: list[np.ndarray], styles: list[int], side: int) -> None:
    """One row a photo, its short side scaled to `side` pixels: the photo, then each of the styles."""
    rows = []
    for pixels in photos:
        photo = Image.fromarray(pixels)
        scale = side / min(photo.size)
        photo = to_tensor(photo.resize([max(1, round(length * scale / 16)) * 16 for length in photo.size], Image.Resampling.LANCZOS))
        grain = random_grain(photo.shape, torch.Generator().manual_seed(1))
        rows.append(torch.cat([photo] + [network(photo, one_hot(row, network.styles), grain) for row in styles], 3))
    widest = max(row.shape[3] for row in rows)
    sheet = torch.cat([F.pad(row, (0, widest - row.shape[3])) for row in rows], 2)[0].permute(1, 2, 0)
    write_atomically(path, lambda temporary: Image.fromarray((sheet * 255).round().byte().numpy()).save(temporary, "PNG"))
