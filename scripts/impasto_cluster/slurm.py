"""Slurm: an array job that paints the missing segments, and a job that joins them."""

import argparse
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import ClusterError
from .job import open_job
from .program import Program

MOST_TASKS = 1000  # in one array, as Slurm comes
TRIES = 3  # of a task that fails by itself; Slurm requeues what a dead machine had

PAINT = r"""#!/bin/bash
#SBATCH --requeue
#SBATCH --open-mode=append
# Paints the segments of one task. {restarts} restarts; then it is left, and the join says so.
cd {folder} || exit 1
ranges=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" ranges)
echo "segments $ranges on $(hostname), try $((${{SLURM_RESTART_COUNT:-0}} + 1))"
threads=${{SLURM_CPUS_PER_TASK:-${{SLURM_CPUS_ON_NODE:-1}}}}
paint=({command} "--threads=$threads")
# The first task decides on which device the film is painted; others would paint slightly different frames.
own=$("${{paint[@]}}" --plan | sed -n 's/.*"--device":"\([^"]*\)".*"ONNX Runtime":"\([^"]*\)".*/\1 with ONNX Runtime \2/p')
if [ -n "$own" ]; then
  (set -o noclobber; echo "$own" > device) 2>/dev/null
  if [ "$own" != "$(cat device)" ]; then
    echo "error: $(hostname) paints on $own, and the job on $(cat device)."
    echo "Leave this machine out with --sbatch=--exclude=$(hostname), or remove $PWD/device and add --restart."
    exit 1
  fi
fi
failed=
for range in $ranges; do
  "${{paint[@]}}" --segments "$range" || failed=yes
done
[ -z "$failed" ] && exit 0
if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {restarts} ]; then
  echo "failed; it is put into the queue again"
  scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}" && sleep 60
fi
echo "failed too often; see above for the reason. Submit the same command again: it paints only what is missing"
exit 1
"""

JOIN = r"""#!/bin/bash
#SBATCH --requeue
#SBATCH --open-mode=append
cd {folder} || exit 1
missing=()
for ((number = 0; number < {segments}; number++)); do
  [ -e "$(printf '../%06d.json' "$number")" ] || missing+=("$number")
done
if [ "${{#missing[@]}}" -gt 0 ]; then
  echo "error: segments ${{missing[*]}} are missing; the logs in $PWD say why. Submit the same command again: it paints only those"
  exit 1
fi
{command} --join
"""


def submit_films(films: list[tuple[Path, Path]], options: list[str], args: argparse.Namespace) -> int:
    if not shutil.which("sbatch"):
        raise ClusterError("there is no sbatch here; submit from a machine of the Slurm cluster, or omit --slurm to use Ray")
    for film, output in films:
        if output.exists() and not args.overwrite:
            print(f"'{output}' exists already, skipped; add --overwrite to paint it again", file=sys.stderr)
            continue
        submit(film.resolve(), output.resolve(), options, args)
    return 0


def submit(film: Path, output: Path, options: list[str], args: argparse.Namespace) -> None:
    opened = open_job(film, output, options, args)
    program, parts, plan = opened.program, opened.parts, opened.plan
    folder = parts.folder / "slurm"
    folder.mkdir(exist_ok=True)
    if args.restart:
        (folder / "device").unlink(missing_ok=True)
    tasks = tasks_of(parts.missing(plan.segments), args.task_segments)
    # Slurm's jobs open the folder themselves.
    parts.close()
    (folder / "ranges").write_text("".join(" ".join(ranges) + "\n" for ranges in tasks))
    words = {"folder": shlex.quote(str(folder)), "restarts": TRIES - 1, "segments": plan.segments}
    paint = written(folder / "paint.sh", PAINT, command=command(program, film, output, []), **words)
    flags = [flag for flag, wanted in (("--overwrite", args.overwrite), ("--keep-segments", args.keep_segments)) if wanted]
    join = written(folder / "join.sh", JOIN, command=command(program, film, output, flags), **words)
    extra = [*args.sbatch, f"--chdir={folder}"]
    after = []
    if tasks:
        array = [f"--array=0-{len(tasks) - 1}", f"--job-name=paint {film.name}", f"--output={folder}/paint-%a.log"]
        painting = sbatch([*extra, *array, str(paint)])
        after = [f"--dependency=afterany:{painting}"]
    joining = sbatch([*extra, *after, f"--job-name=join {film.name}", f"--output={folder}/join.log", str(join)])
    jobs = f"{painting},{joining}" if tasks else joining
    print(f"'{film.name}': {len(tasks)} tasks paint it, and job {joining} joins it into '{output}'")
    print(f"  watch: squeue -j {jobs}    logs: {folder}    cancel: scancel {jobs.replace(',', ' ')}")


def tasks_of(missing: list[int], most: int) -> list[list[str]]:
    """The ranges that each task paints: at most so many segments in all, more if the array would be too long."""
    most = max(most, -(-len(missing) // MOST_TASKS))
    return [ranges_of(missing[first : first + most]) for first in range(0, len(missing), most)]


def ranges_of(missing: list[int]) -> list[str]:
    """Segments, as `--segments` takes them."""
    ranges: list[list[int]] = []
    for number in missing:
        if ranges and ranges[-1][1] == number:
            ranges[-1][1] += 1
        else:
            ranges.append([number, number + 1])
    return [f"{first}..{end}" for first, end in ranges]


def command(program: Program, film: Path, output: Path, flags: list[str]) -> str:
    return shlex.join([program.path, "video", str(film), "-o", str(output), *program.options, *flags])


def written(path: Path, script: str, **words: object) -> Path:
    path.write_text(script.format(**words))
    path.chmod(0o755)
    return path


def sbatch(options: list[str]) -> str:
    done = subprocess.run(["sbatch", "--parsable", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"sbatch refuses: {' '.join(done.stderr.split())}")
    return done.stdout.strip().split(";")[0]
