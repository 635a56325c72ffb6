"""VGG-19 in PyTorch, frozen."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F

from impasto_networks.vgg19_file import MEAN_BGR, read_weights
from impasto_networks.winograd_torch import Convolution

WINOGRAD_CHANNELS = 128  # below, the transformations take longer than they save
POOLING = {"avg": F.avg_pool2d, "max": F.max_pool2d}


class Vgg:
    """The activations of each layer up to `last`, by name, for pictures [N, 3, H, W], RGB in 0..1.

    `fast` multiplies in `fast_dtype()` or, on a CPU in float32, with Winograd's filtering: for training, where the last digits do not
    matter. `mirrored` repeats the features beyond the edges, for crops: VGG's zeros are black bars around them, which a painter learns
    to paint against, and then does so at the edges of every picture."""

    def __init__(
        self,
        path: Path | str,
        last: str = "relu5_1",
        pooling: str = "max",
        fast: bool = False,
        device: torch.device | str = "cpu",
        mirrored: bool = False,
    ) -> None:
        on_cpu = torch.device(device).type == "cpu"
        self.dtype = fast_dtype() if fast and on_cpu else torch.bfloat16 if fast else torch.float32
        self.mean = torch.tensor(MEAN_BGR, device=device)[:, None, None]
        self.pool, self.last, self.mirrored = POOLING[pooling], last, mirrored
        padding = 0 if mirrored else 1
        self.convolutions: list[tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = []
        for layer, weights, offsets in read_weights(path):
            kernel, bias = (torch.from_numpy(values).to(device, self.dtype) for values in (weights, offsets))
            if fast and on_cpu and self.dtype == torch.float32 and min(kernel.shape[:2]) >= WINOGRAD_CHANNELS:
                self.convolutions.append((layer, Convolution(kernel, bias, padding)))
            else:
                kernel = kernel.contiguous(memory_format=torch.channels_last)
                self.convolutions.append((layer, partial(F.conv2d, weight=kernel, bias=bias, padding=padding)))
            if layer == last:
                break

    def __call__(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        x = pictures.flip(1) * 255 - self.mean
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        values = {}
        for layer, convolution in self.convolutions:
            if layer.endswith("_1") and layer != "relu1_1":
                x = self.pool(x, 2)
            x = values[layer] = F.relu(convolution(F.pad(x, [1] * 4, mode="reflect") if self.mirrored else x))
        return values


def fast_dtype() -> torch.dtype:
    """bfloat16 where the CPU multiplies it natively (about 2.4 times faster there), else float32."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return torch.bfloat16 if re.search(r"\b(avx512_bf16|amx_bf16)\b", flags) else torch.float32
