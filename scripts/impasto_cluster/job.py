"""From the command line to finished films."""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from .board import Board, spoken
from .errors import ClusterError, ImpastoError, LostError
from .node import Job
from .options import encoder_threads
from .parts import Parts
from .program import Plan, Program, differences, find_program
from .schedule import Schedule
from .storage import Film

ENDINGS = {".mp4", ".m4v", ".mkv", ".mov", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv", ".mxf"}


def films_to_paint(inputs: list[Path], output: Path) -> list[tuple[Path, Path]]:
    """Each film with its output."""
    films = []
    for path in inputs:
        if path.is_dir():
            films += sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS)
        elif path.is_file():
            films.append(path)
        else:
            raise ClusterError(f"there is no file '{path}'")
    if not films:
        raise ClusterError(f"there is no film in '{inputs[0]}'")
    if len(films) == 1 and not inputs[0].is_dir() and not output.is_dir():
        return [(films[0], output)]
    output.mkdir(parents=True, exist_ok=True)
    names = [film.name for film in films]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ClusterError(f"two films are called '{twice}'; paint them into different folders")
    return [(film, output / film.name) for film in films]


def paint_films(films: list[tuple[Path, Path]], options: list[str], args: argparse.Namespace) -> int:
    use_token()
    from .engine import Engine  # Ray takes seconds, and may be missing

    device = next((option.split("=")[1] for option in options if option.startswith("--device=")), "auto")
    engine = Engine(args.address, {"auto": None, "cpu": False}.get(device, True))
    failed = 0
    try:
        if not args.quiet and engine.dashboard():
            print(f"dashboard: {engine.dashboard()}", file=sys.stderr)
        for film, output in films:
            if output.exists() and not args.overwrite:
                if len(films) == 1:
                    raise ClusterError(f"'{output}' exists; choose another output, or add --overwrite to replace it")
                print(f"'{output}' exists already, skipped; add --overwrite to paint it again", file=sys.stderr)
                continue
            try:
                paint_film(engine, film, output, options, args)
            except LostError:
                raise
            except ClusterError as error:
                if len(films) == 1:
                    raise
                failed += 1
                print(f"error: '{film}': {error}", file=sys.stderr)
    finally:
        engine.close()
    return 1 if failed else 0


def use_token() -> None:
    """Shows the cluster its token. `ray start` does so by itself where there is one; a program has to ask for it."""
    if (Path.home() / ".ray" / "auth_token").exists() or {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        os.environ.setdefault("RAY_AUTH_MODE", "token")


@dataclass(frozen=True)
class Opened:
    """A job whose folder is open."""

    program: Program
    index: Path  # of the film
    plan: Plan
    parts: Parts
    facts: dict[str, str]  # of the job that is in the folder


def open_job(film: Path, output: Path, options: list[str], args: argparse.Namespace) -> Opened:
    """Opens the folder of a job, and finds out what it is."""
    begun = Path(f"{output}.parts") / "job.json"
    before = json.loads(begun.read_text())["facts"] if begun.exists() and not args.restart else {}
    program = Program(find_program(args.impasto), tuple(encoder_threads(options, before)))
    index = index_of(program, film, output)
    plan = program.plan(str(film), str(output), join=True)
    parts = Parts(output, plan.job)
    facts = parts.open(plan.facts, args.restart)
    others = differences(plan.facts, {name: value for name, value in facts.items() if name in plan.facts})
    if others:
        raise ClusterError(
            f"the job in '{parts.folder}' has other settings: {', '.join(others)}; use the same settings to resume it, or add --restart"
        )
    return Opened(program, index, plan, parts, facts)


def index_of(program: Program, film: Path, output: Path) -> Path:
    """The index of a film: beside it, or in the job's folder where that cannot be written."""
    beside, inside = Path(f"{film}.index"), Path(f"{output}.parts") / "film.index"
    identity = Film.of(film).identity
    for found in (beside, inside):
        if found.exists() and json.loads(found.read_bytes()).get("film") == identity:
            return found
    print(f"'{film}': writing its index, which decodes it once", file=sys.stderr)
    try:
        program.run(str(film), "--index", "--quiet", "-o", str(beside))
        return beside
    except ImpastoError:
        inside.parent.mkdir(parents=True, exist_ok=True)
        program.run(str(film), "--index", "--quiet", "-o", str(inside))
        return inside


def paint_film(engine, film: Path, output: Path, options: list[str], args: argparse.Namespace) -> None:
    from .painting import Painting

    began = time.monotonic()
    opened = open_job(film, output, options, args)
    program, parts, plan = opened.program, opened.parts, opened.plan
    source = Film.of(film)
    job = Job(source, output.name, program.options, args.impasto, args.scratch, opened.index.read_bytes())
    missing = parts.missing(plan.segments)
    before = plan.frames - sum(min(plan.segment_frames, plan.frames - number * plan.segment_frames) for number in missing)
    board = Board(film.name, plan.frames, before, args.quiet)
    if before:
        board.say(f"resuming '{output}': {plan.segments - len(missing)} of {plan.segments} segments are there")
    engine.serve(source)
    painting = Painting(engine, engine.share(job), film.name, plan, opened.facts, parts, board, Schedule(missing))
    try:
        painting.run()
    except LostError:
        raise
    except (ClusterError, OSError) as error:
        check_unchanged(film, source)
        kept = plan.segments - len(parts.missing(plan.segments))
        raise ClusterError(f"{error}; {kept} of {plan.segments} segments are kept: run the same command again to resume") from error
    finally:
        board.wipe()
        painting.cancel()
        parts.close()
    engine.tidy(job, plan.job, [worker.slot for worker in painting.workers.values()])
    check_unchanged(film, source)
    flags = [*(["--overwrite"] if args.overwrite else []), *(["--keep-segments"] if args.keep_segments else [])]
    program.run(str(film), "-o", str(output), *program.options, "--join", *flags)
    seconds = time.monotonic() - began
    done = plan.frames - before
    board.say(f"{output}: {plan.frames} frames, {done} of them painted in {spoken(seconds)} ({done / seconds:.1f} fps)")


def check_unchanged(film: Path, source: Film) -> None:
    """Refuses what was painted from a film that has changed since."""
    if replace(Film.of(film), path=source.path) != source:
        raise ClusterError(f"'{film}' has changed while it was painted, and nothing is joined; paint it again with --restart")
