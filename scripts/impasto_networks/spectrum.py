"""How strong the strokes are at each width and in each direction.

Gram matrices bind this only loosely: a network can meet them with one width of stroke on both diagonals, a weave, and with too
little that is large or crisp. The power spectrum shows it plainly (Liu, Gousseau and Xia 2016, "Texture Synthesis Through
Convolutional Neural Networks and Spectrum Constraints").

One crop says little, for its spectrum is mostly the photo's. What is compared with the painting is the mean over the last crops of
a style, of which the newest one has a gradient."""

import math
from functools import lru_cache

import torch

WINDOW = 48  # pixels
RINGS = (3, 4, 6, 8, 12)  # waves in a window: 16 to 4 pixels long; at a quarter of the size, 64 to 16
DIRECTIONS = 8
FAINT = (0.5 / 255) ** 2  # power below which nothing is seen
MEMORY = 0.9  # of each crop, the mean of a style keeps this much


@lru_cache
def bins(device: torch.device) -> torch.Tensor:
    """How much each frequency of a window counts in each ring and direction: [WINDOW * (WINDOW / 2 + 1), bins]."""
    down = torch.fft.fftfreq(WINDOW)[:, None] * WINDOW
    across = torch.fft.rfftfreq(WINDOW)[None] * WINDOW
    length, angle = (down**2 + across**2).sqrt(), torch.atan2(down, across)
    shares = []
    for low, high in zip(RINGS, RINGS[1:]):
        ring = ((length >= low) & (length < high)).float()
        for direction in range(DIRECTIONS):
            away = (angle / math.pi * DIRECTIONS - direction + DIRECTIONS / 2) % DIRECTIONS - DIRECTIONS / 2
            shares.append((ring * (1 - away.abs()).clamp(min=0)).flatten())
    table = torch.stack(shares, 1)
    return (table / table.sum(0)).to(device)


def spectrum(pictures: torch.Tensor) -> torch.Tensor:
    """Of pictures [N, 3, H, W] in 0..1, sides of at least 48: the logarithm of the light's power in each bin, averaged over windows that
    overlap by a half: [N, bins]."""
    light = pictures.mean(1).float()
    windows = light.unfold(1, WINDOW, WINDOW // 2).unfold(2, WINDOW, WINDOW // 2)
    fade = torch.hann_window(WINDOW, device=light.device)
    windows = (windows - windows.mean((3, 4), keepdim=True)) * (fade[:, None] * fade)
    power = torch.fft.rfft2(windows).abs().square() / (fade[:, None] * fade).square().sum()
    return (power.flatten(3) @ bins(light.device) + FAINT).log().mean((1, 2))


class Spectra:
    """The paintings' spectra, and those of what was lately painted in their styles, at one size."""

    def __init__(self, paintings: torch.Tensor) -> None:
        """`paintings`: [styles, bins]"""
        self.paintings = paintings
        self.painted = torch.zeros_like(paintings)
        self.crops = torch.zeros(len(paintings), device=paintings.device)

    def distance(self, own: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """The mean square of the logarithms of how many times as strong the strokes are as the painting's: [N].

        `own`: spectra [N, bins] of crops painted in the styles `index`, which are taken into the styles' means."""
        with torch.no_grad():
            count = torch.zeros_like(self.crops).index_add(0, index, torch.ones_like(index, dtype=self.crops.dtype))
            mean = torch.zeros_like(self.painted).index_add(0, index, own) / count.clamp(min=1)[:, None]
            keep = torch.where(count > 0, MEMORY * self.crops / (self.crops + count), 1.0)
            self.painted = torch.where((count > 0)[:, None], mean.lerp(self.painted, keep[:, None]), self.painted)
            self.crops = self.crops + count
        off = self.painted[index] + own - own.detach() - self.paintings[index]
        return off.square().mean(1)
