"""The crops that a BrushNetwork is trained on: every kind of photo, the flat and the blurred too."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from impasto_networks.objective import Crops, Usual, each, look
from impasto_networks.pictures import load_picture, picture_files
from impasto_networks.vgg19_torch import Vgg

PHOTO_SIDE = 640  # pixels: the short side that photos are kept at
LEAST_SHARE = 0.4  # of the short side: a crop is nearly a picture of its own
KEPT, USES = 24, 6  # crops at a time, for each that is painted in a step; paintings of each
MOST_KEPT = 192
RANKED = 300  # crops that say what is busy and what is light
BLURRED, FADED = 0.15, 0.2  # shares of crops that are blurred, all or in part


def random_crop(photos: Sequence[torch.Tensor], size: int, rng: np.random.Generator) -> torch.Tensor:
    """[1, 3, size, size] in 0..1 of photos [3, H, W] in 0..255: flipped, light and colour varied, some out of focus."""
    photo = photos[rng.integers(len(photos))]
    height, width = photo.shape[1:]
    side = int(min(height, width) * rng.uniform(LEAST_SHARE, 1))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    x = photo[None, :, top : top + side, left : left + side].float() / 255
    x = F.interpolate(x, (size, size), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    if rng.random() < 0.5:
        x = x.flip(3)
    kind = rng.random()
    if kind < BLURRED + FADED:
        small = int(rng.choice([4, 8, 16]))
        soft = F.interpolate(F.avg_pool2d(x, small), (size, size), mode="bicubic", align_corners=False).clamp(0, 1)
        if kind > BLURRED:  # as behind a subject: sharp in some parts
            knots = torch.randn(1, 1, 4, 4, device=x.device) * 3
            soft = x.lerp(soft, torch.sigmoid(3 * F.interpolate(knots, (size, size), mode="bicubic", align_corners=True)))
        x = soft
    saturation, light = rng.uniform(0.6, 1.4), rng.uniform(0.7, 1.1)
    x = torch.lerp(x.mean(1, keepdim=True).expand_as(x), x, saturation).clamp(0, 1) ** rng.uniform(0.7, 1.4)
    tint = 0.9 + 0.2 * torch.rand(1, 3, 1, 1, device=x.device)
    return (x * light * tint).clamp(0, 1)


def read_photos(folder: Path | str, device: torch.device | str = "cpu") -> list[torch.Tensor]:
    """All photos under the folder, [3, H, W] in 0..255."""
    photos = (load_picture(file, PHOTO_SIDE) for file in picture_files(folder))
    return [torch.from_numpy(photo.copy()).permute(2, 0, 1).contiguous().to(device) for photo in photos]


class Pool:
    """Crops of the photos, each painted several times, in whatever style has its turn: VGG looks at each once."""

    def __init__(self, photos: Sequence[torch.Tensor], size: int, vgg: Vgg, rng: np.random.Generator, batch: int) -> None:
        self.photos, self.size, self.vgg, self.rng, self.batch = photos, size, vgg, rng, batch
        self.usual = Usual(torch.cat([random_crop(photos, size, rng) for _ in range(RANKED)]), vgg)
        self.renewed = max(1, batch // USES)  # crops at a time
        self.every = max(1, USES // batch)  # steps
        self.kept = min(KEPT * batch, MOST_KEPT) // self.renewed * self.renewed
        self.oldest = self.steps = 0
        self.crops = each(lambda *parts: torch.cat(parts), *(self.fresh() for _ in range(self.kept // self.renewed)))

    def fresh(self) -> Crops:
        return look(torch.cat([random_crop(self.photos, self.size, self.rng) for _ in range(self.renewed)]), self.vgg, self.usual)

    def take(self) -> Crops:
        """As many as a step paints."""
        self.steps += 1
        if self.steps % self.every == 0:
            each(lambda kept, fresh: kept[self.oldest :][: self.renewed].copy_(fresh), self.crops, self.fresh())
            self.oldest = (self.oldest + self.renewed) % self.kept
        chosen = torch.randperm(self.kept, device=self.crops.pictures.device)[: self.batch]
        return each(lambda kept: kept[chosen], self.crops)
