"""Survives the head of a Ray cluster: Ray ends every program that was connected to it.

So that program is a child of the one that the user started, which starts another when the head is back.
"""

import os
import subprocess
import sys
import time

CHILD = "IMPASTO_CLUSTER_CHILD"
ABSENT, LOST = 75, 76  # the exit codes of a child that has found no Ray, and of one that has lost it
PAUSE = 5  # seconds between two tries
AT_WORK = 60  # seconds: a child that ran for longer had found its Ray
# Ray ends a program with 1, so a child that fails by itself says so by another code.
FAILED = 71
OWN_CODES = {0: 0, FAILED: 1, 2: 2, 130: 130}


def is_child() -> bool:
    return CHILD in os.environ


def run_until_it_ends(address: str, patience: float) -> int:
    """Runs this command as a child, again and again until Ray stays; gives up after `patience` minutes without it."""
    lost_since: float | None = None
    while True:
        begun = time.monotonic()
        child = subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, CHILD: "1"})
        try:
            code = child.wait()
        except KeyboardInterrupt:
            # The terminal has told the child too, and it says so.
            return OWN_CODES.get(child.wait(), 130) or 130
        if code in OWN_CODES:
            return OWN_CODES[code]
        if lost_since is None or time.monotonic() - begun > AT_WORK:
            lost_since = time.monotonic()
            print(f"no Ray head at '{address}'; waiting for it to resume", file=sys.stderr)
        if time.monotonic() - lost_since > patience * 60:
            print(f"error: no Ray at '{address}' for {patience:g} minutes; start it and run the same command again", file=sys.stderr)
            return 1
        time.sleep(PAUSE)
