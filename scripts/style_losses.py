"""What a painting is held to: VGG-19 features, the style and content distances of train.py."""

import re
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from vgg19_file import MEAN_BGR, read_weights
from winograd_torch import Convolution

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CONTENT_LAYER = "relu3_3"
WINOGRAD_CHANNELS = 128  # below, the transformations take longer than they save


class Vgg(nn.Module):
    """The first layers of VGG-19, frozen: convolutions up to `last`, the deepest layer that the losses look at."""

    def __init__(self, path, dtype, last=STYLE_LAYERS[-1]):
        super().__init__()
        self.dtype, self.last, self.convs = dtype, last, []
        for layer, kernel, bias in read_weights(path):
            kernel, bias = torch.from_numpy(kernel).to(dtype), torch.from_numpy(bias).to(dtype)
            if dtype == torch.float32 and min(kernel.shape[:2]) >= WINOGRAD_CHANNELS:
                convolution = Convolution(kernel, bias)
            else:
                kernel = kernel.contiguous(memory_format=torch.channels_last)
                convolution = partial(F.conv2d, weight=kernel, bias=bias, padding=1)
            self.convs.append((layer, convolution))
            if layer == last:
                break

    def forward(self, picture, until=None):
        """picture: [N, 3, H, W] RGB in 0..1; gives the activations by name."""
        x = picture.flip(1) * 255 - torch.tensor(MEAN_BGR)[:, None, None]
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        features = {}
        for layer, convolution in self.convs:
            if layer.endswith("_1") and layer != "relu1_1":
                x = F.max_pool2d(x, 2)
            x = features[layer] = F.relu(convolution(x))
            if layer == (until or self.last):
                return features


class Gram(torch.autograd.Function):
    """[N, C, H, W] to the channels' mean products [N, C, C].

    By hand because autograd multiplies twice where one product with the symmetric gradient does, in float32 and against
    the memory's order: that took as long as all of VGG's convolutions together."""

    @staticmethod
    def forward(context, features):
        flat = features.permute(0, 2, 3, 1).flatten(1, 2)  # a view: the activations lie with their channels last
        context.save_for_backward(flat)
        context.size = features.shape[2:]
        return (flat.transpose(1, 2) @ flat).float() / flat.shape[1]

    @staticmethod
    def backward(context, gradient):
        (flat,) = context.saved_tensors
        symmetric = ((gradient + gradient.transpose(1, 2)) / flat.shape[1]).to(flat.dtype)
        return (flat @ symmetric).unflatten(1, context.size).permute(0, 3, 1, 2)


def grams(features):
    return {name: Gram.apply(features[name]) for name in STYLE_LAYERS}


def style_distance(own, painting):
    """Per picture: the mean over the layers of the squared Gram difference over the painting's squared Gram.

    Johnson sums plain differences, whose size differs by orders of magnitude between layers and between paintings."""
    layers = [
        (own[name] - painting[name]).square().sum((1, 2)) / painting[name].square().sum((1, 2)) for name in STYLE_LAYERS
    ]
    return torch.stack(layers).mean(0)


def content_distance(features, photo_features, floor=0.0):
    """Per picture: the squared difference over the photo's square, or over `floor` where the photo has less."""
    own, photo = features[CONTENT_LAYER].float(), photo_features[CONTENT_LAYER].float()
    return (own - photo).square().mean((1, 2, 3)) / photo.square().mean((1, 2, 3)).clamp(min=floor)


def fast_dtype():
    """bfloat16 where the CPU multiplies it natively (about 2.4 times faster there), else float32."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return torch.bfloat16 if re.search(r"\b(avx512_bf16|amx_bf16)\b", flags) else torch.float32
