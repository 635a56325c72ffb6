"""SOAP (Vyas et al. 2024, algorithm 3): Adam along the axes in which a matrix's slopes are independent, not along its entries.

The axes are the eigenvectors of Shampoo's two covariances, of a weight's rows and of its columns, brought up to date every
few steps. For a step of few crops, whose slopes are mostly noise, that is what tells the way from the noise.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

Index = torch.Tensor | slice  # of a stack
State = dict[str, Any]  # what is known of a stack of matrices [stack, A, B] or of vectors [stack, A]

TINY = 1e-10


@dataclass(frozen=True)
class Memory:
    """How much of the past is kept at each step, and how often the axes are turned."""

    slope: float
    square: float
    covariance: float
    every: int


WHOLE = Memory(slope=0.9, square=0.998, covariance=0.99, every=20)
ROW = Memory(slope=0.8, square=0.99, covariance=0.96, every=8)  # for a style's row whose turn comes in one step of a dozen
WARMING = 10  # slopes that are only looked at, before there are axes


class Soap(torch.optim.Optimizer):
    """Of groups with `rows`, each row (the first dimension) is a weight of its own, which rests while it is not named in `step`.

    Departures from the paper: weights of more than two dimensions are matrices of their first one by all others, not
    one covariance a dimension; vectors have Adam's own axes."""

    def __init__(self, groups: Iterable[Any], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "rows": False, "memory": WHOLE})

    @torch.no_grad()
    def step(self, rows: list[int], index: torch.Tensor) -> None:  # type: ignore[override]
        """`rows` are those that have a slope, and `index` the same as a tensor."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                values, slope = stacked(parameter, group["rows"]), stacked(parameter.grad, group["rows"])
                state = self.state[parameter]
                if not state:
                    state |= start(values)
                if group["rows"]:
                    values.index_add_(0, index, direction(state, slope[index], rows, index, group["memory"]), alpha=-group["lr"])
                else:
                    values -= group["lr"] * direction(state, slope, [0], slice(1), group["memory"])


def stacked(values: torch.Tensor, rows: bool) -> torch.Tensor:
    """A view as [stack, A, B] or [stack, A]: a stack of one, or of all rows."""
    values = values if rows else values[None]
    return values.flatten(2) if values.dim() > 2 else values


def start(values: torch.Tensor) -> State:
    squares = lambda: [values.new_zeros(len(values), side, side) for side in values.shape[1:]] if values.dim() > 2 else []
    state = {"seen": [0] * len(values), "covariances": squares(), "axes": squares()}
    return state | {name: torch.zeros_like(values) for name in ("slope", "square")}


def direction(state: State, slope: torch.Tensor, rows: list[int], index: Index, memory: Memory) -> torch.Tensor:
    """Which way to go, about 1 in every entry, in the shape of `slope`, which holds those of `rows` of the stack."""
    for row in rows:
        state["seen"][row] += 1
    seen = [state["seen"][row] for row in rows]
    first = WARMING if state["axes"] else 1
    some = lambda chosen: index if chosen == rows else torch.tensor(chosen, device=slope.device)
    if state["covariances"]:
        for covariance, product in zip(state["covariances"], (slope @ slope.mT, slope.mT @ slope)):
            blend(covariance, product, index, memory.covariance)
        if ripe := [row for row, times in zip(rows, seen) if times == WARMING]:
            for axes, covariance in zip(state["axes"], state["covariances"]):
                axes[some(ripe)] = torch.linalg.eigh(covariance[some(ripe)])[1]
        if due := [row for row, times in zip(rows, seen) if times > WARMING and times % memory.every == 0]:
            turn(state, some(due))
    if max(seen) < first:
        return torch.zeros_like(slope)
    axes = [own[index] for own in state["axes"]]  # zeros, until a row has its own: it stays where it is
    blend(state["slope"], slope, index, memory.slope)
    blend(state["square"], along(axes, slope).square(), index, memory.square)

    def share(kept: float) -> Any:
        """Of the true mean that the blend has come to, since it began at 0."""
        shares = [1 - kept ** max(1, times - first + 1) for times in seen]
        if len(set(shares)) == 1:
            return shares[0]
        return torch.tensor(shares, device=slope.device).reshape(-1, *[1] * (slope.dim() - 1))

    way = along(axes, state["slope"][index] / share(memory.slope)) / ((state["square"][index] / share(memory.square)).sqrt() + TINY)
    if axes:
        left, right = axes
        way = left @ way @ right.mT
    return way


def blend(mean: torch.Tensor, value: torch.Tensor, index: Index, keep: float) -> None:
    mean[index] = torch.lerp(value, mean[index], keep)


def along(axes: list[torch.Tensor], values: torch.Tensor) -> torch.Tensor:
    """Matrices in the coordinates of their axes; vectors have none of their own."""
    if not axes:
        return values
    left, right = axes
    return left.mT @ values @ right


def turn(state: State, index: Index) -> None:
    """One step of the power iteration, from the old axes to those of what the covariances are now."""
    square = state["square"][index]
    for side, covariance in enumerate(state["covariances"]):
        axes = state["axes"][side][index]
        moved = covariance[index] @ axes
        order = (axes * moved).sum(1).argsort(1, descending=True)
        state["axes"][side][index] = torch.linalg.qr(moved.gather(2, order[:, None].expand_as(moved)))[0]
        place = order[:, :, None] if side == 0 else order[:, None]
        square = square.gather(side + 1, place.expand_as(square))  # what was found stays with its axis
    state["square"][index] = square
