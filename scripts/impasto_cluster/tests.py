"""Tests of what hands out segments and keeps them, with machines that are only pretended: python3 -m unittest impasto_cluster.tests"""

import contextlib
import io
import json
import tempfile
import unittest
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import painting
from .board import Board
from .errors import ClusterError
from .node import Job, Prepared
from .options import encoder_threads
from .painting import Painting
from .parts import Parts, Segment, digest
from .program import Plan
from .schedule import LARGEST, TRIES, Range, Schedule
from .slurm import MOST_TASKS, tasks_of
from .storage import PIECE, Film, bring

JOB, FACTS = "job", {"impasto": "1", "--device": "cpu"}


def segment(number: int, last: bool, job: str = JOB) -> Segment:
    video = bytes([number % 256]) * 10
    record = json.dumps({"job": job, "bytes": 10, "frames": [[0, 1]], "next": None if last else []}).encode()
    return Segment(number, video, record, digest(video, record))


@dataclass
class Slot:
    key: str

    @property
    def name(self) -> str:
        return self.key


@dataclass
class Answer:
    task: Any
    value: Any = None
    ended: bool = False
    lost: str | None = None


@dataclass
class Pretended:
    """An engine whose tasks give one segment at each look."""

    machines: list[str]
    segments: int
    facts: dict[str, dict[str, str]] = field(default_factory=dict)  # of machines that differ
    dies: dict[str, int] = field(default_factory=dict)  # machines, and after how many looks
    joins: dict[str, int] = field(default_factory=dict)
    spoils: list[Segment] = field(default_factory=list)  # come instead of the first ones with their numbers
    fails: dict[int, str] = field(default_factory=dict)  # segments that no machine can paint
    looks: int = 0
    count: int = 0
    tasks: dict[int, tuple[str, Iterator[Any]]] = field(default_factory=dict)

    def slots(self) -> list[Slot]:
        late = [name for name, look in self.joins.items() if self.looks >= look]
        return [Slot(name) for name in [*self.machines, *late] if self.looks < self.dies.get(name, 1 << 30)]

    def start(self, slot: Slot, values: Iterator[Any]) -> int:
        self.count += 1
        self.tasks[self.count] = (slot.key, values)
        return self.count

    def prepare(self, job: Job, slot: Slot, film: str) -> int:
        plan = Plan(JOB, self.facts.get(slot.key, FACTS), self.segments, 1)
        return self.start(slot, iter([Prepared(plan, False, 0.0)]))

    def paint(self, job: Job, digest: str, journal: bytes, slot: Slot, run: Range, film: str) -> int:
        return self.start(slot, self.painted(run))

    def painted(self, run: Range) -> Iterator[Any]:
        for number in range(run.first, run.end):
            if number in self.fails:
                yield "failed", self.fails[number]
                return
            spoilt = next((each for each in self.spoils if each.number == number), None)
            if spoilt:
                self.spoils.remove(spoilt)
            yield "segment", spoilt or segment(number, number == self.segments - 1)

    def answers(self, tasks: list[int], seconds: float) -> list[Answer]:
        self.looks += 1
        return [self.answer(task) for task in tasks]

    def answer(self, task: int) -> Answer:
        name, values = self.tasks[task]
        if self.looks >= self.dies.get(name, 1 << 30):
            return Answer(task, ended=True, lost="the machine died")
        value = next(values, None)
        return Answer(task, value, ended=value is None)

    def cancel(self, task: int) -> None:
        self.tasks[task] = (self.tasks[task][0], iter([]))


class Paintings(unittest.TestCase):
    def paint(self, engine: Pretended) -> tuple[list[int], str]:
        """Paints a film; returns what is missing, and what was said."""
        painting.LOOK = painting.WAIT = 0
        job = Job(Film("film.mp4", "", 0), "out.mp4", (), None, None, b"")
        plan = Plan(JOB, {"impasto": "1"}, engine.segments, 1)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as said:
            parts = Parts(Path(folder) / "out.mp4", JOB)
            facts = parts.open(plan.facts, False)
            board = Board("film.mp4", engine.segments, 0)
            try:
                Painting(engine, job, "film.mp4", plan, facts, parts, board, Schedule(list(range(engine.segments)))).run()
            except ClusterError as error:
                print(error, file=said)
            missing = parts.missing(engine.segments)
            parts.close()
        return missing, said.getvalue()

    def test_a_machine_that_dies_and_one_that_joins_late_lose_no_segment(self) -> None:
        missing, said = self.paint(Pretended(["a", "b"], 40, dies={"b": 5}, joins={"c": 8}))
        self.assertEqual(missing, [])
        self.assertIn("b is gone", said)
        self.assertIn("c: ready", said)

    def test_a_segment_that_is_damaged_on_its_way_is_told_and_painted_again(self) -> None:
        good = segment(3, False)
        cases = {
            "damaged on its way": Segment(3, good.video[:-1] + b"x", good.record, good.sha256),
            "other versions or settings": segment(3, False, "another job"),
            "ends where the film does not": segment(3, True),
        }
        for words, spoilt in cases.items():
            missing, said = self.paint(Pretended(["a", "b"], 10, spoils=[spoilt]))
            self.assertEqual(missing, [], words)
            self.assertIn(words, said)

    def test_a_machine_that_would_paint_otherwise_is_left_out_by_name(self) -> None:
        missing, said = self.paint(Pretended(["a", "b"], 10, facts={"b": {**FACTS, "impasto": "2"}}))
        self.assertEqual(missing, [])
        self.assertIn("b is left out: impasto is '2' there and '1' here", said)

    def test_a_segment_that_fails_on_every_machine_ends_the_job_and_the_others_are_kept(self) -> None:
        missing, said = self.paint(Pretended(["a", "b", "c"], 10, fails={9: "no room"}))
        self.assertIn(9, missing)
        self.assertLess(len(missing), 10)
        self.assertIn(f"segment 9 failed {TRIES} times: no room", said)


