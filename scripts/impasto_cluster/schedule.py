"""Which segments to paint next. Knows nothing of machines: a slot is whatever paints one range at a time."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

LARGEST = 8  # segments in a range: each range costs the start of a program, and a warm-up of 32 frames
SHARE = 3  # a range is at most this part of a slot's fair share of what is left, so that all slots finish together
LATE = 1.5  # times the usual duration of a segment, after which another slot paints it too
TRIES = 3  # a segment that fails so often fails on every machine


@dataclass(eq=False)
class Range:
    """Segments that one slot paints, one after the other."""

    first: int
    end: int
    slot: Hashable
    moved: float  # when it began, or when its last segment came
    again: bool = False  # another slot paints it too
    runs: bool = True

    def __str__(self) -> str:
        return f"segment {self.first}" if self.end == self.first + 1 else f"segments {self.first}-{self.end - 1}"


class Schedule:
    """Hands out the missing segments of a film."""

    def __init__(self, missing: list[int], clock: Callable[[], float] = time.monotonic) -> None:
        self.waiting = sorted(missing)
        self.left = set(missing)  # neither painted nor given up
        self.running: dict[Range, None] = {}  # in the order in which they began
        self.copies: dict[int, list[Range]] = {}  # ranges of a segment that is painted twice
        self.failures: dict[int, int] = {}
        self.clock = clock
        self.painting, self.seconds = 0, 0.0  # segments that have come, and how long they took

    def is_done(self) -> bool:
        return not self.left

    def next_for(self, slot: Hashable, slots: int) -> Range | None:
        """What a free slot paints next; None if there is nothing for it."""
        if self.waiting:
            most = min(LARGEST, max(1, len(self.waiting) // (SHARE * max(1, slots))))
            count = 1
            while count < min(most, len(self.waiting)) and self.waiting[count] == self.waiting[0] + count:
                count += 1
            taken, self.waiting = self.waiting[:count], self.waiting[count:]
            return self.begin(Range(taken[0], taken[-1] + 1, slot, self.clock()))
        return self.again_for(slot)

    def again_for(self, slot: Hashable) -> Range | None:
        """Near the end, a slot with nothing to do paints once more what another is late with: the first copy wins."""
        if not self.painting:
            return None
        usual, now = self.seconds / self.painting, self.clock()
        others = [run for run in self.running if not run.again and run.slot != slot]
        for run in sorted(others, key=lambda run: run.moved):
            open_ones = [number for number in range(run.first, run.end) if number in self.left and number not in self.copies]
            # The one that it is at counts only if it takes unusually long; those behind it wait anyway. From the end.
            is_late = now - run.moved > LATE * usual
            if open_ones and (len(open_ones) > 1 or is_late):
                copy = self.begin(Range(open_ones[-1], open_ones[-1] + 1, slot, now, again=True))
                self.copies[copy.first] = [run, copy]
                return copy
        return None

    def begin(self, run: Range) -> Range:
        self.running[run] = None
        return run

    def painted(self, run: Range, number: int, seconds: float) -> list[Range]:
        """Notes that a segment has come, and how long it took. Returns ranges that have nothing to do any more."""
        self.left.discard(number)
        self.painting, self.seconds = self.painting + 1, self.seconds + seconds
        run.moved = self.clock()
        others = [other for other in self.copies.pop(number, []) if other is not run and other.runs]
        return [other for other in others if not self.is_wanted(other)]

    def is_wanted(self, run: Range) -> bool:
        """Whether a running range still has anything to do."""
        return any(number in self.left for number in range(run.first, run.end))

    def ended(self, run: Range, failed: bool = False) -> int | None:
        """Takes back what a range has not painted. If it failed, returns the segment that has failed too often, if any."""
        del self.running[run]
        run.runs = False
        left = [number for number in range(run.first, run.end) if number in self.left]
        lost = [number for number in left if not any(other.runs for other in self.copies.get(number, []))]
        for number in lost:
            self.copies.pop(number, None)
        if lost:
            self.waiting = sorted({*self.waiting, *lost})
        if failed:
            for number in left[:1]:
                self.failures[number] = self.failures.get(number, 0) + 1
                if self.failures[number] >= TRIES:
                    return number
        return None
