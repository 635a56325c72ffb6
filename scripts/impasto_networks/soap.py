"""SOAP (Vyas et al. 2024, algorithm 3): Adam along the axes in which a matrix's slopes are independent, not along its entries.

The axes are the eigenvectors of Shampoo's two covariances, of a weight's rows and of its columns, brought up to date every
few steps. For a step of one crop, whose slopes are mostly noise, that is what tells the way from the noise.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

State = dict[str, Any]  # what is known of one matrix, one row of matrices or one vector

TINY = 1e-10


@dataclass(frozen=True)
class Memory:
    """How much of the past is kept at each step, and how often the axes are turned."""

    slope: float
    square: float
    covariance: float
    every: int


WHOLE = Memory(slope=0.9, square=0.998, covariance=0.99, every=20)
ROW = Memory(slope=0.8, square=0.99, covariance=0.96, every=8)  # a style's row has a slope in its own steps only, one of a dozen
WARMING = 10  # slopes that are only looked at, before there are axes


class Soap(torch.optim.Optimizer):
    """Of groups with `rows`, each row (the first dimension) is a weight of its own, which rests while it has no slope.

    Departures from the paper: weights of more than two dimensions are matrices of their first one by all others, not
    one covariance a dimension; vectors have Adam's own axes."""

    def __init__(self, groups: Iterable[Any], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "rows": False})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                slope, state = parameter.grad, self.state[parameter]
                if slope is None:
                    continue
                if not group["rows"]:
                    parameter -= group["lr"] * direction(state, slope, WHOLE)
                    continue
                for row in slope.flatten(1).any(1).nonzero().flatten().tolist():
                    parameter[row] -= group["lr"] * direction(state.setdefault(row, {}), slope[row], ROW)


def direction(state: State, slope: torch.Tensor, memory: Memory) -> torch.Tensor:
    """Which way to go, about 1 in every entry, in the shape of `slope`; `state` is {} at first."""
    shape, slope = slope.shape, slope.flatten(1) if slope.dim() > 1 else slope
    if not state:
        covariances = [torch.zeros(side, side) for side in slope.shape] if slope.dim() > 1 else []
        state |= {"seen": 0, "steps": 0, "covariances": covariances, "axes": []}
        state |= {"slope": torch.zeros_like(slope), "square": torch.zeros_like(slope)}
    state["seen"] += 1
    if state["covariances"]:
        for covariance, product in zip(state["covariances"], (slope @ slope.T, slope.T @ slope)):
            covariance.lerp_(product, 1 - memory.covariance)
        if state["seen"] < WARMING:
            return torch.zeros(shape)
        if not state["axes"]:
            state["axes"] = [torch.linalg.eigh(covariance)[1] for covariance in state["covariances"]]
        elif state["seen"] % memory.every == 0:
            turn(state)
    state["steps"] += 1
    state["slope"].lerp_(slope, 1 - memory.slope)
    state["square"].lerp_(along(state["axes"], slope).square(), 1 - memory.square)
    square = state["square"] / (1 - memory.square ** state["steps"])
    way = along(state["axes"], state["slope"] / (1 - memory.slope ** state["steps"])) / (square.sqrt() + TINY)
    if state["axes"]:
        left, right = state["axes"]
        way = left @ way @ right.T
    return way.reshape(shape)


def along(axes: list[torch.Tensor], values: torch.Tensor) -> torch.Tensor:
    """A matrix in the coordinates of the axes; a vector has none of its own."""
    if not axes:
        return values
    left, right = axes
    return left.T @ values @ right


def turn(state: State) -> None:
    """One step of the power iteration, from the old axes to those of what the covariances are now."""
    for index, covariance in enumerate(state["covariances"]):
        axes = state["axes"][index]
        moved = covariance @ axes
        order = (axes * moved).sum(0).argsort(descending=True)
        state["axes"][index] = torch.linalg.qr(moved[:, order])[0]
        state["square"] = state["square"].index_select(index, order)  # what was found stays with its axis
