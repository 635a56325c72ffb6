"""The folder of a film's segments, as impasto keeps it: OUT.parts."""

import fcntl
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .errors import PartsError


@dataclass(frozen=True)
class Segment:
    """A painted segment on its way."""

    number: int
    video: bytes
    record: bytes  # impasto's description of it, in JSON
    sha256: str

    @staticmethod
    def read(folder: Path, number: int) -> "Segment":
        video, record = (file.read_bytes() for file in files(folder, number))
        return Segment(number, video, record, digest(video, record))


def digest(video: bytes, record: bytes) -> str:
    return hashlib.sha256(record + video).hexdigest()


def files(folder: Path, number: int) -> tuple[Path, Path]:
    return folder / f"{number:06}.nut", folder / f"{number:06}.json"


class Parts:
    """The folder on the machine that joins the film."""

    def __init__(self, output: Path, job: str) -> None:
        self.folder = Path(f"{output}.parts")
        self.job = job
        self.lock: IO | None = None

    def open(self, facts: dict[str, str], restart: bool) -> dict[str, str]:
        """Creates the folder, or opens that of an interrupted job, and returns the facts of the job that is in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PartsError(f"another process is working in '{self.folder}'; wait until it ends, or stop it") from None
        if restart:
            for file in [*self.folder.glob("[0-9]*.nut"), *self.folder.glob("[0-9]*.json"), self.folder / "job.json"]:
                file.unlink(missing_ok=True)
        journal = self.folder / "job.json"
        if not journal.exists():
            self.set_facts(facts)
        return json.loads(journal.read_text())["facts"]

    def set_facts(self, facts: dict[str, str]) -> None:
        write_whole(self.folder / "job.json", json.dumps({"facts": facts}).encode() + b"\n")

    def close(self) -> None:
        if self.lock:
            self.lock.close()

    def missing(self, segments: int) -> list[int]:
        return [number for number in range(segments) if not self.has(number)]

    def has(self, number: int) -> bool:
        """Whether a segment is complete, and belongs to this job."""
        video, record = files(self.folder, number)
        try:
            found = json.loads(record.read_bytes())
            return found["job"] == self.job and found["bytes"] == video.stat().st_size
        except (OSError, ValueError, KeyError):
            return False

    def keep(self, segment: Segment, last: bool) -> int:
        """Keeps a segment that has arrived; returns its number of frames."""
        if digest(segment.video, segment.record) != segment.sha256:
            raise PartsError(f"segment {segment.number} was damaged on its way")
        record = json.loads(segment.record)
        if record["job"] != self.job:
            raise PartsError(f"segment {segment.number} was painted from another film or with other versions or settings")
        if record["bytes"] != len(segment.video):
            raise PartsError(f"segment {segment.number} is cut off")
        if (record["next"] is None) != last:
            raise PartsError(f"segment {segment.number} ends where the film does not")
        video, description = files(self.folder, segment.number)
        # The record comes last: it means that the segment is complete.
        write_whole(video, segment.video)
        write_whole(description, segment.record)
        return len(record["frames"])


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that is whole under its name, also after a power cut."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
