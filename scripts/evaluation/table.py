"""The numbers as a Markdown table between two marks of a file, so that none of them is typed by hand."""

import os
import shlex
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto_networks.files import write_atomically

COLUMNS = {  # key: heading, format
    "gap_closed": ("whole", ".3f"),
    "local": ("local", ".3f"),
    "coarse": ("coarse", ".3f"),
    "flat": ("flat", ".2f"),
    "subject": ("subject", ".2f"),
    "content": ("content", ".2f"),
    "motion": ("motion", ".1f"),
    "still_gain": ("still gain", ".2f"),
    "pumping": ("pumping", ".1f"),
    "grid": ("grid", ".2f"),
    "halo": ("halo", ".1f"),
    "content_relu4_2": ("relu4_2", ".2f"),
    "ssim": ("SSIM", ".2f"),
    "warping_error": ("warping error", ".1f"),
    "still_clip_off": ("still clip", ".2f"),
    "still_clip_on": ("stabilised", ".2f"),
    "warping_error_off": ("warping error, program", ".1f"),
    "warping_error_on": ("stabilised", ".1f"),
    "ms_p50": ("ms at 640x360", ".1f"),
}
FORMATS = {"style_distance": ".4f", "optimum_distance": ".4f", "photo_distance": ".4f"}  # others two places


def short_command(arguments: Sequence[str]) -> str:
    """The command line with each path outside the current folder cut to its last part: the rest says nothing elsewhere."""

    def short(argument: str) -> str:
        head, equals, path = argument.rpartition("=")
        return f"{head}{equals}{Path(path).name}" if os.path.isabs(path) or path.startswith("..") else argument

    script = f"scripts/{Path(arguments[0]).name}"
    return shlex.join([script, *map(short, arguments[1:])])


def table(headings: list[str], rows: list[Any]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cells(row: dict[str, Any], columns: dict[str, tuple[str, str]]) -> list[str]:
    return [format(row[key], columns[key][1]) if key in row else "" for key in columns]


def with_means(rows: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """The rows, and after each network of several paintings their mean: an unstyled row would flatter it."""
    out = []
    names = [row["style"] for row in rows]
    for row in rows:
        name = row["style"] if names.count(row["style"]) == 1 else f"{row['style']} ({row['network']})"
        out.append((f"{name}*" if row["yardstick"] else name, row))
        own = [other for other in rows if other["network"] == row["network"] and not other["yardstick"]]
        painted = [other for other in own if "gap_closed" in other] or own
        if not row["yardstick"] and len(painted) > 1 and row is own[-1]:
            keys = [key for key in COLUMNS if all(key in other for other in painted)]
            mean = {key: statistics.fmean(other[key] for other in painted) for key in keys}
            out.append((f"**mean of {row['network']}** ({len(painted)})", mean))
    return out


def optimum_table(result: dict[str, Any]) -> list[str]:
    """The Gatys optimum beside the networks."""
    headings = ["style", "network", "optimum", "photo", "network / optimum", "content", "content of the optimum"]
    keys = ("style_distance", "optimum_distance", "photo_distance", "to_optimum", "content", "optimum_content")
    rows = []
    for row in result["gatys"]:
        rows.append([f"{row['style']} ({row['network']})", *(format(row[key], FORMATS.get(key, ".2f")) for key in keys)])
    count = result["gatys_photos"]
    words = f"Style distance over relu1_1 to relu5_1 beside the Gatys optimum, on the first {plural(count, 'photo')}:"
    return [words, table(headings, rows)]


def plural(count: int, thing: str) -> str:
    return f"{count} {thing}" + ("" if count == 1 else "s")


def markdown(result: dict[str, Any]) -> str:
    columns = {key: value for key, value in COLUMNS.items() if any(key in row for row in result["styles"])}
    headings = ["style", *(heading for heading, _ in columns.values())]
    rows = [[name, *cells(row, columns)] for name, row in with_means(result["styles"])]
    clips = f" and {plural(result['clips'], 'clip')}" if result["clips"] else ""
    photos, threads = plural(result["photos"], "photo"), plural(result["threads"], "thread")
    parts = [
        f"{photos}{clips}, ONNX Runtime {result['onnxruntime']}, {threads}, by",
        f"    {result['command']}",
        table(headings, rows),
    ]
    if any(row["yardstick"] for row in result["styles"]):
        parts.append("\\* someone else's network, as a yardstick.")
    if "gatys" in result:
        parts += optimum_table(result)
    return "\n\n".join(parts)


def marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def check_marks(path: Path, name: str = "evaluate") -> str:
    text, (begin, end) = path.read_text(), marks(name)
    if not -1 < text.find(begin) < text.find(end):
        raise ValueError(f"'{path}' has no place for the table; add the lines {begin} and {end}")
    return text


def update(path: Path, text: str, name: str = "evaluate") -> None:
    """Replace what stands between the marks; a reader sees the old file or the new one."""
    begin, end = marks(name)
    before, rest = check_marks(path, name).split(begin, 1)
    after = rest.split(end, 1)[1]
    write_atomically(path, lambda temporary: temporary.write_text(f"{before}{begin}\n{text}\n{end}{after}"))
