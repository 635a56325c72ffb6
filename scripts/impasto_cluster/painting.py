"""Paints the segments of one film on the machines of an engine, until all are here."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from .board import Board
from .errors import ClusterError, PartsError
from .node import Job
from .parts import Parts
from .program import MACHINE, Plan, differences
from .schedule import Range, Schedule

LOOK = 2.0  # seconds between two looks for machines that join
WAIT = 1.0  # seconds to wait for an answer
PATIENCE = 2  # failures in a row after which a machine is left out
REST = 20  # seconds before a machine that was lost is looked at again: Ray lists the dead for a while
ALONE = 60  # seconds without a machine before that is said


@dataclass
class Worker:
    """A slot of a machine, and what it does."""

    slot: Any
    ready: bool = False
    left_out: str | None = None  # why it gets nothing to paint
    run: Range | None = None
    task: Any = None
    failed: str | None = None  # why its last range failed
    failures: int = 0  # in a row
    moved: float = 0.0  # when something last came from it
    underway: int = 0  # frames painted that are not here


@dataclass
class Painting:
    """One film on its way."""

    engine: Any
    job: Job
    name: str
    plan: Plan
    facts: dict[str, str]  # of the job, with the device once one is known
    parts: Parts
    board: Board
    schedule: Schedule
    workers: dict[str, Worker] = field(default_factory=dict)
    tasks: dict[Any, Worker] = field(default_factory=dict)
    dropped: set[Any] = field(default_factory=set)  # tasks that were cancelled
    lost: dict[str, float] = field(default_factory=dict)  # slots, and when
    looked: float = -LOOK
    alone_since: float | None = None

    def run(self) -> None:
        while not self.schedule.is_done():
            self.look()
            self.hand_out()
            if self.tasks:
                for answer in self.engine.answers(list(self.tasks), WAIT):
                    self.take(answer)
            else:
                self.wait_alone()
            self.board.show(sum(worker.underway for worker in self.workers.values()))
        self.cancel()

    def cancel(self) -> None:
        """Ends what still runs."""
        for task in self.tasks:
            self.dropped.add(task)
            self.engine.cancel(task)

    def look(self) -> None:
        """Finds machines that have joined or gone."""
        if time.monotonic() - self.looked < LOOK:
            return
        self.looked = time.monotonic()
        slots = {slot.key: slot for slot in self.engine.slots()}
        for key, slot in slots.items():
            if key not in self.workers and time.monotonic() - self.lost.get(key, -REST) >= REST:
                worker = self.workers[key] = Worker(slot, moved=time.monotonic())
                self.board.row(key, slot.name).doing = "checking"
                self.start(worker, self.engine.prepare(self.job, slot, self.name))
        for key in [key for key, worker in self.workers.items() if key not in slots and not worker.task]:
            del self.workers[key]
            self.board.rows.pop(key, None)

    def wait_alone(self) -> None:
        """No machine works, and something is missing."""
        refused = [f"{worker.slot.name}: {worker.left_out}" for worker in self.workers.values() if worker.left_out]
        if refused and len(refused) == len(self.workers):
            raise ClusterError(f"every machine was refused ({'; '.join(refused)})")
        self.alone_since = self.alone_since or time.monotonic()
        if time.monotonic() - self.alone_since > ALONE:
            self.board.say(f"{self.name}: no machine is there; waiting for one (`ray start --address ...`)")
            self.alone_since = time.monotonic()
        time.sleep(WAIT)

    def start(self, worker: Worker, task: Any) -> None:
        worker.task = task
        self.tasks[task] = worker
        self.alone_since = None

    def hand_out(self) -> None:
        ready = [worker for worker in self.workers.values() if worker.ready and not worker.left_out]
        nothing = False
        for worker in ready:
            if worker.task:
                continue
            run = None if nothing else self.schedule.next_for(worker.slot.key, len(ready))
            if not run:
                # What there is not for one is hardly there for another; the next turn asks again.
                nothing = True
                self.row(worker).doing = "waiting"
                continue
            worker.run, worker.failed, worker.moved, worker.underway = run, None, time.monotonic(), 0
            self.row(worker).doing = f"{run}{' once more' if run.again else ''}"
            journal = json.dumps({"facts": self.facts}).encode()
            self.start(worker, self.engine.paint(self.job, self.plan.job, journal, worker.slot, run, self.name))

    def row(self, worker: Worker) -> Any:
        return self.board.row(worker.slot.key, worker.slot.name)

    def take(self, answer: Any) -> None:
        """Deals with what has come from a task."""
        worker = self.tasks[answer.task]
        if answer.value is not None and answer.task not in self.dropped:
            if worker.run is None:
                self.check(worker, answer.value)
            else:
                self.take_news(worker, *answer.value)
        if answer.ended:
            del self.tasks[answer.task]
            worker.task = None
            self.end(worker, answer.lost, was_dropped=answer.task in self.dropped)

    def check(self, worker: Worker, found: Any) -> None:
        """Compares what a machine would paint with the job."""
        if isinstance(found, str) or isinstance(found, tuple):
            self.leave_out(worker, found if isinstance(found, str) else found[1])
            return
        missing = [name for name in MACHINE if name not in self.facts]
        wanted = {**self.facts, **{name: found.plan.facts[name] for name in missing if name in found.plan.facts}}
        others = differences(wanted, found.plan.facts)
        if others:
            self.leave_out(worker, ", ".join(others))
            return
        if wanted != self.facts:
            self.facts = wanted
            self.parts.set_facts(wanted)
        worker.ready = True
        self.row(worker).doing = "ready"
        how = "the film was sent" if found.was_sent else "the film is there"
        device = found.plan.facts.get("--device", "")
        self.board.say(f"{worker.slot.name}: ready on {device}; {how}; checked in {found.seconds:.1f} s")

    def leave_out(self, worker: Worker, why: str) -> None:
        worker.left_out = why
        self.row(worker).doing = "left out"
        self.board.say(f"{worker.slot.name} is left out: {why}")

    def take_news(self, worker: Worker, kind: str, value: Any) -> None:
        now = time.monotonic()
        if kind == "frame":
            worker.underway = max(0, value - worker.run.first * self.plan.segment_frames - self.row_frames(worker))
        elif kind == "failed":
            worker.failed = value
        else:
            worker.failures = 0
            self.keep(worker, value, now - worker.moved)
            worker.moved, worker.underway = now, 0

    def row_frames(self, worker: Worker) -> int:
        """Frames of the running range that are here already."""
        here = [number for number in range(worker.run.first, worker.run.end) if number not in self.schedule.left]
        return len(here) * self.plan.segment_frames

    def keep(self, worker: Worker, segment: Any, seconds: float) -> None:
        if segment.number not in self.schedule.left:
            return
        try:
            frames = self.parts.keep(segment, segment.number == self.plan.segments - 1)
        except PartsError as error:
            worker.failed = str(error)
            self.board.say(f"{worker.slot.name}: {error}; it is painted again")
            return
        done_elsewhere = self.schedule.painted(worker.run, segment.number, seconds)
        self.board.done += frames
        row = self.row(worker)
        row.frames, row.seconds = row.frames + frames, row.seconds + seconds
        for run in done_elsewhere:
            other = self.workers.get(run.slot)
            if other and other.run is run and other.task:
                self.dropped.add(other.task)
                self.engine.cancel(other.task)

    def end(self, worker: Worker, lost: str | None, was_dropped: bool) -> None:
        run, worker.run, worker.underway = worker.run, None, 0
        if was_dropped:
            if run:
                self.schedule.ended(run)
            return
        if lost:
            self.board.say(f"{worker.slot.name} is gone; what it had goes to others")
            worker.ready = False
            self.lost[worker.slot.key] = time.monotonic()
            self.workers.pop(worker.slot.key, None)
            self.board.rows.pop(worker.slot.key, None)
        if not run:
            return
        unpaintable = self.schedule.ended(run, failed=bool(worker.failed) and not lost)
        if worker.failed and not lost:
            worker.failures += 1
            self.board.say(f"{worker.slot.name}: {run}: {worker.failed}")
            if unpaintable is not None:
                raise ClusterError(f"segment {unpaintable} failed {self.schedule.failures[unpaintable]} times: {worker.failed}")
            if worker.failures >= PATIENCE:
                self.leave_out(worker, worker.failed)
