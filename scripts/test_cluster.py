#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["ray[default]==2.60.0"]
# ///
"""Try scripts/cluster.py on machines that die, on one computer: network namespaces with folders of their own.

    sudo env PATH="$PATH" scripts/test_cluster.py                 # all of it
    sudo env PATH="$PATH" scripts/test_cluster.py sent restarted  # some

Needs root, ip (iproute2), ffmpeg and impasto. Each trial paints one film and compares the frames and the packets of sound with those
of one `impasto video`:

sent       three machines without shared storage; one is killed (-9) in the middle, another joins late
shared     three machines that see the film under the same path
restarted  the head is killed and started again; the machines come back by themselves
faults     one machine's disk is full, and another has another version of impasto; both are told
changed    the film changes while it is painted; nothing is joined

Two more measure instead, and are run only by name, on a computer that does nothing else:

overhead   two machines of one core each, against one `impasto video` on all cores; at least 0.9 of its speed is asked
latency    how long a range in the last minute of a ten-minute film takes to paint its first frames; 2 s are asked
"""

import argparse
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD, PORT = "10.29.0.1", 6379
RAY = Path(sys.executable).parent / "ray"
FRAMES, SEGMENT = 480, 40
OPTIONS = ["--style=scream", f"--segment-frames={SEGMENT}"]
WARM_UP = 32  # frames that a range paints and does not keep
PATIENCE = 600


class Machine:
    """A host of its own: a network namespace, a private /tmp/ray, and a view of the disk without the folders of others."""

    def __init__(self, lab: "Lab", name: str, number: int, hidden: list[Path], cores: int = 1) -> None:
        self.lab, self.name, self.address, self.hidden, self.cores = lab, f"impasto-{name}", f"10.29.0.{number}", hidden, cores
        self.folder = lab.folder / name
        (self.folder / "ray").mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen | None = None
        veth = f"imp{number}"
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "link", "set", veth, "master", lab.bridge, "up")
        for words in (f"addr add {self.address}/24 dev eth0", "link set eth0 up", "link set lo up"):
            run("ip", "-n", self.name, *words.split())

    def command(self, words: str, setup: str = "") -> list[str]:
        hide = "".join(f"mount -t tmpfs none '{folder}'; " for folder in self.hidden)
        private = f"mkdir -p /tmp/ray; mount --bind '{self.folder}/ray' /tmp/ray; mount -t tmpfs none /dev/shm; {hide}{setup}"
        host = ["ip", "netns", "exec", self.name, "unshare", "--mount", "--uts", "--fork", "sh", "-c"]
        return [*host, f"{private} hostname {self.name}; {words}"]

    def start(self, environment: dict[str, str] | None = None, setup: str = "") -> None:
        role = f"--head --port={PORT} --include-dashboard=false" if self.address == HEAD else f"--address={HEAD}:{PORT}"
        once = (
            f"'{RAY}' start {role} --node-ip-address={self.address} --num-cpus={self.cores} --object-store-memory=150000000 "
            "--disable-usage-stats --block"
        )
        # As a service manager would: started again whenever it ends.
        words = f"while true; do {once}; sleep 2; done"
        log = (self.folder / "log").open("ab")
        settings = {**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache"), **(environment or {})}
        self.process = subprocess.Popen(self.command(words, setup), stdout=log, stderr=log, env=settings, start_new_session=True)

    def kill(self) -> None:
        """As if somebody had pulled the plug."""
        while pids := subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True).stdout.split():
            for pid in pids:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.1)
        if self.process:
            self.process.wait()

    def remove(self) -> None:
        self.kill()
        run("ip", "netns", "del", self.name)


