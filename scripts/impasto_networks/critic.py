"""Critics that learn to tell the paintings from what is painted in their styles.

Gram matrices are averages. Short strokes on a lattice match them as well as a part of the painting does. A critic sees how strokes
run on, turn and gather, and the painter learns to pass (Li and Wand 2016, "Precomputed Real-Time Texture
Synthesis with Markovian Generative Adversarial Networks"). The critics look at VGG's features in squares of some forty pixels and,
at half size, of eighty, and learn beside the painter with the hinge loss (Miyato et al. 2018), each style by its own projection."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

LAYER = "relu3_1"  # its positions are 4 pixels apart
MARGIN = 4  # positions beside a crop's edge, where VGG sees the zeros outside, which no part of a painting has
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
    """One for the full size, one for half of it."""

    def __init__(self, paintings: list[list[torch.Tensor]]) -> None:
        """`paintings`: at full and at half size, the features of each painting, [1, C, H, W]."""
        self.paintings = paintings
        squares = [[own.float().square().mean((0, 2, 3)) for own in size] for size in paintings]
        self.spreads = [torch.stack(own).mean(0).sqrt().clamp(min=LEAST_SPREAD)[:, None, None] for own in squares]
        of = lambda size: Critic(len(size), size[0].shape[1]).to(size[0].device)
        self.critics = nn.ModuleList(of(size) for size in paintings)
        self.optimizer = torch.optim.Adam(self.critics.parameters(), lr=RATE, betas=BETAS)
        self.least = [min(side for own in size for side in own.shape[2:]) for size in paintings]
        self.shown: tuple[dict[int, torch.Tensor], list[int], torch.Tensor] = {}, [], torch.empty(0)

    def state(self) -> dict[str, object]:
        return {"critics": self.critics.state_dict(), "optimizer": self.optimizer.state_dict()["state"]}

    def load(self, state: dict[str, object]) -> None:
        self.critics.load_state_dict(state["critics"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})

    def distance(self, features: list[torch.Tensor], rows: list[int], index: torch.Tensor) -> torch.Tensor:
        """How far crops are from passing for the paintings, [N], by their features [N, C, H, W] at full and at half size.

        `index` holds the `rows` as a tensor. What was shown is what the critics `learn` from next."""
        inner = [own[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN].float() / spread for own, spread in zip(features, self.spreads)]
        large = {size: own for size, own in enumerate(inner) if min(*own.shape[2:], self.least[size]) >= SQUARE}
        self.shown = {size: own.detach() for size, own in large.items()}, rows, index
        self.critics.requires_grad_(False)
        scores = [self.critics[size](own, index).mean((1, 2)) for size, own in large.items()]
        return -torch.stack(scores).mean(0) if scores else features[0].new_zeros(len(rows))

    def learn(self) -> None:
        """One step of the critics, on what was shown and on as many crops of the paintings."""
        shown, rows, index = self.shown
        if not shown:
            return
        self.critics.requires_grad_(True)
        losses = []
        for size, own in shown.items():
            critic, paintings = self.critics[size], self.paintings[size]
            down, across = (min(side, self.least[size]) for side in own.shape[2:])
            real = torch.cat([some_part(paintings[row], down, across) for row in rows]).float() / self.spreads[size]
            losses += [F.relu(1 + critic(own, index)).mean(), F.relu(1 - critic(real, index)).mean()]
        self.optimizer.zero_grad()
        sum(losses).backward()
        self.optimizer.step()


def some_part(features: torch.Tensor, down: int, across: int) -> torch.Tensor:
    """A random part [1, C, down, across] of features."""
    top = int(torch.randint(features.shape[2] - down + 1, ()))
    left = int(torch.randint(features.shape[3] - across + 1, ()))
    return features[:, :, top : top + down, left : left + across]