class Schedules(unittest.TestCase):
    def test_ranges_are_large_first_and_single_segments_at_the_end(self) -> None:
        schedule = Schedule(list(range(200)))
        sizes = []
        while run := schedule.next_for("a", 4):
            sizes.append(run.end - run.first)
        self.assertEqual(sum(sizes), 200)
        self.assertEqual((sizes[0], sizes[-1]), (LARGEST, 1))
        self.assertEqual(sizes, sorted(sizes, reverse=True))

    def test_an_idle_slot_paints_what_another_is_late_with_and_no_segment_a_third_time(self) -> None:
        now = [0.0]
        schedule = Schedule([0, 1, 2], lambda: now[0])
        first, slow = schedule.next_for("a", 1), schedule.next_for("b", 1)
        last = schedule.next_for("c", 1)
        for run in (first, last):
            schedule.painted(run, run.first, 10.0)
            schedule.ended(run)
        self.assertIsNone(schedule.next_for("a", 3), "the others are not late yet")
        now[0] = 20.0
        again = schedule.next_for("a", 3)
        self.assertEqual((again.first, again.again), (slow.first, True))
        self.assertIsNone(schedule.next_for("c", 3))
        self.assertEqual(schedule.painted(again, slow.first, 20.0), [slow])
        self.assertTrue(schedule.is_done())
        self.assertFalse(schedule.is_wanted(slow))

    def test_what_a_range_has_not_painted_is_handed_out_again(self) -> None:
        schedule = Schedule([0, 1, 5])
        run = schedule.next_for("a", 1)
        self.assertEqual((run.first, run.end), (0, 1))
        schedule.ended(run, failed=True)
        self.assertEqual(schedule.next_for("b", 1).first, 0)

    def test_tasks_for_slurm_leave_out_what_is_there_and_fit_into_one_array_whatever_the_gaps(self) -> None:
        self.assertEqual(tasks_of([0, 1, 2, 5, 6], 2), [["0..2"], ["2..3", "5..6"], ["6..7"]])
        self.assertEqual(tasks_of([], 4), [])
        for missing in (list(range(10_000)), list(range(0, 10_000, 3)), [*range(0, 5000, 2), *range(6000, 9000)]):
            tasks = tasks_of(missing, 4)
            self.assertLessEqual(len(tasks), MOST_TASKS)
            bounds = [range_.split("..") for task in tasks for range_ in task]
            self.assertEqual([number for first, end in bounds for number in range(int(first), int(end))], missing)


class Storage(unittest.TestCase):
    def test_a_film_that_is_sent_arrives_whole_or_not_at_all(self) -> None:
        with tempfile.TemporaryDirectory() as place:
            source = Path(place) / "film.mp4"
            source.write_bytes(bytes(range(256)) * (PIECE // 256 + 5))
            film = Film.of(source)
            self.assertEqual(film.pieces, 2)
            self.assertEqual(bring(film, Path(place), film.piece), (source, False))
            moved = Film("/nowhere/film.mp4", film.identity, film.size)
            damaged = lambda number: (b"", film.piece(number)[1])
            with self.assertRaisesRegex(ClusterError, "arrives damaged"):
                bring(moved, Path(place) / "a", damaged)
            path, was_sent = bring(moved, Path(place) / "b", film.piece)
            self.assertTrue(was_sent and path.read_bytes() == source.read_bytes())
            with source.open("r+b") as file:
                file.write(b"changed")
            with self.assertRaisesRegex(ClusterError, "has changed"):
                bring(moved, Path(place) / "c", film.piece)

    def test_the_encoder_keeps_the_threads_of_the_machine_that_began(self) -> None:
        self.assertEqual(encoder_threads(["--threads=8"], {})[-1], "--encoder-option=threads=4")
        self.assertEqual(encoder_threads([], {"encoder-option": "tune=film threads=3"})[-1], "--encoder-option=threads=3")
        given = ["--encoder-option=threads=2"]
        self.assertEqual(encoder_threads(given, {}), given)
