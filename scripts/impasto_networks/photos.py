"""The crops that a BrushNetwork is trained on: every kind of photo, the flat and the blurred too."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from impasto_networks.motion import to_tensor
from impasto_networks.objective import CONTENTS, Crop, Ranking, look
from impasto_networks.pictures import load_picture, picture_files
from impasto_networks.vgg19_torch import Vgg

PHOTO_SIDE = 640  # pixels: the short side that photos are kept at
LEAST_SHARE = 0.4  # of the short side: a crop is nearly a picture of its own
KEPT, USES = 24, 6  # crops at a time; paintings of each
RANKED = 300  # crops that say what is busy and what is light
BLURRED, FADED = 0.15, 0.2  # shares of crops that are blurred, all or in part


def random_crop(photos: Sequence[np.ndarray], size: int, rng: np.random.Generator) -> torch.Tensor:
    """[1, 3, size, size] in 0..1: flipped, light and colour varied, some out of focus."""
    photo = photos[rng.integers(len(photos))]
    height, width = photo.shape[:2]
    side = int(min(height, width) * rng.uniform(LEAST_SHARE, 1))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    crop = Image.fromarray(photo[top : top + side, left : left + side]).resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
    x = to_tensor(np.asarray(crop)[:, ::-1] if rng.random() < 0.5 else np.asarray(crop))
    kind = rng.random()
    if kind < BLURRED + FADED:
        small = int(rng.choice([4, 8, 16]))
        soft = F.interpolate(F.avg_pool2d(x, small), (size, size), mode="bicubic", align_corners=False).clamp(0, 1)
        mask = torch.ones(1, 1, size, size)
        if kind > BLURRED:  # as behind a subject: sharp in some parts
            knots = torch.from_numpy(rng.normal(0, 3, (1, 1, 4, 4))).float()
            mask = torch.sigmoid(3 * F.interpolate(knots, (size, size), mode="bicubic", align_corners=True))
        x = x.lerp(soft, mask)
    saturation, light = rng.uniform(0.6, 1.4), rng.uniform(0.7, 1.1)
    x = x.mean(1, keepdim=True).lerp(x, saturation).clamp(0, 1) ** rng.uniform(0.7, 1.4)
    return (x * light * torch.tensor(rng.uniform(0.9, 1.1, 3), dtype=torch.float32)[:, None, None]).clamp(0, 1)


def read_photos(folder: Path | str) -> list[np.ndarray]:
    return [load_picture(file, PHOTO_SIDE) for file in picture_files(folder)]


class Crops:
    """Crops of the photos, each painted several times, in whatever style has its turn: VGG looks at each once."""

    def __init__(self, photos: Sequence[np.ndarray], size: int, vgg: Vgg, seed: int) -> None:
        self.photos = photos
        self.size, self.vgg = size, vgg
        rng = np.random.default_rng(seed)
        self.ranking = Ranking([random_crop(self.photos, size, rng) for _ in range(RANKED)])
        self.usual = [0.0] * len(CONTENTS)  # energies of content, on average: content counts for less in a blurred crop, which has little
        self.seen = 0
        self.kept: list[tuple[Crop, int]] = []  # with their uses so far

    def take(self, rng: np.random.Generator) -> Crop:
        if len(self.kept) < KEPT:
            crop, uses = self.fresh(rng), 0
        else:
            crop, uses = self.kept.pop(int(rng.integers(KEPT)))
        if uses + 1 < USES:
            self.kept.append((crop, uses + 1))
        return crop

    def fresh(self, rng: np.random.Generator) -> Crop:
        crop = look(random_crop(self.photos, self.size, rng), self.vgg, self.ranking)
        self.seen += 1
        for index, energy in enumerate(crop.energies):
            self.usual[index] += (energy - self.usual[index]) / self.seen
        crop.shares = [min(1.0, (own / usual) ** 0.5) for own, usual in zip(crop.energies, self.usual)]
        return crop
