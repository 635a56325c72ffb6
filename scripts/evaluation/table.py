"""The numbers as a Markdown table between two marks of a file, so that none of them is typed by hand."""

import os
import shlex
import statistics
from pathlib import Path

BEGIN, END = "<!-- evaluate: begin -->", "<!-- evaluate: end -->"
COLUMNS = {  # key: heading, format
    "gap_closed": ("gap closed", ".3f"),
    "content": ("content", ".2f"),
    "motion": ("motion", ".1f"),
    "still_gain": ("still gain", ".2f"),
    "content_relu4_2": ("relu4_2", ".2f"),
    "ssim": ("SSIM", ".2f"),
    "ms_p50": ("ms at 640x360", ".1f"),
}


def short_command(arguments):
    """The command line with each path outside the current folder cut to its last part: the rest says nothing elsewhere."""

    def short(argument):
        head, equals, path = argument.rpartition("=")
        return f"{head}{equals}{Path(path).name}" if os.path.isabs(path) or path.startswith("..") else argument

    script = f"scripts/{Path(arguments[0]).name}"
    return shlex.join([script, *map(short, arguments[1:])])


def table(headings, rows):
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cells(row, columns):
    return [format(row[key], columns[key][1]) if key in row else "" for key in columns]


def with_means(rows):
    """The rows, and after each network of several styles their mean. A mean of the gap is over the styles that have one."""
    out = []
    for row in rows:
        out.append((f"{row['style']}*" if row["yardstick"] else row["style"], row))
        group = [other for other in rows if other["network"] == row["network"] and not other["yardstick"]]
        if not row["yardstick"] and len(group) > 1 and row is group[-1]:
            values = {key: [other[key] for other in group if key in other] for key in COLUMNS}
            mean = {key: statistics.fmean(own) for key, own in values.items() if own}
            out.append((f"**mean of {row['network']}**", mean))
    return out


def markdown(result):
    columns = {key: value for key, value in COLUMNS.items() if any(key in row for row in result["styles"])}
    headings = ["style", *(heading for heading, _ in columns.values())]
    rows = [[name, *cells(row, columns)] for name, row in with_means(result["styles"])]
    parts = [
        f"{result['photos']} photos, ONNX Runtime {result['onnxruntime']}, {result['threads']} threads, by",
        f"    {result['command']}",
        table(headings, rows),
    ]
    if any(row["yardstick"] for row in result["styles"]):
        parts.append("\\* someone else's network, as a yardstick.")
    return "\n\n".join(parts)


def check_marks(path):
    text = path.read_text()
    if not -1 < text.find(BEGIN) < text.find(END):
        raise ValueError(f"'{path}' has no place for the table; add the lines {BEGIN} and {END}")
    return text


def update(path, text):
    """Replace what stands between the marks; a reader sees the old file or the new one."""
    before, rest = check_marks(path).split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
    os.replace(temporary, path)
