"""The Gatys optimum: what the style and content losses give when the picture itself is optimised (Gatys et al. 2016).

It shows how far a network is from what its losses allow. Needs PyTorch, which nothing else here does.
"""

import numpy as np

try:
    import torch
    import torch.nn.functional as F
except ModuleNotFoundError:
    raise ValueError("--gatys needs PyTorch: pip install torch==2.15.0") from None

from .measures import ALL_LAYERS
from .vgg19 import MEAN_BGR, read_weights

STEPS = 100  # evaluations of the losses by L-BFGS, from the photo
CONTENT_WEIGHT = 0.2  # of the relu3_3 distance, beside the style distance


def features(layers, picture):
    """The values of vgg19.build_graph for a float [1, 3, H, W] in 0..255."""
    x, values = picture.flip(1) - torch.tensor(MEAN_BGR)[:, None, None], {}
    for name, kernel, bias in layers:
        if name.endswith("_1") and name != "relu1_1":
            x = F.max_pool2d(x, 2)
        x = F.relu(F.conv2d(x, kernel, bias, padding=1))
        values[name] = x[0]
        if name.endswith("_1"):
            flat = x[0].flatten(1)
            values[name.replace("relu", "gram")] = flat @ flat.T / flat.shape[1]
    return values


def relative(value, reference):
    return (value - reference).square().sum() / reference.square().sum()


def optimum(weights_file, photo, painting, threads):
    """The photo, uint8 [H, W, 3], with the least loss for the painting's features (as vgg19.Vgg gives them)."""
    torch.set_num_threads(threads)
    layers = [(name, torch.from_numpy(k), torch.from_numpy(b)) for name, k, b in read_weights(weights_file)]
    start = torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1)[None], dtype=np.float32))
    with torch.no_grad():
        content = features(layers, start)["relu3_3"]
    style = {name: torch.from_numpy(painting[name]) for name in ALL_LAYERS}
    picture = (start / 255).requires_grad_()
    optimizer = torch.optim.LBFGS([picture], max_iter=STEPS, max_eval=STEPS, history_size=20, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        own = features(layers, picture * 255)
        distance = sum(relative(own[name], style[name]) for name in ALL_LAYERS) / len(ALL_LAYERS)
        total = distance + CONTENT_WEIGHT * relative(own["relu3_3"], content)
        total.backward()
        return total

    optimizer.step(loss)
    return (picture.detach()[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
