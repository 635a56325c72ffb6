"""The options of scripts/cluster.py: its own, and those of `impasto video` that it hands on."""

import argparse
import os
from pathlib import Path

# Of `impasto video`: how to cut, paint and encode.
WITH_VALUE = (
    "start", "duration", "size", "fps", "hdr", "style", "style-image", "strength", "scale", "seed", "stabilize", "device",
    "device-id", "threads", "gpu-memory", "codec", "crf", "preset", "pix-fmt", "segment-frames", "models", "onnxruntime",
    "max-pixels",
)  # fmt: skip
REPEATED = ("encoder-option", "plugin")
FLAGS = ("keep-colors", "fp16", "cuda-graph")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("films", nargs="+", metavar="FILM", type=Path, help="films, or folders of them")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", type=Path, help="output video; for several films, a folder")
    parser.add_argument("-y", "--overwrite", action="store_true", help="overwrite OUT if it exists")
    parser.add_argument("--address", metavar="ADDRESS", help="Ray cluster: auto, or HOST:PORT of its head. Default: start Ray here")
    parser.add_argument("--wait", metavar="MINUTES", type=float, default=10, help="wait so long for a Ray head that is gone (default 10)")
    parser.add_argument("--impasto", metavar="PATH", help="impasto of the machines, where it is not in PATH")
    parser.add_argument("--scratch", metavar="DIR", help="folder on the machines for films that are sent and segments on their way")
    parser.add_argument("--restart", action="store_true", help="start over; deletes what is in OUT.parts")
    parser.add_argument("--keep-segments", action="store_true", help="keep the segments in OUT.parts after joining")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    slurm = parser.add_argument_group("Slurm")
    slurm.add_argument("--slurm", action="store_true", help="submit an array job, and a job that joins; needs shared storage")
    slurm.add_argument(
        "--sbatch", metavar="OPTION", action="append", default=[], help="option for sbatch, such as --sbatch=--partition=gpu"
    )
    slurm.add_argument("--task-segments", metavar="N", type=int, default=4, help="segments that one task of the array paints (default 4)")
    handed_on = parser.add_argument_group("handed on to impasto video; see its --help")
    handed_on.add_argument("-s", "--style", metavar="STYLE")
    for name in WITH_VALUE:
        if name != "style":
            handed_on.add_argument(f"--{name}", metavar="VALUE")
    for name in REPEATED:
        handed_on.add_argument(f"--{name}", metavar="VALUE", action="append", default=[])
    for name in FLAGS:
        handed_on.add_argument(f"--{name}", action="store_true")
    handed_on.add_argument("--deinterlace", metavar="FIELDS", nargs="?", const="marked")


def painting_options(args: argparse.Namespace) -> list[str]:
    """Those that are handed on."""
    given = vars(args)
    value = lambda name: given[name.replace("-", "_")]
    options = [f"--{name}={value(name)}" for name in WITH_VALUE if value(name) is not None]
    options += [f"--{name}={each}" for name in REPEATED for each in value(name)]
    options += [f"--{name}" for name in FLAGS if value(name)]
    if args.deinterlace:
        options.append(f"--deinterlace={args.deinterlace}")
    return options


def encoder_threads(options: list[str], before: dict[str, str]) -> list[str]:
    """The encoder's threads, which change its bytes: on all machines those of this one, or of the one that began the job."""
    if any(option.startswith("--encoder-option=threads=") for option in options):
        return options
    begun = [word for word in before.get("encoder-option", "").split() if word.startswith("threads=")]
    given = [int(option.split("=")[1]) for option in options if option.startswith("--threads=")]
    cores = given[0] if given else len(os.sched_getaffinity(0))
    # `codec_threads` in src/studio/machine.rs.
    return [*options, f"--encoder-option={begun[0] if begun else f'threads={max(1, cores // 2)}'}"]


def for_slot(options: tuple[str, ...], cores: float) -> tuple[str, ...]:
    """The same, with the cores that Ray has for the slot."""
    if any(option.startswith("--threads=") for option in options):
        return options
    return (*options, f"--threads={max(1, int(cores))}")
