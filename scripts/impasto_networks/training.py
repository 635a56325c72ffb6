"""The steps of a training: turns of the styles, the optimiser, the average of the weights, and checkpoints."""

import copy
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from impasto_networks.brush_network import BrushNetwork
from impasto_networks.files import write_atomically
from impasto_networks.objective import CONTENTS, step_terms, total
from impasto_networks.paintings import Painting
from impasto_networks.photos import Crops
from impasto_networks.recipe import Recipe
from impasto_networks.soap import Soap
from impasto_networks.vgg19_torch import Vgg

OF_STYLES = (".matrix", ".shift")  # ends of the parameters that have a row for each style
ROW_PACE = 4  # times the learning rate: a row learns only in its style's steps
WARM_UP = 100  # steps in which the rate rises
LAST_RATE = 0.03  # of the first one
EASY, EASY_CONTENT = 400, 0.4  # first steps, in which strokes form before the photo is asked for; content's share then
AVERAGING = 0.998  # of each step's weights, the average keeps this much
SAVE_EVERY = 180  # seconds
LONGEST_STEP = 20.0  # seconds: a process that was stopped or starved does not count that time as training


class Training:
    """What a checkpoint holds."""

    def __init__(self, recipe: Recipe, network: BrushNetwork, easy: int = EASY) -> None:
        self.recipe, self.easy = recipe, easy
        self.network = network
        self.average = copy.deepcopy(network).requires_grad_(False)
        of = lambda rows: [value for name, value in network.named_parameters() if name.endswith(OF_STYLES) == rows]
        groups = [{"params": of(True), "rows": True, "pace": ROW_PACE}, {"params": of(False), "pace": 1}]
        self.optimizer = Soap(groups, lr=recipe.rate)
        self.steps, self.seconds = 0, 0.0
        self.averages: dict[str, float] = {}
        self.cold = 0  # the step at which the optimiser began without a state

    def done(self) -> float:
        """The fraction of the training that is done, by steps or by the clock."""
        by_clock = self.seconds / 60 / self.recipe.minutes if self.recipe.minutes else 0.0
        return min(1.0, max(by_clock, self.steps / self.recipe.steps if self.recipe.steps else 0.0))

    def save(self, path: Path | str, small: bool = False) -> None:
        """A `small` checkpoint leaves the optimiser's state out: it finds its axes again in some hundred steps."""
        numbers = {"seconds": self.seconds, **self.averages}
        state = {"rows": self.recipe.rows, "steps": self.steps, "numbers": {name: torch.tensor(value) for name, value in numbers.items()}}
        state |= {"network": self.network.state_dict(), "average": self.average.state_dict()}
        if not small:
            state["optimizer"] = self.optimizer.state_dict()["state"]  # the rates come from the recipe
        write_atomically(path, lambda temporary: torch.save(state, temporary))

    def load(self, path: Path | str) -> None:
        """Raises ValueError if the checkpoint is of other styles."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["rows"] != self.recipe.rows:
            raise ValueError(f"{path} was trained for the styles {', '.join(state['rows'][:-1])}, which are not the recipe's")
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        if "optimizer" in state:
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
        self.cold = 0 if "optimizer" in state else state["steps"]
        numbers = {name: value.item() for name, value in state["numbers"].items()}
        self.steps, self.seconds, self.averages = state["steps"], numbers.pop("seconds"), numbers

    def step(self, crops: Crops, paintings: list[Painting], vgg: Vgg, rng: np.random.Generator, row: int) -> None:
        recipe = self.recipe
        fall = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * self.done()))
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate * group["pace"] * fall * min(1.0, (self.steps - self.cold + 1) / WARM_UP)
        plain = row == len(recipe.styles)
        style = recipe.styles[0 if plain else row]
        painting = None if plain else paintings[row]
        terms = step_terms(self.network, crops.take(rng), row, painting, vgg, rng, self.steps % 2 == 0)
        if self.steps < self.easy:
            terms |= {name: terms[name] * EASY_CONTENT for name in CONTENTS if name in terms}
        loss = total(terms, style.weights)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5)
        self.optimizer.step()
        self.steps += 1
        keep = min(AVERAGING, self.steps / (10 + self.steps))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.network.parameters()):
                mean.lerp_(value, 1 - keep)
        for name, term in terms.items():
            self.averages[name] = 0.98 * self.averages.get(name, term.item()) + 0.02 * term.item()

    def run(
        self,
        photos: list[np.ndarray],
        paintings: list[Painting],
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
        crops, order = None, []
        while self.done() < 1 and not stopping and not (minutes and time.monotonic() - started > 60 * minutes):
            if not crops or crops.size != self.recipe.crop(self.steps):
                crops = Crops(photos, self.recipe.crop(self.steps), vgg, self.recipe.seed)
            order = order or list(rng.permutation(turns))
            self.step(crops, paintings, vgg, rng, int(order.pop()))
            now = time.monotonic()
            self.seconds += min(now - last, LONGEST_STEP)
            last = now
            told()
            if checkpoint and now - saved > SAVE_EVERY:
                self.save(checkpoint)
                saved = now
        if checkpoint:
            self.save(checkpoint)
