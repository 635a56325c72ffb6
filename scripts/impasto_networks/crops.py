"""The crops that train.py paints, with what VGG sees in them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from impasto_networks.motion import to_tensor
from impasto_networks.style_losses import CONTENT_LAYER, Layers, grams, style_distance
from impasto_networks.vgg19_torch import Vgg

# Of crops, in levels of 255: an empty sky has no content to be relative to, and wallpapers have more blur than people's photos.
LEAST_CONTRAST, LEAST_DETAIL = 20, 3  # the standard deviation; the mean difference of a row from the next
KEPT, USES = 32, 8  # crops at a time; paintings of each


def random_crop(photos: Sequence[np.ndarray], size: int, rng: np.random.Generator) -> torch.Tensor:
    """A square, [1, 3, size, size]: of a third of the short side or more, as a photo of 512 pixels would give it at most;
    flipped, light and colour varied."""
    for _ in range(20):
        photo = photos[rng.integers(len(photos))]
        height, width = photo.shape[:2]
        side = int(min(height, width) * rng.uniform(min(max(1 / 3, size / 512), 1), 1))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        crop = Image.fromarray(photo[top : top + side, left : left + side])
        crop = np.asarray(crop.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0))
        if crop.std() > LEAST_CONTRAST and np.abs(np.diff(crop.mean(2), axis=0)).mean() > LEAST_DETAIL:
            break
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    x = to_tensor(crop)
    saturation, light = rng.uniform(0.6, 1.3), rng.uniform(0.65, 1.15)
    x = x.mean(1, keepdim=True).lerp(x, saturation).clamp(0, 1) ** rng.uniform(0.7, 1.4)
    return (x * light * torch.tensor(rng.uniform(0.9, 1.1, 3), dtype=torch.float32)[:, None, None]).clamp(0, 1)


class Crops:
    """Crops of the photos, each painted several times, in whatever style has its turn.

    What VGG sees in a photo costs a fifth of a step, and is the same every time."""

    def __init__(self, photos: Sequence[np.ndarray], size: int, vgg: Vgg, paintings: Layers, rng: np.random.Generator) -> None:
        """`paintings`: the Gram matrices of all styles."""
        self.photos, self.size, self.vgg, self.paintings = photos, size, vgg, paintings
        self.kept = [self.fresh(rng) for _ in range(KEPT)]
        _, content, distance, _ = zip(*self.kept)
        self.energy = torch.stack([own.float().square().mean() for own in content]).mean()  # what content features usually have
        self.distance = torch.stack(distance).mean(0)  # what a plain photo usually is from each painting, [styles]

    def fresh(self, rng: np.random.Generator) -> list[Any]:
        crop = random_crop(self.photos, self.size, rng)
        with torch.no_grad():
            features = self.vgg(crop)
            return [crop, features[CONTENT_LAYER], style_distance(grams(features), self.paintings), 0]

    def take(self, count: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """[count, 3, size, size], their content features, and their style distance to each painting, [count, styles]."""
        places = rng.choice(KEPT, count, replace=count > KEPT)
        crops, content, distance, _ = zip(*(self.kept[place] for place in places))
        for place in places:
            self.kept[place][-1] += 1
            if self.kept[place][-1] >= USES:
                self.kept[place] = self.fresh(rng)
        return torch.cat(crops), torch.cat(content), torch.stack(distance)
