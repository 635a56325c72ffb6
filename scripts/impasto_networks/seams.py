"""The light or dark seams that a network paints around things, beside even areas: halos, as a term of the training's loss.

The measure is evaluation/halo.py's in PyTorch, with its means over squares at a quarter of the size, where they are cheap."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

EDGE = 24 / 255  # a step of the photo's light over two pixels that is the edge of a thing
EVEN = 6 / 255  # deviation of the photo's light in a window below which it is even
NEAR, FAR = (4, 12), (16, 32)  # pixels from the nearest edge: the seam, and the area beside it that it should not differ from
COARSE = 4  # pixels: the masks and what is under them are first averaged over 4x4
WINDOW = 13  # of those: seams and areas are compared by their means over such squares
LEAST = 24  # pixels of either that a square must have
TINY = 1e-6


def box(planes: torch.Tensor, side: int) -> torch.Tensor:
    """The mean over squares of `side` pixels, odd, around each pixel of [N, 1, H, W]; beyond the borders are zeros."""
    return F.avg_pool2d(planes, side, 1, side // 2)


def light(pictures: torch.Tensor) -> torch.Tensor:
    return 0.2126 * pictures[:, :1] + 0.7152 * pictures[:, 1:2] + 0.0722 * pictures[:, 2:]  # BT.709


@dataclass
class Seams:
    """Where photos have them."""

    near: torch.Tensor  # [N, 1, H, W]: 1 in the seams, else 0
    far: torch.Tensor  # the same of the areas beside them
    enough: torch.Tensor  # [N, 1, H/4, W/4]: 1 where both are found in the square around
    step: torch.Tensor  # by how much they differ in the photo there

    def excess(self, styled: torch.Tensor) -> torch.Tensor:
        """The mean square of how much more they differ in each painting than in its photo, [N]; 0 where no seam is."""
        more = (step(light(styled), self.near, self.far) - self.step).square() * self.enough
        return more.sum((1, 2, 3)) / self.enough.sum((1, 2, 3)).clamp(min=1)


def step(planes: torch.Tensor, near: torch.Tensor, far: torch.Tensor) -> torch.Tensor:
    mean = lambda values: box(F.avg_pool2d(values, COARSE), WINDOW)
    means = [mean(planes * mask) / (mean(mask) + TINY) for mask in (near, far)]
    return means[0] - means[1]


def find_seams(photos: torch.Tensor) -> Seams:
    planes = light(photos)
    across = F.pad(planes[..., :, 2:] - planes[..., :, :-2], (1, 1))
    down = F.pad(planes[..., 2:, :] - planes[..., :-2, :], (0, 0, 1, 1))
    edges = (torch.hypot(across, down) > EDGE).float()
    along = lambda values, reach: F.max_pool2d(values, (1, 2 * reach + 1), 1, (0, reach))
    reached = lambda reach: along(along(edges, reach).mT, reach).mT > 0
    even = box(planes * planes, 7) - box(planes, 7).square() < EVEN**2
    near = (even & reached(NEAR[1]) & ~reached(NEAR[0])).float()
    far = (even & reached(FAR[1]) & ~reached(FAR[0])).float()
    share = torch.minimum(*(box(F.avg_pool2d(mask, COARSE), WINDOW) for mask in (near, far)))
    enough = (share * (COARSE * WINDOW) ** 2 >= LEAST).float()
    return Seams(near, far, enough, step(planes, near, far))
