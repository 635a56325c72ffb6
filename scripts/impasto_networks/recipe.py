"""Reads a recipe: the TOML file that says how a network is trained, from the paintings to the last step."""

import tomllib
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from impasto_networks.brush_network import Widths
from impasto_networks.objective import Weights
from impasto_networks.paintings import Source

Values = TypeVar("Values", Widths, Weights)


@dataclass(frozen=True)
class Style:
    name: str
    title: str
    source: Source
    weights: Weights


@dataclass(frozen=True)
class Later:
    """From step `first` the styles have these weights, and the learning rate begins anew (Loshchilov and Hutter 2017)."""

    first: int
    weights: list[Weights]
    again: tuple[int, ...] = ()  # rows that have further turns in each round, once for each time that they are here
    only: tuple[int, ...] = ()  # the rows that learn, alone, while the rest of the network stays as it is


@dataclass(frozen=True)
class Recipe:
    name: str
    steps: int
    crops: list[tuple[int, int]]  # from which step on, and the side in pixels of the squares that are painted
    rate: float  # learning rate at the start
    seed: int
    widths: Widths
    styles: list[Style]
    batch: int = 1  # crops painted in a step
    prefix: str = ""  # of the styles' names in styles.toml, where each is unique
    later: tuple[Later, ...] = ()
    minutes: float = 0.0  # of training, where the clock ends it and not `steps`, which is 0 then

    @property
    def rows(self) -> list[str]:
        """The names of the network's rows; the last one is the unstyled picture."""
        return [*(style.name for style in self.styles), "photo"]

    def span(self, step: int) -> tuple[int, int]:
        """The first step, and the last, over which the learning rate falls once."""
        starts = [0, *(own.first for own in self.later), self.steps]
        return [(first, last) for first, last in pairwise(starts) if first <= step][-1]

    def weights(self, step: int) -> list[Weights]:
        return [[style.weights for style in self.styles], *(own.weights for own in self.later if own.first <= step)][-1]

    def again(self, step: int) -> tuple[int, ...]:
        return [(), *(own.again for own in self.later if own.first <= step)][-1]

    def only(self, step: int) -> tuple[int, ...]:
        return [(), *(own.only for own in self.later if own.first <= step)][-1]

    def crop(self, step: int) -> int:
        return [size for first, size in self.crops if first <= step][-1]


def read_recipe(path: Path | str, paintings: Path | str) -> Recipe:
    """`paintings` is the folder of the pictures that the recipe names."""
    text = tomllib.loads(Path(path).read_text())
    if other := text.get("styles_of"):
        shared = tomllib.loads((Path(path).parent / other).read_text())
        text["style"] = shared["style"]
    common = changed(Weights(), text.get("weights", {}))
    styles = []
    for entry in text["style"]:
        source = Source(str(Path(paintings) / entry["picture"]), **{key: entry[key] for key in ("side",) if key in entry})
        if "crop" in entry:
            source = replace(source, crop=tuple(entry["crop"]))
        own = entry.get("weights", {})
        styles.append(Style(entry["name"], entry["title"], source, changed(common, own)))
    widths = changed(Widths(), text.get("network", {}))
    crops = [tuple(stage) for stage in text["crops"]]
    optional = {key: text[key] for key in ("batch", "prefix") if key in text}
    later, names = [], [style.name for style in styles]
    for entry in text.get("later", []):
        common = changed(common, entry.get("weights", {}))
        again = tuple(names.index(name) for name, turns in entry.get("turns", {}).items() for _ in range(turns - 1))
        own = entry.get("styles", {})  # weights of single styles in this span alone
        tables = [style.get("weights", {}) | own.get(style["name"], {}) for style in text["style"]]
        only = tuple(map(names.index, entry.get("only", ())))
        later.append(Later(entry["first"], [changed(common, table) for table in tables], again, only))
    optional["later"] = tuple(later)
    return Recipe(Path(path).stem, text["steps"], crops, text["rate"], text["seed"], widths, styles, **optional)


def changed(values: Values, table: dict[str, Any]) -> Values:
    """A dataclass with the values that the table names."""
    unknown = table.keys() - {own.name for own in fields(values)}
    if unknown:
        raise ValueError(f"the recipe sets {', '.join(sorted(unknown))}, which {type(values).__name__} does not have")
    return replace(values, **table)
