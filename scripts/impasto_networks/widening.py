"""Starts a network from a trained one with fewer channels, which it repeats exactly at first (after Chen et al. 2016, "Net2Net").

The narrow network's channels come first. What they hear of the new channels is 0, and the new channels begin at random."""

import torch

from impasto_networks.brush_network import GRAIN, BrushNetwork

WITH_GRAIN = ("down.weight", "deep.weight")  # their last inputs are the grain


@torch.no_grad()
def widen(wide: BrushNetwork, narrow: dict[str, torch.Tensor]) -> None:
    """Give `wide` the weights of a `narrow` network of the same styles and blocks. Raises ValueError where it is not one."""
    own = wide.state_dict()
    if own.keys() != narrow.keys() or any(small > large for name in own for small, large in zip(narrow[name].shape, own[name].shape)):
        raise ValueError("the network to start from has other blocks, or more channels")
    for name, values in own.items():
        start = narrow[name]
        if name.endswith(".shift") or values.dim() == 1:
            values.zero_()
            values[..., : start.shape[-1]] = start
            continue
        outputs, inputs = (-2, -1) if name.endswith(".matrix") else (0, 1)
        heard = torch.arange(start.shape[inputs])
        if name in WITH_GRAIN:
            heard[-GRAIN:] += values.shape[inputs] - start.shape[inputs]
        rows = values.narrow(outputs, 0, start.shape[outputs])
        rows.zero_()
        rows.index_copy_(inputs, heard, start)
