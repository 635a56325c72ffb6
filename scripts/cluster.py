#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["ray[default]==2.60.0"]
# ///
"""Paint films on many machines, with the impasto of each.

    cluster.py film.mp4 -o painted.mp4 --style scream                     # on this machine
    cluster.py film.mp4 -o painted.mp4 --style scream --address auto      # on the Ray cluster that this machine belongs to
    cluster.py films/ -o painted/ --style scream --address auto           # every film of a folder
    cluster.py film.mp4 -o painted.mp4 --style scream --slurm             # as an array job of Slurm

Ctrl-C or a failure costs what is being painted; the same command resumes. The result is the file that `impasto video` makes on
this machine. src/guide/many_machines.md tells how to set up the machines. Options that are not below are those of `impasto video`.
"""

import argparse
import sys

from impasto_cluster.errors import AbsentError, ClusterError, LostError
from impasto_cluster.job import films_to_paint, paint_films
from impasto_cluster.options import add_options, painting_options
from impasto_cluster.resumption import ABSENT, FAILED, LOST, is_child, run_until_it_ends
from impasto_networks.needs import require_packages


def main() -> int:
    code = run()
    return FAILED if code == 1 and is_child() else code


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add_options(parser)
    args = parser.parse_args()
    try:
        films = films_to_paint(args.films, args.output)
        if args.slurm:
            from impasto_cluster.slurm import submit_films

            return submit_films(films, painting_options(args), args)
        require_packages(__file__)
        if args.address and not is_child():
            return run_until_it_ends(args.address, args.wait)
        return paint_films(films, painting_options(args), args)
    except (AbsentError, LostError) as error:
        print(f"error: {error}", file=sys.stderr)
        return (ABSENT if isinstance(error, AbsentError) else LOST) if is_child() else 1
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ConnectionError:
        raise  # Ray has ended: the parent process waits for it and starts this one again
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again to resume", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