class Lab:
    """Machines on one bridge, and a film."""

    def __init__(self, impasto: str, folder: Path) -> None:
        self.impasto, self.folder, self.machines, self.bridge = impasto, folder, [], "impbr0"
        self.store = folder / "store"  # what the head sees, and the others if storage is shared
        self.store.mkdir()
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "link", "set", self.bridge, "up")
        self.film, self.single = self.store / "film.mp4", folder / "single.mp4"
        seconds = FRAMES / 25
        source = f"testsrc2=s=192x108:r=25:d={seconds},noise=c0s=6:c0f=t:c0_seed=7"
        sound = ["-f", "lavfi", "-i", f"sine=d={seconds}", "-c:a", "aac"]
        video = ["-c:v", "libx264", "-g", "100", "-bf", "2"]
        run("ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", source, *sound, *video, str(self.film))
        run(impasto, "video", str(self.film), "-o", str(self.single), *OPTIONS, "--quiet")
        self.expected = content(self.single)
        token = folder / "token"
        token.write_text(secrets.token_hex(32))
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(token))

    def machine(self, name: str, number: int, shared: bool = False, **more: int) -> Machine:
        hidden = [] if shared or number == 1 else [self.store]
        machine = Machine(self, name, number, hidden, **more)
        self.machines.append(machine)
        return machine

    def paint(self, head: Machine, output: Path, film: Path | None = None, options: list[str] = OPTIONS) -> subprocess.Popen:
        """Starts cluster.py on the head."""
        script = [sys.executable, "-u", str(ROOT / "scripts" / "cluster.py"), str(film or self.film), "-o", str(output), *options]
        words = " ".join(f"'{word}'" for word in [*script, f"--address={HEAD}:{PORT}", f"--impasto={self.impasto}"])
        settings = {**os.environ, "XDG_CACHE_HOME": str(head.folder / "cache")}
        self.log = self.folder / f"{output.name}.log"
        return subprocess.Popen(head.command(words), stdout=self.log.open("wb"), stderr=subprocess.STDOUT, env=settings)

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, what: Callable[[], bool], name: str) -> None:
        end = time.monotonic() + PATIENCE
        while not what():
            if time.monotonic() > end:
                raise SystemExit(f"{name} has not happened in {PATIENCE} s; the log:\n{self.said()}")
            time.sleep(0.2)

    def segments(self, output: Path) -> int:
        return len(list(Path(f"{output}.parts").glob("[0-9]*.json")))

    def finish(self, process: subprocess.Popen, output: Path, name: str) -> None:
        code = process.wait(PATIENCE)
        same = code == 0 and content(output) == self.expected
        print(self.said())
        print(f"{name}: {'the same frames and sound as one run' if same else f'NOT the same (code {code})'}", flush=True)
        if not same:
            raise SystemExit(1)

    def clear(self) -> None:
        for machine in self.machines:
            machine.remove()
        self.machines = []

    def close(self) -> None:
        self.clear()
        run("ip", "link", "del", self.bridge)


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def content(film: Path) -> tuple[str, ...]:
    """The times and pixels of all frames, and the packets of sound."""
    read = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(film), "-vsync", "passthrough", "-copyts"]
    streams = (["-map", "0:v:0"], ["-map", "0:a", "-c", "copy"])
    printed = [subprocess.run([*read, *stream, "-f", "framemd5", "-"], check=True, capture_output=True).stdout for stream in streams]
    return tuple(hashlib.sha256(text).hexdigest() for text in printed)


def machines_die(lab: Lab, shared: bool, name: str) -> None:
    head, a, b = lab.machine("head", 1, shared), lab.machine("a", 2, shared), lab.machine("b", 3, shared)
    for machine in (head, a):
        machine.start()
    output = lab.store / f"{name}.mp4"
    painting = lab.paint(head, output)
    lab.wait_for(lambda: lab.segments(output) >= 2, "the second segment")
    lab.wait_for(lambda: f"{a.name} ({a.address}): ready" in lab.said(), "the second machine")
    b.start()
    lab.wait_for(lambda: lab.segments(output) >= 4, "the fourth segment")
    a.kill()
    print(f"{name}: killed {a.name} after {lab.segments(output)} segments", flush=True)
    lab.wait_for(lambda: painting.poll() is not None or f"{b.name} ({b.address}): ready" in lab.said(), "the late machine")
    lab.finish(painting, output, name)
    assert f"{b.name} ({b.address}): ready" in lab.said(), "the machine that joined late painted nothing"
    assert ("the film was sent" in lab.said()) != shared


def sent(lab: Lab) -> None:
    machines_die(lab, False, "sent")


def shared(lab: Lab) -> None:
    machines_die(lab, True, "shared")


def restarted(lab: Lab) -> None:
    head, a = lab.machine("head", 1), lab.machine("a", 2)
    for machine in (head, a):
        machine.start()
    output = lab.store / "restarted.mp4"
    painting = lab.paint(head, output)
    lab.wait_for(lambda: lab.segments(output) >= 3, "the third segment")
    pids = subprocess.run(["ip", "netns", "pids", head.name], capture_output=True, text=True).stdout.split()
    rays = [pid for pid in pids if any(word in Path(f"/proc/{pid}/cmdline").read_text() for word in ("gcs_server", "raylet/raylet"))]
    for pid in rays:
        os.kill(int(pid), signal.SIGKILL)
    print(f"restarted: killed the head's Ray after {lab.segments(output)} segments", flush=True)
    lab.finish(painting, output, "restarted")


