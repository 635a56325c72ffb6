"""Brings a film to a machine: from storage that both see, or in pieces."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import ClusterError

BLOCK, BLOCKS = 16 << 10, 256
PIECE = 32 << 20  # bytes of a film that are sent at once


def fingerprint(path: Path) -> str:
    """Identifies a film: `fingerprint` in src/segments/journal.rs."""
    size = path.stat().st_size
    chosen = hashlib.sha256()
    with path.open("rb") as file:
        for block in range(min(-(-size // BLOCK), BLOCKS)):
            file.seek(block * BLOCK if size <= BLOCK * BLOCKS else (size - BLOCK) * block // (BLOCKS - 1))
            chosen.update(file.read(BLOCK))
    return f"{size} bytes, SHA-256 {chosen.hexdigest()}"


@dataclass(frozen=True)
class Film:
    """The film of a job, as the machine knows it that joins it."""

    path: str  # absolute
    identity: str  # its fingerprint
    size: int

    @staticmethod
    def of(path: Path) -> "Film":
        path = path.resolve()
        return Film(str(path), fingerprint(path), path.stat().st_size)

    @property
    def pieces(self) -> int:
        return max(1, -(-self.size // PIECE))

    @property
    def key(self) -> str:
        return hashlib.sha256(self.identity.encode()).hexdigest()[:16]

    def piece(self, number: int) -> tuple[bytes, str]:
        """A piece and its hash."""
        with open(self.path, "rb") as file:
            file.seek(number * PIECE)
            content = file.read(PIECE)
        return content, hashlib.sha256(content).hexdigest()


def scratch_folder(named: str | None) -> Path:
    """Where a machine keeps its copy of a film and the segments that it paints."""
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(named) if named else Path(caches) / "impasto" / "cluster"


def bring(film: Film, scratch: Path, fetch: Callable[[int], tuple[bytes, str]]) -> tuple[Path, bool]:
    """The film on this machine, and whether it was sent: it is used where it is if this machine sees it under the same path."""
    shared = Path(film.path)
    if shared.is_file() and shared.stat().st_size == film.size and fingerprint(shared) == film.identity:
        return shared, False
    folder = scratch / "films" / film.key
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / shared.name
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if own.is_file() and own.stat().st_size == film.size and fingerprint(own) == film.identity:
            return own, True
        room = shutil.disk_usage(folder).free
        if room < film.size:
            raise ClusterError(
                f"the film needs {film.size / 1e9:.1f} GB in '{folder}', and {room / 1e9:.1f} GB are free; make room, or name another "
                "folder with --scratch"
            )
        receive(film, own, fetch)
    return own, True


def receive(film: Film, own: Path, fetch: Callable[[int], tuple[bytes, str]]) -> None:
    temporary = own.with_name(own.name + ".part")
    with temporary.open("wb") as file:
        for number in range(film.pieces):
            for _ in range(3):
                content, sha256 = fetch(number)
                if hashlib.sha256(content).hexdigest() == sha256:
                    break
            else:
                raise ClusterError(f"piece {number} of the film arrives damaged; check this machine's network and memory")
            file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if fingerprint(temporary) != film.identity:
        raise ClusterError("the film has changed since the job began; start the job again when nobody writes to it")
    os.replace(temporary, own)
