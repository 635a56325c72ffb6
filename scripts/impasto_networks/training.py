"""The steps of a training: turns of the styles, the optimiser, the average of the weights, and checkpoints."""

import copy
import math
import signal
import time
from collections.abc import Callable
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from impasto_networks.brush_network import BrushNetwork
from impasto_networks.critic import LOOKS, Critics
from impasto_networks.files import write_atomically
from impasto_networks.objective import CONTENTS, Judges, Weights, step_terms, total, weight_table
from impasto_networks.paintings import Paintings
from impasto_networks.photos import Pool
from impasto_networks.recipe import Recipe
from impasto_networks.soap import ROW, WHOLE, Soap
from impasto_networks.vgg19_torch import Vgg

OF_STYLES = (".matrix", ".shift")  # ends of the parameters that have a row for each style
ROW_PACE = 4  # times the learning rate: a row learns only in its style's steps; half of that where each step paints every style
WARM_UP = 100  # steps in which the rate rises
LAST_RATE = 0.03  # of the first one
EASY, EASY_CONTENT = 400, 0.4  # first steps, in which strokes form before the photo is asked for; content's share then
AVERAGING = 0.998  # of each step's weights, the average keeps this much
SAVE_EVERY = 180  # seconds
LONGEST_STEP = 20.0  # seconds: a process that was stopped or starved does not count that time as training


def read_checkpoint(path: Path | str, recipe: Recipe, device: torch.device) -> dict[str, Any]:
    """Raises ValueError if the checkpoint is of other styles."""
    state = torch.load(path, map_location=device, weights_only=True)
    if state["rows"] != recipe.rows:
        raise ValueError(f"{path} was trained for the styles {', '.join(state['rows'][:-1])}, which are not the recipe's")
    return state


