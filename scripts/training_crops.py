"""The crops that train.py paints, with what VGG sees in them."""

import torch

from style_losses import CONTENT_LAYER, grams, style_distance
from training_pictures import random_crop

KEPT, USES = 32, 8  # crops at a time; paintings of each


class Crops:
    """Crops of the photos, each painted several times, in whatever style has its turn.

    What VGG sees in a photo costs a fifth of a step, and is the same every time."""

    def __init__(self, photos, size, vgg, paintings, rng):
        """`paintings`: the Gram matrices of all styles."""
        self.photos, self.size, self.vgg, self.paintings = photos, size, vgg, paintings
        self.kept = [self.fresh(rng) for _ in range(KEPT)]
        _, content, distance, _ = zip(*self.kept)
        self.energy = torch.stack([own.float().square().mean() for own in content]).mean()  # what content features usually have
        self.distance = torch.stack(distance).mean(0)  # what a plain photo usually is from each painting, [styles]

    def fresh(self, rng):
        crop = random_crop(self.photos, self.size, rng)
        with torch.no_grad():
            features = self.vgg(crop)
            return [crop, features[CONTENT_LAYER], style_distance(grams(features), self.paintings), 0]

    def take(self, count, rng):
        """[count, 3, size, size], their content features, and their style distance to each painting, [count, styles]."""
        places = rng.choice(KEPT, count, replace=count > KEPT)
        crops, content, distance, _ = zip(*(self.kept[place] for place in places))
        for place in places:
            self.kept[place][-1] += 1
            if self.kept[place][-1] >= USES:
                self.kept[place] = self.fresh(rng)
        return torch.cat(crops), torch.cat(content), torch.stack(distance)
