"""A rehearsal: the driver of scripts/cluster.py with machines that only sleep, to learn what a segment costs it.

The schedule, the loop, the folder of segments and Ray's own streams are the real ones. The machines are coroutines of one Ray actor,
since a thousand Ray workers do not fit into one computer.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ray

from .board import Board
from .engine import Engine, Slot
from .node import Job, Prepared
from .painting import Painting
from .parts import Parts, Segment, digest
from .program import Plan
from .schedule import Schedule
from .storage import Film

JOB, FACTS = "rehearsal", {"--device": "sleep"}
BYTES = 100_000  # of a segment


@ray.remote(max_concurrency=10_000)
class Sleepers:
    """All machines."""

    async def check(self, plan: Plan) -> Prepared:
        return Prepared(plan, False, 0.0)

    async def paint(self, first: int, end: int, segments: int, seconds: float) -> AsyncIterator[tuple[str, Any]]:
        for number in range(first, end):
            # Machines of one kind differ by a third.
            await asyncio.sleep(seconds * random.uniform(0.8, 1.2))
            last = number == segments - 1
            record = json.dumps({"job": JOB, "bytes": BYTES, "frames": [[0, 1]], "next": None if last else []}).encode()
            video = bytes(BYTES)
            yield "segment", Segment(number, video, record, digest(video, record))


class SleepingEngine(Engine):
    """As many machines as are wanted."""

    def __init__(self, workers: int, plan: Plan, seconds: float) -> None:
        super().__init__(None, False)
        self.workers, self.plan, self.seconds = workers, plan, seconds
        self.sleepers = Sleepers.options(num_cpus=0).remote()

    def slots(self) -> list[Slot]:
        return [Slot(f"{number:012}", f"sleeper {number}", 1, 0, 0) for number in range(self.workers)]

    def prepare(self, job: Any, slot: Slot, film: str) -> Any:
        return self.sleepers.check.remote(self.plan)

    def paint(self, job: Any, digest: str, journal: bytes, slot: Slot, run: Any, film: str) -> Any:
        task = self.sleepers.paint.options(num_returns="streaming")
        return task.remote(run.first, run.end, self.plan.segments, self.seconds)


def rehearse(workers: int, segments: int, seconds: float) -> None:
    plan = Plan(JOB, FACTS, segments, 1)
    engine = SleepingEngine(workers, plan, seconds)
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(Path(folder) / "film.mp4", JOB)
        parts.open(FACTS, False)
        job = Job(Film("film.mp4", "", 0), "film.mp4", (), None, None, b"")
        schedule = Schedule(list(range(segments)))
        painting = Painting(engine, job, "film.mp4", plan, dict(FACTS), parts, Board("film.mp4", segments, 0, True), schedule)
        began, used = time.monotonic(), time.process_time()
        painting.run()
        took, used = time.monotonic() - began, time.process_time() - used
        assert not parts.missing(segments)
    ideal = segments * seconds / workers
    print(f"{segments} segments of {seconds:g} s on {workers} sleeping workers: {took:.1f} s, ideal {ideal:.1f} s")
    print(f"the driver used {used:.1f} s of processor time: {1000 * used / segments:.2f} ms a segment", flush=True)
    engine.close()


if __name__ == "__main__":
    rehearse(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
