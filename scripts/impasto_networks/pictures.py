"""Pictures as arrays: finding them, loading them."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


def picture_files(folder: Path | str, option: str = "--photos") -> list[Path]:
    """All pictures under the folder, in the order of their names; `option` is what the error tells the user to change."""
    files = sorted(file for file in Path(folder).rglob("*") if file.suffix.lower() in PICTURES)
    if not files:
        raise ValueError(f"no pictures under '{folder}'; give a folder with {', '.join(sorted(PICTURES))} as {option}")
    return files


def load_picture(path: Path | str, short_side: int) -> np.ndarray:
    """The picture, uint8 [H, W, 3], upright, its short side scaled down to `short_side` (never up)."""
    with Image.open(path) as picture:
        picture.draft("RGB", (short_side, short_side))  # JPEG: decode at a fraction of the size
        picture = ImageOps.exif_transpose(picture).convert("RGB")
    scale = short_side / min(picture.size)
    if scale < 1:
        picture = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.LANCZOS)
    return np.asarray(picture)
