#!/usr/bin/env python3
"""Write the wheel of impasto from the portable tree that scripts/package lays out: wheel.py TREE VERSION FOLDER.

maturin would build the program itself; here it is built already, with FFmpeg beside it. The wheel has no Python: its program goes
into the environment's bin, its libraries into lib/impasto, its networks into share/impasto.
"""

import base64
import hashlib
import os
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Debian 12's glibc, which the program is linked with.
TAG = "py3-none-manylinux_2_36_x86_64"
CLASSIFIERS = (
    "Environment :: Console",
    "Operating System :: POSIX :: Linux",
    "Programming Language :: Rust",
    "Topic :: Multimedia :: Graphics",
    "Topic :: Multimedia :: Video",
)


def pinned(what: str) -> tuple[str, str]:
    """Package and version that src/network/wheels.txt lists for a device."""
    for line in (ROOT / "src/network/wheels.txt").read_text().splitlines():
        words = line.split()
        if words and words[0] == what:
            return words[1], words[2]
    raise SystemExit(f"wheel.py: src/network/wheels.txt lists nothing for {what}")


def metadata(version: str) -> str:
    runtime, runtime_version = pinned("cpu")
    plugin, plugin_version = pinned("webgpu")
    fields = [
        ("Metadata-Version", "2.4"),
        ("Name", "impasto"),
        ("Version", version),
        ("Summary", "A live neural style filter: turns a webcam, a video file or a photo into a painting"),
        ("License-Expression", "(MIT OR Apache-2.0) AND GPL-2.0-or-later"),
        ("Requires-Python", ">=3.9"),
        # The networks and the program were tried with this one; the next major version may change its interface.
        ("Requires-Dist", f"{runtime}>=1.24,<2"),
        ("Provides-Extra", "gpu"),
        ("Requires-Dist", f'{plugin}=={plugin_version}; extra == "gpu"'),
        *(("Classifier", name) for name in CLASSIFIERS),
        ("Description-Content-Type", "text/markdown"),
    ]
    head = "".join(f"{name}: {value}\n" for name, value in fields)
    return head + "\n" + (ROOT / "README.md").read_text()


def main() -> None:
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    tree, version, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    info, data = f"impasto-{version}.dist-info", f"impasto-{version}.data"
    files = {f"{data}/scripts/impasto": (tree / "bin/impasto").read_bytes()}
    for part in ("lib", "share"):
        for path in sorted((tree / part).rglob("*")):
            if path.is_file():
                files[f"{data}/data/{path.relative_to(tree).as_posix()}"] = path.read_bytes()
    files[f"{info}/METADATA"] = metadata(version).encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: impasto\nRoot-Is-Purelib: false\nTag: {TAG}\n".encode()
    record = []
    target = folder / f"impasto-{version}-{TAG}.whl"
    growing = target.with_suffix(".part")
    with zipfile.ZipFile(growing, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, contents in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(contents).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(contents)}\n")
            write(wheel, name, contents)
        record.append(f"{info}/RECORD,,\n")
        write(wheel, f"{info}/RECORD", "".join(record).encode())
    os.replace(growing, target)
    print(f"package: {target} ({target.stat().st_size >> 20}M)")


def write(wheel: zipfile.ZipFile, name: str, contents: bytes) -> None:
    # The same tree gives the same wheel, whenever it is made.
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
    wheel.writestr(entry, contents)


if __name__ == "__main__":
    main()