class Training:
    """What a checkpoint holds, on the device that trains."""

    def __init__(self, recipe: Recipe, network: BrushNetwork, device: torch.device | str = "cpu", easy: int = EASY) -> None:
        self.recipe, self.easy, self.device = recipe, easy, torch.device(device)
        self.network = network.to(device)
        self.average = copy.deepcopy(network).requires_grad_(False)
        of = lambda rows: [value for name, value in network.named_parameters() if name.endswith(OF_STYLES) == rows]
        every_row = recipe.batch >= len(recipe.rows)
        rows = {"params": of(True), "rows": True, "pace": ROW_PACE / 2 if every_row else ROW_PACE, "memory": WHOLE if every_row else ROW}
        self.shared = of(False)  # what all rows have in common
        groups = [rows, {"params": self.shared, "pace": 1}]
        self.optimizer = Soap(groups, lr=recipe.rate)
        self.steps, self.seconds = 0, 0.0
        self.averages: dict[str, torch.Tensor] = {}  # running means of the loss's terms
        self.table: tuple[list[Weights], torch.Tensor] | None = None
        self.indices: dict[tuple[int, ...], torch.Tensor] = {}
        self.critics: dict[str, Critics] = {}  # by the term of the loss
        self.critics_state: dict[str, Any] = {}  # a checkpoint's, until the paintings are there
        self.cold = 0  # the step at which the optimiser began without a state

    def done(self) -> bool:
        return self.steps >= self.recipe.steps if self.recipe.steps else self.progress() >= 1

    def progress(self) -> float:
        """The fraction that is done, by steps or by the clock, of the training or of its present span."""
        if self.recipe.minutes:
            return min(1.0, self.seconds / 60 / self.recipe.minutes)
        first, last = self.recipe.span(self.steps)
        return (self.steps - first) / max(1, last - first)

    def save(self, path: Path | str, small: bool = False) -> None:
        """A `small` checkpoint leaves the optimiser's state out: it finds its axes again in some hundred steps."""
        numbers = {"seconds": self.seconds, **self.averages}
        numbers = {name: torch.as_tensor(value) for name, value in numbers.items()}
        state = {"rows": self.recipe.rows, "steps": self.steps, "numbers": numbers}
        state |= {"network": self.network.state_dict(), "average": self.average.state_dict()}
        if not small:
            state["optimizer"] = self.optimizer.state_dict()["state"]  # the rates come from the recipe
            state["critics"] = {name: own.state() for name, own in self.critics.items()}
        write_atomically(path, lambda temporary: torch.save(state, temporary))

    def load(self, path: Path | str) -> None:
        """Raises ValueError if the checkpoint is of other styles."""
        state = read_checkpoint(path, self.recipe, self.device)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        if "optimizer" in state:
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
        self.critics_state = state.get("critics", {})
        self.cold = 0 if "optimizer" in state else state["steps"]
        numbers = dict(state["numbers"])
        self.steps, self.seconds, self.averages = state["steps"], numbers.pop("seconds").item(), numbers

    def index(self, rows: list[int]) -> torch.Tensor:
        """The rows as a tensor: kept, since to bring one to the device waits for all that it still has to do."""
        key = tuple(rows)
        if key not in self.indices:
            self.indices[key] = torch.tensor(rows, device=self.device)
        return self.indices[key]

    def weights(self) -> torch.Tensor:
        """Of each row, the loss's; the photo's row has those of the first style."""
        own = self.recipe.weights(self.steps)
        if self.table is None or self.table[0] != own:
            self.table = own, weight_table([*own, own[0]], self.device)
        return self.table[1]

    def weighed(self) -> set[str]:
        """The terms that count in some style at present."""
        present = self.recipe.weights(self.steps)
        return {term.name for term in fields(Weights) if any(getattr(own, term.name) for own in present)}

    def means(self) -> dict[str, float]:
        """The running means of the loss's terms."""
        return {name: value.item() for name, value in self.averages.items() if name in self.weighed()}

    def step(self, pool: Pool, paintings: Paintings, vgg: Vgg, rows: list[int]) -> None:
        """Paints a crop in each of the rows and learns from it; the photo's own rows come last."""
        recipe = self.recipe
        fall = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * self.progress()))
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate * group["pace"] * fall * min(1.0, (self.steps - self.cold + 1) / WARM_UP)
        index = self.index(rows)
        weighed = self.weighed()
        for name in (name for name in LOOKS if name in weighed and name not in self.critics):  # in this order, for the seed's sake
            self.critics[name] = Critics(LOOKS[name], [paintings.squares[look] for look in LOOKS[name]])
            if name in self.critics_state:
                self.critics[name].load(self.critics_state[name])
        with_noise = self.steps % 2 == 0
        crops, judges = pool.take(), Judges(paintings, self.critics, vgg, weighed)
        painted, plain = step_terms(self.network, crops, rows, index, judges, with_noise)
        asked = painted
        if self.steps < self.easy:
            asked = painted | {name: painted[name] * EASY_CONTENT for name in CONTENTS if name in painted}
        weights, count = self.weights()[index], sum(row < len(recipe.styles) for row in rows)
        loss = (total(asked, weights[:count]) + total(plain, weights[count:])) / len(rows)
        self.optimizer.zero_grad()
        loss.backward()
        if recipe.only(self.steps):
            for parameter in self.shared:
                parameter.grad = None
        nn.utils.clip_grad_norm_(self.network.parameters(), 5)
        distinct = [row for row, _ in groupby(rows)]
        self.optimizer.step(distinct, self.index(distinct))
        if judged := [name for name in self.critics if name in painted]:
            with torch.no_grad():
                real = paintings.crops(rows[:count], crops.pictures.shape[2])
                seen = vgg(real), vgg(F.avg_pool2d(real, 2))
            for name in judged:
                self.critics[name].learn(seen, index[:count])
        self.steps += 1
        keep = min(AVERAGING, self.steps / (10 + self.steps))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.network.parameters()):
                mean.lerp_(value, 1 - keep)
            for name, term in (painted | plain).items():
                term = term.mean()
                self.averages[name] = self.averages[name].lerp(term, 0.02) if name in self.averages else term

    def run(
        self,
        photos: list[torch.Tensor],
        paintings: Paintings,
        vgg: Vgg,
        turns: list[int],
        told: Callable[[], None],
        checkpoint: Path | str | None = None,
        minutes: float = 0.0,
    ) -> None:
        """Train to the end, or for `minutes` in this run, or until Ctrl-C.

        `turns` are the rows of a round; `told` is called after each step."""
        stopping: list[bool] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.append(True))
        rng = np.random.default_rng([self.recipe.seed, self.steps])  # a resumed run draws fresh crops
        torch.manual_seed(self.recipe.seed + self.steps)
        started = saved = last = time.monotonic()
        batch, pool, order = self.recipe.batch, None, []
        while not self.done() and not stopping and not (minutes and time.monotonic() - started > 60 * minutes):
            if not pool or pool.size != self.recipe.crop(self.steps):
                pool = None  # first, since it may fill the device
                pool = Pool(photos, self.recipe.crop(self.steps), vgg, rng, batch)
            while len(order) < batch:
                round_of = self.recipe.only(self.steps) or [*turns, *self.recipe.again(self.steps)]
                order += map(int, rng.permutation(round_of))
            rows, order = sorted(order[:batch]), order[batch:]
            self.step(pool, paintings, vgg, rows)
            now = time.monotonic()
            self.seconds += min(now - last, LONGEST_STEP)
            last = now
            told()
            if checkpoint and now - saved > SAVE_EVERY:
                self.save(checkpoint)
                saved = now
        if checkpoint:
            self.save(checkpoint)
