"""Runs impasto as a program."""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import ImpastoError

PROGRESS = re.compile(r"(\d+) of \d+ frames|^(\d+) frames")
MARKS = ("impasto: ", "error: ")  # before what went wrong
POLL = 0.1  # seconds between two looks at a job's folder


def plain(words: str) -> str:
    """Without the mark."""
    return next((words.removeprefix(mark) for mark in MARKS if words.startswith(mark)), words)


def find_program(named: str | None) -> str:
    """The impasto of this machine: the one that was named, if it is here; else the one in PATH."""
    for candidate in (named, os.environ.get("IMPASTO"), "impasto"):
        found = candidate and shutil.which(candidate)
        if found:
            return str(Path(found).resolve())
    named = f" at '{named}' nor in PATH" if named else " in PATH"
    raise ImpastoError(f"impasto is not installed{named}; install it, or say where it is with --impasto")


@dataclass(frozen=True)
class Plan:
    """What `impasto video --plan` says of a job."""

    job: str  # identifies its segments
    facts: dict[str, str]  # everything that determines the frames, by the names that users know
    frames: int  # counted, not estimated
    segment_frames: int

    @property
    def segments(self) -> int:
        return -(-self.frames // self.segment_frames)


MACHINE = ("--device", "ONNX Runtime")  # the facts that impasto lets differ between the segments of a job


def differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """Each fact in which a machine differs, in words."""
    names = [name for name in sorted({*wanted, *found}) if wanted.get(name) != found.get(name)]
    shown = lambda facts, name: f"'{facts[name]}'" if name in facts else "missing"
    return [f"{name} is {shown(found, name)} there and {shown(wanted, name)} here" for name in names]


@dataclass
class Painting:
    """A run of `impasto video --segments`."""

    process: subprocess.Popen
    frame: int = 0  # the last one that it told of, from the start of the film
    said: list[str] = field(default_factory=list)

    def listen(self) -> None:
        for line in self.process.stderr:
            found = PROGRESS.search(line)
            if found:
                self.frame = int(found.group(1) or found.group(2))
            else:
                self.said = [*self.said[-20:], line.strip()]

    def words(self) -> str:
        """Why it failed."""
        errors = [plain(line) for line in self.said if line.startswith(MARKS)]
        return " ".join(errors or self.said[-3:]) or f"impasto ended with code {self.process.returncode}"


@dataclass(frozen=True)
class Program:
    """The impasto of this machine, with the options of a job."""

    path: str
    options: tuple[str, ...]

    def run(self, *arguments: str) -> str:
        done = subprocess.run([self.path, "video", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ImpastoError(plain(" ".join(done.stderr.split())) or f"impasto ended with code {done.returncode}")
        return done.stdout

    def plan(self, film: str, output: str, join: bool = False) -> Plan:
        """What would be painted, and on which device unless it is only joined."""
        only = ["--join"] if join else []
        found = json.loads(self.run(film, "-o", output, *self.options, *only, "--plan"))
        if not found["exact"]:
            raise ImpastoError(f"the frames of '{film}' are not counted; write its index with `impasto video --index`")
        return Plan(found["job"], found["facts"], found["frames"], found["segment_frames"])

    def paint(self, film: str, output: str, first: int, end: int) -> Iterator[tuple[str, int]]:
        """Paints the segments from `first` up to, not including, `end`. Yields ("segment", NUMBER) when one is complete, and
        ("frame", NUMBER) now and then."""
        command = [self.path, "video", film, "-o", output, *self.options, "--segments", f"{first}..{end}", "-y"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, **pipes, preexec_fn=die_with_parent)
        painting = Painting(process)
        listener = threading.Thread(target=painting.listen, daemon=True)
        listener.start()
        parts, told = Path(f"{output}.parts"), 0
        waiting = list(range(first, end))
        try:
            while waiting:
                ended = process.poll() is not None
                if (parts / f"{waiting[0]:06}.json").exists():
                    yield "segment", waiting.pop(0)
                elif ended:
                    break
                elif painting.frame != told:
                    told = painting.frame
                    yield "frame", told
                else:
                    try:
                        process.wait(POLL)
                    except subprocess.TimeoutExpired:
                        continue
            process.wait()
            listener.join()
            if process.returncode:
                raise ImpastoError(painting.words())
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def die_with_parent() -> None:
    """Ends this process when the one that started it ends, however that happens (Linux)."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)
    except (AttributeError, OSError):
        pass
