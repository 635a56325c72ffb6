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


@dataclass(frozen=True)
class Look:
    """At what a critic looks."""

    layer: str
    halved: bool  # at half size?
    margin: int  # positions beside a crop's edge, of which much is not in the crop


LOOKS = {
    "critic": (Look("relu3_1", False, 4), Look("relu3_1", True, 4)),  # positions 4 and 8 pixels apart
    "near_critic": (Look("relu2_1", False, 4),),  # 2 pixels
    "far_critic": (Look("relu4_1", True, 1),),  # 16 pixels
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

    def __init__(self, looks: tuple[Look, ...], paintings: list[list[torch.Tensor]]) -> None:
        """`paintings`: for each look, the features of each painting, [1, C, H, W]."""
        self.looks, self.paintings = looks, paintings
        squares = [[own.float().square().mean((0, 2, 3)) for own in seen] for seen in paintings]
        self.spreads = [torch.stack(own).mean(0).sqrt().clamp(min=LEAST_SPREAD)[:, None, None] for own in squares]
        of = lambda seen: Critic(len(seen), seen[0].shape[1]).to(seen[0].device)
        self.critics = nn.ModuleList(of(seen) for seen in paintings)
        self.optimizer = torch.optim.Adam(self.critics.parameters(), lr=RATE, betas=BETAS)
        self.least = [min(side for own in seen for side in own.shape[2:]) for seen in paintings]
        self.shown: tuple[dict[int, torch.Tensor], list[int], torch.Tensor] = {}, [], torch.empty(0)

    def state(self) -> dict[str, object]:
        return {"critics": self.critics.state_dict(), "optimizer": self.optimizer.state_dict()["state"]}

    def load(self, state: dict[str, object]) -> None:
        self.critics.load_state_dict(state["critics"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})

    def distance(self, sizes: tuple[Layers, Layers], rows: list[int], index: torch.Tensor) -> torch.Tensor:
        """How far crops are from passing for the paintings, [N], by their features at full and at half size.

        `index` holds the `rows` as a tensor. What was shown is what the critics `learn` from next."""
        inner = [within(sizes[look.halved][look.layer], look.margin).float() / spread for look, spread in zip(self.looks, self.spreads)]
        large = {number: own for number, own in enumerate(inner) if min(*own.shape[2:], self.least[number]) >= SQUARE}
        self.shown = {number: own.detach() for number, own in large.items()}, rows, index
        self.critics.requires_grad_(False)
        scores = [self.critics[number](own, index).mean((1, 2)) for number, own in large.items()]
        return -torch.stack(scores).mean(0) if scores else self.spreads[0].new_zeros(len(rows))

    def learn(self) -> None:
        """One step of the critics, on what was shown and on as many crops of the paintings."""
        shown, rows, index = self.shown
        if not shown:
            return
        self.critics.requires_grad_(True)
        losses = []
        for number, own in shown.items():
            critic, paintings = self.critics[number], self.paintings[number]
            down, across = (min(side, self.least[number]) for side in own.shape[2:])
            real = torch.cat([some_part(paintings[row], down, across) for row in rows]).float() / self.spreads[number]
            losses += [F.relu(1 + critic(own, index)).mean(), F.relu(1 - critic(real, index)).mean()]
        self.optimizer.zero_grad()
        sum(losses).backward()
        self.optimizer.step()


def within(features: torch.Tensor, margin: int) -> torch.Tensor:
    return features[:, :, margin:-margin, margin:-margin]


def some_part(features: torch.Tensor, down: int, across: int) -> torch.Tensor:
    """A random part [1, C, down, across] of features."""
    top = int(torch.randint(features.shape[2] - down + 1, ()))
    left = int(torch.randint(features.shape[3] - across + 1, ()))
    return features[:, :, top : top + down, left : left + across]
