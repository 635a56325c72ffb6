"""Shows how far a film is: a block of lines on a terminal, a line now and then elsewhere."""

import shutil
import sys
import time
from dataclasses import dataclass

PAUSE = 10  # seconds between two lines where there is no terminal
BLINK = 0.5  # seconds between two pictures of a terminal
ROWS = 12  # machines that are listed on a terminal


def spoken(seconds: float) -> str:
    """A duration as people say it."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"


@dataclass
class Row:
    """What a machine does."""

    name: str
    doing: str = "starting"
    frames: int = 0  # that have arrived from it
    seconds: float = 0.0  # that it took for them

    def fps(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0


class Board:
    """The progress of one film."""

    def __init__(self, film: str, total: int, before: int, quiet: bool = False) -> None:
        self.film, self.total, self.before, self.quiet = film, total, before, quiet
        self.done = before  # frames that are here
        self.begun = time.monotonic()
        self.rows: dict[str, Row] = {}
        self.on_terminal = sys.stderr.isatty() and not quiet
        self.shown, self.drawn = 0.0, 0

    def row(self, key: str, name: str) -> Row:
        return self.rows.setdefault(key, Row(name))

    def say(self, words: str) -> None:
        """A line that stays."""
        if not self.quiet:
            self.wipe()
            print(words, file=sys.stderr, flush=True)

    def summary(self, underway: int) -> str:
        """The line for the whole film; `underway` frames are painted, but not here yet."""
        done, seconds = self.done + underway, time.monotonic() - self.begun
        rate = (done - self.before) / seconds if seconds > 1 else 0
        left = f", {spoken((self.total - done) / rate)} left" if rate and done < self.total else ""
        return f"{100 * done // max(1, self.total)} %: {done} of {self.total} frames, {rate:.1f}/s{left}"

    def show(self, underway: int) -> None:
        now = time.monotonic()
        if self.quiet or now - self.shown < (BLINK if self.on_terminal else PAUSE):
            return
        self.shown = now
        rows = list(self.rows.values())
        lines = [f"{row.name}: {row.doing}" + (f", {row.fps():.1f} fps" if row.frames else "") for row in rows[:ROWS]]
        if len(rows) > ROWS:
            lines.append(f"and {len(rows) - ROWS} more")
        if not self.on_terminal:
            print("; ".join([f"{self.film}: {self.summary(underway)}", *lines]), file=sys.stderr, flush=True)
            return
        self.wipe()
        width = shutil.get_terminal_size().columns - 1
        block = [f"{self.film}: {self.summary(underway)}", *(f"  {line}" for line in lines)]
        print("\n".join(line[:width] for line in block), file=sys.stderr, flush=True)
        self.drawn = len(block)

    def wipe(self) -> None:
        if self.drawn:
            print(f"\x1b[{self.drawn}F\x1b[J", end="", file=sys.stderr, flush=True)
            self.drawn = 0
