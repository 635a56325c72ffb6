"""What runs on the machines that paint. It needs impasto and Python there, and nothing of this repository."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ClusterError
from .options import for_slot
from .parts import Segment, files, write_whole
from .program import Plan, Program, find_program
from .storage import Film, bring, scratch_folder


@dataclass(frozen=True)
class Job:
    """A film to paint, as it is sent to the machines."""

    film: Film
    output: str  # the name of the output, for its ending
    options: tuple[str, ...]  # of impasto video
    program: str | None  # where impasto is, if that was named
    scratch: str | None
    index: bytes  # the film's index

    def place(self, digest: str, slot: str) -> Path:
        """The output on this machine, whose segments are beside it."""
        return scratch_folder(self.scratch) / "jobs" / digest[:16] / slot / self.output


@dataclass(frozen=True)
class Prepared:
    """A machine that is ready."""

    plan: Plan
    was_sent: bool  # the film has come in pieces
    seconds: float


def prepare(job: Job, slot: str, cores: float, fetch: Callable[[int], tuple[bytes, str]]) -> Prepared:
    """Brings the film, and finds out what this machine's impasto would paint."""
    began = time.monotonic()
    program = Program(find_program(job.program), for_slot(job.options, cores))
    film, was_sent = bring(job.film, scratch_folder(job.scratch), fetch)
    output = job.place(job.film.key, slot)
    parts = Path(f"{output}.parts")
    parts.mkdir(parents=True, exist_ok=True)
    write_whole(parts / "film.index", job.index)
    try:
        plan = program.plan(str(film), str(output))
    finally:
        shutil.rmtree(output.parent, ignore_errors=True)
    return Prepared(plan, was_sent, time.monotonic() - began)


def paint(
    job: Job,
    digest: str,
    journal: bytes,
    slot: str,
    cores: float,
    run: tuple[int, int],
    fetch: Callable[[int], tuple[bytes, str]],
) -> Iterator[tuple[str, Any]]:
    """Paints the segments of a range. Yields ("segment", SEGMENT), ("frame", NUMBER) now and then, and ("failed", WHY).

    impasto itself compares its versions, networks and settings with the journal before it paints.
    """
    try:
        program = Program(find_program(job.program), for_slot(job.options, cores))
        film, _ = bring(job.film, scratch_folder(job.scratch), fetch)
        output = job.place(digest, slot)
        parts = Path(f"{output}.parts")
        # A range that was interrupted here may have left segments, which are gone.
        shutil.rmtree(output.parent, ignore_errors=True)
        parts.mkdir(parents=True)
        write_whole(parts / "job.json", journal)
        write_whole(parts / "film.index", job.index)
        try:
            for kind, number in program.paint(str(film), str(output), *run):
                if kind == "segment":
                    yield kind, Segment.read(parts, number)
                    for file in files(parts, number):
                        file.unlink(missing_ok=True)
                else:
                    yield kind, number
        finally:
            shutil.rmtree(output.parent, ignore_errors=True)
    except (ClusterError, OSError) as error:
        yield "failed", f"{error}"


def tidy(job: Job, digest: str) -> None:
    """Removes what the job has left on this machine."""
    scratch = scratch_folder(job.scratch)
    for folder in (scratch / "jobs" / digest[:16], scratch / "films" / job.film.key):
        shutil.rmtree(folder, ignore_errors=True)
