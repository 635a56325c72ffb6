"""The crops that a BrushNetwork is trained on: every kind of photo, the flat and the blurred too."""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from impasto_networks.objective import Ranking, look
from impasto_networks.motion import to_tensor
from impasto_networks.pictures import load_picture, picture_files

PHOTO_SIDE = 640  # pixels: the short side that photos are kept at
LEAST_SHARE = 0.55  # of the short side: a crop is nearly a picture of its own
KEPT, USES = 24, 6  # crops at a time; paintings of each
RANKED = 300  # crops that say what is busy and what is light
BLURRED, FADED = 0.15, 0.2  # shares of crops that are blurred, all or in part


def random_crop(photos, size, rng):
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


def read_photos(folder):
    return [load_picture(file, PHOTO_SIDE) for file in picture_files(folder)]


class Crops:
    """Crops of the photos, each painted several times, in whatever style has its turn: VGG looks at each once."""

    def __init__(self, photos, size, vgg, seed):
        self.photos = photos
        self.size, self.vgg = size, vgg
        rng = np.random.default_rng(seed)
        self.ranking = Ranking([random_crop(self.photos, size, rng) for _ in range(RANKED)])
        self.kept = []  # pairs of a crop and its uses so far

    def take(self, rng):
        if len(self.kept) < KEPT:
            self.kept.append([look(random_crop(self.photos, self.size, rng), self.vgg, self.ranking), 0])
            place = len(self.kept) - 1
        else:
            place = int(rng.integers(KEPT))
        entry = self.kept[place]
        entry[1] += 1
        if entry[1] >= USES:
            del self.kept[place]
        return entry[0]
