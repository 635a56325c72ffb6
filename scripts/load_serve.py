#!/usr/bin/env python3
"""Loads `impasto serve` as many people at a time would, and prints one table.

pictures   photos of 640x360 from several clients at a time, beside `impasto image` on the same folder: the ratio of their times
           is 0.9 or more, and the server's memory does not grow from the first half to the second
refused    damaged and oversized uploads: each is answered with a painting or a sentence, and the server goes on
kills      the server is killed (-9) while it paints films, and started again: no job is lost, and all are painted at the end

Needs ffmpeg, and an impasto that is built. Runs on Linux. Exits with 1 if something is not as it should be.
"""
# /// script
# requires-python = ">=3.10"
# dependencies = []
# ///

import argparse
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Megabytes that the memory may grow by: allocators keep some.
GROWTH = 40


class Server:
    """`impasto serve` on a free port, with a folder of jobs of its own."""

    def __init__(self, impasto: Path, folder: Path, *flags: str):
        command = [impasto, "serve", "127.0.0.1:0", "--json", "--quiet", "--folder", folder / "jobs", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        said = self.process.stdout.readline()
        if not said:
            raise SystemExit("load_serve: the server did not start; see its message above")
        self.address = json.loads(said)["address"].split("/")[2]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def resident(self) -> float:
        """Memory in MiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise SystemExit("load_serve: the server has ended")

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.address, timeout=600)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def form(self, path: str, field: str, name: str, file: bytes, **fields: str) -> tuple[int, bytes]:
        edge = uuid.uuid4().hex
        parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
        body = "".join(parts).encode() + head.encode() + file + f"\r\n--{edge}--\r\n".encode()
        return self.ask("POST", path, body, f"multipart/form-data; boundary={edge}")


def ffmpeg(*words: str):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *words], check=True)


def row(what: str, found: str, asked: str, good: bool) -> bool:
    print(f"{what:<50}{found:>22}   {asked:<14}{'' if good else 'NOT MET'}", flush=True)
    return good


def pictures(args, folder: Path) -> bool:
    photos = folder / "photos"
    photos.mkdir()
    noise = "noise=alls=12:allf=t"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-vf", noise, "-frames:v", str(args.photos), str(photos / "%04d.jpg"))
    files = [path.read_bytes() for path in sorted(photos.iterdir())]
    line, ratios, grown = [], [], []
    for turn in range(args.rounds):
        begun = time.monotonic()
        out = folder / f"painted{turn}"
        subprocess.run([args.impasto, "image", photos, "-o", out, "--style", "scream", "--quiet"], check=True)
        line.append(time.monotonic() - begun)
        server = Server(args.impasto, folder / f"serve{turn}")
        # A server paints for days: its start is not part of it, whereas the command line has one for each folder.
        begun = time.monotonic()
        lock, left, wrong, memory = threading.Lock(), list(enumerate(files)), [], []

        def client():
            while True:
                with lock:
                    if not left:
                        return
                    number, file = left.pop()
                status, body = server.form("/api/v1/pictures", "image", f"{number}.jpg", file, style="scream", format="jpeg")
                if status != 200:
                    wrong.append(body)
                with lock:
                    memory.append(server.resident())

        clients = [threading.Thread(target=client) for _ in range(args.clients)]
        [one.start() for one in clients]
        [one.join() for one in clients]
        took = time.monotonic() - begun
        server.kill()
        if wrong:
            raise SystemExit(f"load_serve: a photo was refused: {wrong[0][:300]}")
        ratios.append(line[-1] / took)
        quarter = len(memory) // 4
        grown.append(max(memory[-quarter:]) - max(memory[quarter : 2 * quarter]))
        print(f"round {turn + 1}: command line {line[-1]:.1f} s, served {took:.1f} s, memory {max(memory):.0f} MiB", flush=True)
    what = f"{args.photos} photos, {args.clients} clients: beside impasto image"
    good = row(what, f"{max(ratios):.2f}", ">= 0.9", max(ratios) >= 0.9)
    return row("memory, last quarter less second", f"{min(grown):+.0f} MiB", f"<= +{GROWTH} MiB", min(grown) <= GROWTH) and good


def refused(args, folder: Path) -> bool:
    server = Server(args.impasto, folder / "refused", "--max-upload", "1")
    sample = (ROOT / "src/service/sample.jpg").read_bytes()
    chance = random.Random(27)
    answered = {"painted": 0, "sentence": 0, "else": 0}

    def count(status: int, body: bytes):
        try:
            has_sentence = 400 <= status < 500 and len(json.loads(body)["detail"]) > 10
        except (ValueError, KeyError):
            has_sentence = False
        answered["painted" if status == 200 else "sentence" if has_sentence else "else"] += 1

    for _ in range(args.damaged):
        damaged = bytearray(sample[: chance.randrange(1, len(sample))])
        for _ in range(chance.randrange(1, 60)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        count(*server.form("/api/v1/pictures", "image", "damaged.jpg", bytes(damaged), style="identity"))
    good = row(
        f"{args.damaged} damaged uploads", f"{answered['painted']} painted, {answered['sentence']} told", "no other", not answered["else"]
    )
    answered.update(dict.fromkeys(answered, 0))
    for turn in range(args.oversized):
        path, field = [("/api/v1/pictures", "image"), ("/api/v1/jobs", "file")][turn % 2]
        try:
            count(*server.form(path, field, "large.jpg", sample + bytes(2 << 20)))
        except (BrokenPipeError, ConnectionResetError):
            # It was refused before all of it was sent, and the answer is lost on the way.
            answered["else"] += 1
    good = (
        row(f"{args.oversized} oversized uploads", f"{answered['sentence']} told", "all", answered["sentence"] == args.oversized) and good
    )
    healthy = json.loads(server.ask("GET", "/api/v1/health")[1])["status"] == "ok"
    server.kill()
    return row("the server afterwards", "ok" if healthy else "not ok", "ok", healthy) and good


def kills(args, folder: Path) -> bool:
    film = folder / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d={args.seconds}", "-c:v", "libx264", "-g", "12", str(film))
    chance = random.Random(27)
    server = Server(args.impasto, folder / "kills")
    sent, lost = [], set()

    def known() -> dict:
        return {job["id"]: job for job in json.loads(server.ask("GET", "/api/v1/jobs")[1])["jobs"]}

    for turn in range(args.kills):
        if turn % 5 == 0:
            status, body = server.form("/api/v1/jobs", "file", f"film{turn}.mp4", film.read_bytes(), style="scream")
            if status != 201:
                raise SystemExit(f"load_serve: a film was refused: {body[:300]}")
            sent.append(json.loads(body)["id"])
        time.sleep(chance.uniform(0.05, args.between))
        server.kill()
        server = Server(args.impasto, folder / "kills")
        lost |= set(sent) - set(known())
    deadline = time.monotonic() + args.patience
    while any(job["state"] not in ("done", "failed", "cancelled") for job in known().values()):
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    jobs = known()
    done = [job for job in jobs.values() if job["state"] == "done" and job["outcome"]["frames"] == args.seconds * 25]
    server.kill()
    good = row(f"{args.kills} kills, {len(sent)} films: lost", str(len(lost)), "0", not lost)
    return row("films painted to their last frame", f"{len(done)} of {len(sent)}", "all", len(done) == len(sent)) and good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="pictures, refused, kills; all if none is given")
    parser.add_argument("--impasto", type=Path, default=ROOT / "target/release/impasto", help="the program; default: the release build")
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of pictures; the best ratio counts")
    parser.add_argument("--damaged", type=int, default=50)
    parser.add_argument("--oversized", type=int, default=20)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=8, help="length of each film")
    parser.add_argument("--between", type=float, default=2.0, help="longest time between two kills, in seconds")
    parser.add_argument("--patience", type=float, default=900, help="seconds for the films after the last kill")
    args = parser.parse_args()
    parts = {"pictures": pictures, "refused": refused, "kills": kills}
    unknown = [part for part in args.parts if part not in parts]
    if unknown:
        parser.error(f"no part is called '{unknown[0]}'; choose from {', '.join(parts)}")
    if not args.impasto.is_file():
        parser.error(f"'{args.impasto}' is missing; build it (cargo build --release), or give --impasto")
    good = True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        for part in args.parts or parts:
            good = parts[part](args, Path(folder)) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
