"""What the Gatys optimum of a painting and a photo measures. Each takes minutes and is the same for every network: kept in a file."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from impasto_networks.files import write_atomically

from . import gatys, measures
from .measures import Features


class Optima:
    """The numbers by what they come from; `file` holds those found before, and gets each new one at once (None: nothing is kept)."""

    def __init__(self, file: Path | None, weights_file: Path | str, vgg: Callable[[np.ndarray], Features], threads: int) -> None:
        self.file, self.weights_file, self.vgg, self.threads = file, weights_file, vgg, threads
        self.common = hashlib.sha256(Path(weights_file).read_bytes() + repr((gatys.STEPS, gatys.CONTENT_WEIGHT)).encode())
        self.found = read(file) if file and file.exists() else {}

    def measure(self, photo: np.ndarray, painting: np.ndarray) -> dict[str, float]:
        """photo, painting: uint8 [H, W, 3]; gives the style distances of optimum and photo, and the optimum's content."""
        digest = self.common.copy()
        for picture in (photo, painting):
            digest.update(repr(picture.shape).encode() + picture.tobytes())
        key = digest.hexdigest()
        if key not in self.found:
            self.found[key] = self.optimum(photo, painting)
            if self.file:
                write_atomically(self.file, lambda temporary: temporary.write_text(json.dumps(self.found, indent=2) + "\n"))
        return self.found[key]

    def optimum(self, photo: np.ndarray, painting: np.ndarray) -> dict[str, float]:
        features, painting = self.vgg(photo), self.vgg(painting)
        own = self.vgg(gatys.optimum(self.weights_file, photo, painting, self.threads))
        return {
            "style_distance": measures.style_distance(own, painting, measures.ALL_LAYERS),
            "photo_distance": measures.style_distance(features, painting, measures.ALL_LAYERS),
            "content": measures.relative(own["relu3_3"], features["relu3_3"]),
        }


def read(file: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"'{file}' does not hold the numbers of optima; name another file as --optima")
    return found
