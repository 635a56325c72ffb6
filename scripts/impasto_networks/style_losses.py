"""What makes a picture look painted, as numbers: Gram matrices of VGG-19's layers, and distances between them."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")

Layers = Mapping[str, torch.Tensor]


class Gram(torch.autograd.Function):
    """[N, C, H, W] to the channels' mean products [N, C, C].

    By hand because autograd multiplies twice where one product with the symmetric gradient does, in float32 and against
    the memory's order: that took as long as all of VGG's convolutions together."""

    @staticmethod
    def forward(context: Any, features: torch.Tensor) -> torch.Tensor:
        flat = features.permute(0, 2, 3, 1).flatten(1, 2)  # a view where the channels lie last in memory
        context.save_for_backward(flat)
        context.size = features.shape[2:]
        return (flat.transpose(1, 2) @ flat).float() / flat.shape[1]

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        (flat,) = context.saved_tensors
        symmetric = ((gradient + gradient.transpose(1, 2)) / flat.shape[1]).to(flat.dtype)
        return (flat @ symmetric).unflatten(1, context.size).permute(0, 3, 1, 2)


def grams(features: Layers, layers: Iterable[str] = STYLE_LAYERS) -> dict[str, torch.Tensor]:
    return {layer: Gram.apply(features[layer]) for layer in layers}


def relative(value: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The squared difference over the reference's square."""
    return (value - reference).square().sum() / reference.square().sum()


def style_distance(own: Layers, painting: Layers) -> torch.Tensor:
    """Per picture: the mean over the painting's layers of the squared Gram difference over the painting's squared Gram.

    Johnson sums plain differences, whose size differs by orders of magnitude between layers and between paintings."""
    layers = [(own[name] - gram).square().sum((1, 2)) / gram.square().sum((1, 2)) for name, gram in painting.items()]
    return torch.stack(layers).mean(0)