def faults(lab: Lab) -> None:
    """One machine's disk is full, and another has another version."""
    head, full, other = lab.machine("head", 1), lab.machine("full", 2), lab.machine("other", 3)
    wrapper = other.folder / "impasto"
    shutil.copy(lab.impasto, other.folder / "real")
    wrapper.write_text(f"""#!/bin/sh\nexec '{other.folder}/real' "$@" | sed 's/"impasto":"[^"]*"/"impasto":"0.0.0"/'\n""")
    wrapper.chmod(0o755)
    head.start()
    room = lab.film.stat().st_size + 60_000
    full.start(setup=f"mkdir -p '{full.folder}/cache'; mount -t tmpfs -o size={room} none '{full.folder}/cache'; ")
    other.start(setup=f"mount --bind '{wrapper}' '{lab.impasto}'; ")
    output = lab.store / "faults.mp4"
    painting = lab.paint(head, output)
    lab.finish(painting, output, "faults")
    said = lab.said()
    assert f"{other.name} ({other.address}) is left out: impasto is '0.0.0' there" in said, "the other version is not told"
    assert f"{full.name} ({full.address})" in said and ("disk is full" in said or "No space left" in said), "the full disk is not told"


def changed(lab: Lab) -> None:
    head = lab.machine("head", 1)
    head.start()
    film, output = lab.store / "changing.mp4", lab.store / "changed.mp4"
    shutil.copy(lab.film, film)
    painting = lab.paint(head, output, film=film)
    lab.wait_for(lambda: lab.segments(output) >= 2, "the second segment")
    with film.open("ab") as file:
        file.write(b"more")
    code = painting.wait(PATIENCE)
    print(lab.said())
    assert code == 1 and "changed" in lab.said() and not output.exists(), f"code {code}"
    print("changed: told, and nothing is joined", flush=True)


def ten_minutes(lab: Lab) -> Path:
    """A film of ten minutes with its index, which costs the same whoever paints."""
    film = lab.store / "ten_minutes.mp4"
    if not film.exists():
        source = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=600", "-f", "lavfi", "-i", "sine=d=600", "-c:a", "aac"]
        run("ffmpeg", "-v", "error", "-nostdin", *source, "-c:v", "libx264", "-preset", "veryfast", "-g", "250", str(film))
        run(lab.impasto, "video", str(film), "--index", "--quiet")
    return film


def overhead(lab: Lab) -> None:
    film, single, output = ten_minutes(lab), lab.store / "alone.mp4", lab.store / "overhead.mp4"
    options = ["--style=scream"]
    began = time.monotonic()
    run(lab.impasto, "video", str(film), "-o", str(single), *options, "--quiet")
    alone = time.monotonic() - began
    head, a = lab.machine("head", 1, True), lab.machine("a", 2, True)
    for machine in (head, a):
        machine.start()
    time.sleep(30)  # Ray's own start
    began = time.monotonic()
    painting = lab.paint(head, output, film, options)
    code = painting.wait()
    together = time.monotonic() - began
    print(lab.said())
    assert code == 0 and content(output) == content(single), f"code {code}"
    share = alone / together
    print(f"overhead: alone {alone:.0f} s, two machines of one core {together:.0f} s: {share:.2f} of its speed", flush=True)
    assert share >= 0.9


def latency(lab: Lab) -> None:
    film, output = ten_minutes(lab), lab.store / "latency.mp4"
    # Ranges that differ by 80 painted frames: what the longer one takes for a frame is taken off the shorter one.
    spans = []
    for count in (1, 3):
        began = time.monotonic()
        segments = f"{14_400 // SEGMENT}..{14_400 // SEGMENT + count}"
        run(lab.impasto, "video", str(film), "-o", str(output), *OPTIONS, "--segments", segments, "--restart", "--quiet")
        spans.append(time.monotonic() - began)
    frame = (spans[1] - spans[0]) / (2 * SEGMENT)
    # What is painted and not kept is painted too.
    first = spans[0] - frame * (SEGMENT + WARM_UP)
    print(f"latency: the first of {SEGMENT} frames after {first:.2f} s, each of them {1000 * frame:.0f} ms", flush=True)
    assert first <= 2.0


TRIALS = {"sent": sent, "shared": shared, "restarted": restarted, "faults": faults, "changed": changed}
MEASURES = {"overhead": overhead, "latency": latency}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = {**TRIALS, **MEASURES}
    parser.add_argument("trials", nargs="*", choices=[*every, []], metavar="TRIAL", help="default: all that only try")
    parser.add_argument("--impasto", default=shutil.which("impasto") or str(ROOT / "target/release/impasto"), metavar="PATH")
    parser.add_argument("--keep", metavar="DIR", help="keep films and logs there")
    args = parser.parse_args()
    folder = Path(args.keep) if args.keep else Path(tempfile.mkdtemp(prefix="impasto-cluster-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # A timeout, too, leaves no network behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lab = Lab(args.impasto, folder)
    try:
        for name in args.trials or TRIALS:
            every[name](lab)
            lab.clear()
    finally:
        lab.close()
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
