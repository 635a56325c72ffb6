"""3x3 convolutions with fixed kernels and zero padding in PyTorch, by Winograd's minimal filtering as in winograd.py.

PyTorch's own for the CPU multiplies four times as often: of 256 channels at 64x64 it takes twice as long."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from impasto_networks.winograd import INPUT, KERNEL, OUTPUT, TILE


def matrix(of: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.kron(of, of)).float()


FORWARD, BACKWARD = matrix(INPUT), matrix(OUTPUT)


class Convolution:
    """Of float32 pictures with a kernel [outputs, inputs, 3, 3] and a bias that are not trained."""

    def __init__(self, kernel: torch.Tensor, bias: torch.Tensor) -> None:
        self.kernel, self.bias = transformed(kernel), bias[:, None, None]
        self.turned = transformed(kernel.flip(2, 3).transpose(0, 1))  # for the gradient

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return Apply.apply(x, self.kernel, self.turned) + self.bias


class Apply(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: torch.Tensor, kernel: torch.Tensor, turned: torch.Tensor) -> torch.Tensor:
        context.turned = turned
        return convolve(x, kernel)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return convolve(gradient, context.turned), None, None


def transformed(kernel: torch.Tensor) -> torch.Tensor:
    """G g G' of a kernel [outputs, inputs, 3, 3], as [36, inputs, outputs]."""
    return torch.einsum("oiyx,kyx->kio", kernel, matrix(KERNEL).reshape(36, 3, 3)).contiguous()


def convolve(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """x: [N, inputs, H, W], fast with channels last in memory, as the outcome [N, outputs, H, W] is."""
    count, inputs, height, width = x.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    x = x.permute(0, 2, 3, 1)
    x = F.pad(x, (0, 0, 1, columns * TILE - width + 1, 1, rows * TILE - height + 1))
    tiles = x.unfold(1, TILE + 2, TILE).unfold(2, TILE + 2, TILE).permute(4, 5, 0, 1, 2, 3)  # [6, 6, N, rows, columns, inputs]
    tiles = FORWARD @ tiles.reshape(36, -1)
    products = torch.bmm(tiles.reshape(36, -1, inputs), kernel)
    out = (BACKWARD @ products.reshape(36, -1)).reshape(TILE, TILE, count, rows, columns, -1)
    out = out.permute(2, 3, 0, 4, 1, 5).reshape(count, rows * TILE, columns * TILE, -1)
    return out[:, :height, :width].permute(0, 3, 1, 2)
