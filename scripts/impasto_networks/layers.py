"""The layers that the networks are made of, in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 1e-5
PATCH = 4  # one position of the features at a quarter of the size stands for 4x4 pixels


class StyleMix(nn.Module):
    """Instance normalisation (Ulyanov et al. 2016), then a matrix and a shift for each style: y = A (x - mean) / deviation + b.

    Dumoulin et al. 2017 give each style a scale per channel, the diagonal of A. The full matrix costs a ninth of a 3x3
    convolution more, and lets a style rearrange the trunk's features: a new style then fits a frozen trunk.
    `matrix`: [styles, outputs, inputs], `shift`: [styles, outputs]; the style weights mix both linearly."""

    def __init__(self, styles: int, inputs: int, outputs: int) -> None:
        super().__init__()
        matrix = torch.eye(outputs) if outputs == inputs else torch.randn(outputs, inputs) / inputs**0.5
        self.matrix = nn.Parameter(matrix.repeat(styles, 1, 1) + torch.randn(styles, outputs, inputs) * 0.03)
        self.shift = nn.Parameter(torch.zeros(styles, outputs))

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(x, dim=(2, 3), correction=0)
        matrix = torch.einsum("ns,soi->noi", style, self.matrix) * torch.rsqrt(variance + EPSILON)[:, None]
        shift = style @ self.shift - torch.einsum("noi,ni->no", matrix, mean)
        return torch.baddbmm(shift[:, :, None], matrix, x.flatten(2)).unflatten(2, x.shape[2:])


class Layer(nn.Module):
    """A convolution with reflected borders (zeros would paint a frame), then the style's mix, which makes a bias useless."""

    def __init__(self, styles: int, inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.stride, self.dilation = stride, dilation
        self.pad = (kernel - stride) // 2 if stride > 1 else dilation * (kernel // 2)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        nn.init.kaiming_normal_(self.weight)
        self.mix = StyleMix(styles, outputs, outputs)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        x = F.pad(x, [self.pad] * 4, mode="reflect")
        return self.mix(F.conv2d(x, self.weight, stride=self.stride, dilation=self.dilation), style)


def shuffle_head(inputs: int) -> nn.Conv2d:
    """The last convolution, whose channels are the sub-pixels of a patch; they start equal, so no lattice has to be unlearned."""
    head = nn.Conv2d(inputs, 3 * PATCH**2, 3, padding=1, padding_mode="reflect")
    with torch.no_grad():
        equal = head.weight[:: PATCH**2] * 0.5
        head.weight.copy_(equal.repeat_interleave(PATCH**2, dim=0))
        head.bias.zero_()
    return head


def one_hot(index: object, styles: int) -> torch.Tensor:
    """[N, styles] on the device of `index`, where that is a tensor."""
    return F.one_hot(torch.as_tensor(index).reshape(-1), styles).float()
