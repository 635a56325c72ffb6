"""3x3 convolutions with fixed kernels in PyTorch, by Winograd's minimal filtering as in winograd.py.

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
    """Of float32 pictures, with a kernel [outputs, inputs, 3, 3] and a bias that are not trained, and with 0 or 1 rows of zeros around."""

    def __init__(self, kernel: torch.Tensor, bias: torch.Tensor, padding: int = 1) -> None:
        self.padding = padding
        self.kernel, self.bias = transformed(kernel), bias[:, None, None]
        self.turned = transformed(kernel.flip(2, 3).transpose(0, 1))  # for the gradient

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return Apply.apply(x, self.kernel, self.turned, self.padding) + self.bias


class Apply(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: torch.Tensor, kernel: torch.Tensor, turned: torch.Tensor, padding: int) -> torch.Tensor:
        context.turned, context.padding = turned, padding
        return convolve(x, kernel, padding)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        return convolve(gradient, context.turned, 2 - context.padding), None, None, None


def transformed(kernel: torch.Tensor) -> torch.Tensor:
    """G g G' of a kernel [outputs, inputs, 3, 3], as [36, inputs, outputs]."""
    return torch.einsum("oiyx,kyx->kio", kernel, matrix(KERNEL).reshape(36, 3, 3)).contiguous()


def convolve(x: torch.Tensor, kernel: torch.Tensor, padding: int) -> torch.Tensor:
    """x: [N, inputs, H, W], fast with channels last in memory, as the outcome is: [N, outputs, H - 2 + 2 padding, W - 2 + 2 padding]."""
    count, inputs, *sides = x.shape
    height, width = (side - 2 + 2 * padding for side in sides)
    rows, columns = -(-height // TILE), -(-width // TILE)
    x = x.permute(0, 2, 3, 1)
    beyond = lambda tiles, side: padding + tiles * TILE - side
    x = F.pad(x, (0, 0, padding, beyond(columns, width), padding, beyond(rows, height)))
    tiles = x.unfold(1, TILE + 2, TILE).unfold(2, TILE + 2, TILE).permute(4, 5, 0, 1, 2, 3)  # [6, 6, N, rows, columns, inputs]
    tiles = FORWARD @ tiles.reshape(36, -1)
    products = torch.bmm(tiles.reshape(36, -1, inputs), kernel)
    out = (BACKWARD @ products.reshape(36, -1)).reshape(TILE, TILE, count, rows, columns, -1)
    out = out.permute(2, 3, 0, 4, 1, 5).reshape(count, rows * TILE, columns * TILE, -1)
    return out[:, :height, :width].permute(0, 3, 1, 2)
