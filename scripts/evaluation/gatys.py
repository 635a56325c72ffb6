"""The Gatys optimum: what the style and content losses give when the picture itself is optimised (Gatys et al. 2016).

It shows how far a network is from what its losses allow. Needs PyTorch, which nothing else here does.
"""

from pathlib import Path

import numpy as np

try:
    import torch
except ModuleNotFoundError:
    raise ValueError("--gatys needs PyTorch: pip install torch==2.15.0") from None

from impasto_networks.style_losses import Gram, relative
from impasto_networks.vgg19_torch import Vgg

from .measures import ALL_LAYERS, Features

STEPS = 100  # evaluations of the losses by L-BFGS, from the photo
CONTENT_WEIGHT = 0.2  # of the relu3_3 distance, beside the style distance


def optimum(weights_file: Path | str, photo: np.ndarray, painting: Features, threads: int) -> np.ndarray:
    """The photo, uint8 [H, W, 3], with the least loss for the painting's features (as vgg19.Vgg gives them)."""
    torch.set_num_threads(threads)
    vgg = Vgg(weights_file, fast=True)
    start = torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1)[None], dtype=np.float32)) / 255
    with torch.no_grad():
        content = vgg(start)["relu3_3"]
    style = {name: torch.from_numpy(painting[name]) for name in ALL_LAYERS}
    picture = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([picture], max_iter=STEPS, max_eval=STEPS, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        own = vgg(picture)
        grams = {name: Gram.apply(own[name.replace("gram", "relu")])[0] for name in ALL_LAYERS}
        distance = sum(relative(grams[name], style[name]) for name in ALL_LAYERS) / len(ALL_LAYERS)
        total = distance + CONTENT_WEIGHT * relative(own["relu3_3"], content)
        total.backward()
        return total

    optimizer.step(loss)
    return (picture.detach()[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
