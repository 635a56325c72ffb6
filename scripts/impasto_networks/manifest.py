"""The entries of a network in a styles.toml."""

import hashlib
import re
import tomllib
from pathlib import Path

from impasto_networks.files import write_atomically

TRAINED_SIDE = 432  # pixels: the short side of the pictures that crops and paintings are scaled for


def update_manifest(manifest: Path, files: list[Path], names: list[str], titles: dict[str, str], prefix: str) -> None:
    """Replace this network's entries where they stand, keeping titles that are not given; leave all others as they are."""
    name = files[0].stem
    text = manifest.read_text() if manifest.exists() else ""
    known = {style["name"]: style["title"] for style in tomllib.loads(text).get("style", []) if "title" in style}
    blocks = [block.strip() for block in re.split(r"(?m)^(?=\[\[)", text) if block.strip()]
    own = re.compile(rf'(?m)^\[\[network\]\]\nname = "{name}"$|^network = "{name}"$')
    place = next((index for index, block in enumerate(blocks) if own.search(block)), len(blocks))
    before, after = blocks[:place], [block for block in blocks[place:] if not own.search(block)]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    listed = ", ".join(f'"{style}"' for style in names)
    entries = [
        f'[[network]]\nname = "{name}"\nfile = "{files[0].name}"\ntiles = "{files[1].name}"\n'
        f'layout = "nhwc-u8"\nkind = "multi"\nside = {TRAINED_SIDE}\nstyles = [{listed}]\nlicense = "MIT OR Apache-2.0"\n'
        f'source = "trained by scripts/train_network.py, see models/README.md"\nsha256 = "{digests[0]}"\ntiles_sha256 = "{digests[1]}"'
    ]
    for index, style in enumerate(names):
        title = titles.get(style) or known.get(prefix + style, style)
        entry = f'[[style]]\nname = "{prefix}{style}"\nnetwork = "{name}"\nindex = {index}\ntitle = "{title}"'
        # The last row is the photo's: it leaves the picture unpainted.
        entries.append(entry + ("\nunstyled = true" if index == len(names) - 1 else ""))
    write_atomically(manifest, lambda temporary: temporary.write_text("\n\n".join([*before, *entries, *after]) + "\n"))
