"""Critics that learn to tell the paintings from what is painted in their styles.

Gram matrices are averages. Short strokes on a lattice match them as well as a part of the painting does. A critic sees how strokes
run on, turn and gather, and the painter learns to pass (Li and Wand 2016, "Precomputed Real-Time Texture
Synthesis with Markovian Generative Adversarial Networks"). The critics look at VGG's features in squares of 40 and of 80 pixels, and
some also in squares of 20, for the brush's hairs, and of 160, for masses. They learn beside the painter with the hinge loss
(Miyato et al. 2018), each style by its own projection."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from impasto_networks.style_losses import Layers

Sizes = tuple[Layers, Layers]  # VGG's features of crops [N, C, H, W], at full and at half size


@dataclass(frozen=True)
class Look:
    """At what a critic looks."""

    layer: str
    halved: bool  # at half size?


LOOKS = {
    "critic": (Look("relu3_1", False), Look("relu3_1", True)),  # positions 4 and 8 pixels apart
    "near_critic": (Look("relu2_1", False),),  # 2 pixels
    "far_critic": (Look("relu4_1", True),),  # 16 pixels
}
SQUARE = 10  # positions that a score is of
WIDTH = 64  # channels
RATE, BETAS = 4e-4, (0.0, 0.99)  # of Adam
SLOPE = 0.2  # of the leaky ReLU
LEAST_SPREAD = 1e-3


class Critic(nn.Module):
    """Scores of squares of features: above 0 for the painting's, below for the painter's."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.first = spectral_norm(nn.Conv2d(channels, WIDTH, 1))
        self.second = spectral_norm(nn.Conv2d(WIDTH, WIDTH, 4, 2))
        self.third = spectral_norm(nn.Conv2d(WIDTH, WIDTH, 4, 2))
        self.fourth = spectral_norm(nn.Conv2d(WIDTH, WIDTH, 1))
        self.any_style = spectral_norm(nn.Conv2d(WIDTH, 1, 1))
        self.shifts = spectral_norm(nn.Embedding(styles, WIDTH))
        self.projections = spectral_norm(nn.Embedding(styles, WIDTH))

    def forward(self, features: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """features: [N, C, H, W] of the styles `index`; gives [N, squares down, squares across]."""
        x = F.leaky_relu(self.first(features) + self.shifts(index)[:, :, None, None], SLOPE)
        for layer in (self.second, self.third, self.fourth):
            x = F.leaky_relu(layer(x), SLOPE)
        return self.any_style(x)[:, 0] + (x * self.projections(index)[:, :, None, None]).sum(1)


class Critics:
    """Those of a term of the loss, which is a key of LOOKS."""

    def __init__(self, looks: tuple[Look, ...], squares: list[torch.Tensor]) -> None:
        """`squares`: for each look, the mean squares of each painting's features, [styles, C]."""
        self.looks = looks
        self.spreads = [own.mean(0).sqrt().clamp(min=LEAST_SPREAD)[:, None, None] for own in squares]
        self.critics = nn.ModuleList(Critic(*own.shape).to(own.device) for own in squares)
        self.optimizer = torch.optim.Adam(self.critics.parameters(), lr=RATE, betas=BETAS)
        self.shown: dict[int, torch.Tensor] = {}

    def state(self) -> dict[str, object]:
        return {"critics": self.critics.state_dict(), "optimizer": self.optimizer.state_dict()["state"]}

    def load(self, state: dict[str, object]) -> None:
        self.critics.load_state_dict(state["critics"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})

    def seen(self, sizes: Sizes) -> dict[int, torch.Tensor]:
        """What each critic sees of crops; of crops smaller than a square, nothing."""
        own = {number: sizes[look.halved][look.layer].float() / self.spreads[number] for number, look in enumerate(self.looks)}
        return {number: features for number, features in own.items() if min(features.shape[2:]) >= SQUARE}

    def distance(self, sizes: Sizes, index: torch.Tensor) -> torch.Tensor:
        """How far crops in the styles `index` are from passing for the paintings, [N], by their features at full and at half size.

        The critics `learn` from them next."""
        seen = self.seen(sizes)
        self.shown = {number: own.detach() for number, own in seen.items()}
        self.critics.requires_grad_(False)
        scores = [self.critics[number](own, index).mean((1, 2)) for number, own in seen.items()]
        return -torch.stack(scores).mean(0) if scores else self.spreads[0].new_zeros(len(index))

    def learn(self, paintings: Sizes, index: torch.Tensor) -> None:
        """One step of the critics, on what was shown and on crops of the paintings `index`.

        VGG has seen these as crops too, not as parts of the whole: else the critics would judge the edges."""
        real = self.seen(paintings)
        both = self.shown.keys() & real.keys()
        if not both:
            return
        self.critics.requires_grad_(True)
        losses = []
        for number in both:
            critic = self.critics[number]
            losses += [F.relu(1 + critic(self.shown[number], index)).mean(), F.relu(1 - critic(real[number], index)).mean()]
        self.optimizer.zero_grad()
        sum(losses).backward()
        self.optimizer.step()
