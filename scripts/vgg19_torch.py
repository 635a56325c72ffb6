"""VGG-19 in PyTorch, in float32: what is not about speed is computed with it (train.py has a faster one of its own)."""

import torch
import torch.nn.functional as F

from vgg19_file import MEAN_BGR, read_weights


class Vgg:
    """The values of each layer up to relu5_1, for a picture [1, 3, H, W], RGB in 0..255."""

    def __init__(self, path, pooling):
        self.layers = [(layer, torch.from_numpy(k), torch.from_numpy(b)) for layer, k, b in read_weights(path)]
        self.pool = {"avg": F.avg_pool2d, "max": F.max_pool2d}[pooling]

    def __call__(self, picture):
        x, values = picture.flip(1) - torch.tensor(MEAN_BGR)[:, None, None], {}
        for layer, kernel, bias in self.layers:
            if layer.endswith("_1") and layer != "relu1_1":
                x = self.pool(x, 2)
            x = values[layer] = F.relu(F.conv2d(x, kernel, bias, padding=1))
        return values


def gram(features):
    """The mean products of the channels [C, C] of [1, C, H, W]."""
    rows = features[0].flatten(1)
    return rows @ rows.T / rows.shape[1]


def relative(value, reference):
    """The squared difference over the reference's square."""
    return (value - reference).square().sum() / reference.square().sum()
