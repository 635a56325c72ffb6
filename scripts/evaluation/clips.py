"""What is measured on clips, and through the program with its stabiliser. Frames are uint8 [H, W, 3], sRGB."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .measures import NOISE, SIDE, Motion, rms, to_bytes

Maps = list[tuple[np.ndarray, np.ndarray]]  # of each frame but the first: where its pixels were, and which are sure

VIDEOS = {".mp4", ".mkv", ".mov", ".avi", ".webm"}
CLIP_FRAMES, STILL_FRAMES, STILL_PHOTOS = 24, 20, 3
LOSSLESS = ("--codec", "ffv1", "--pix-fmt", "bgr0")


class Lossless:
    """An FFV1 file in RGB: what is read is what was written."""

    @staticmethod
    def write(path: Path, frames: Sequence[np.ndarray]) -> None:
        height, width = frames[0].shape[:2]
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 25, (width, height))
        if not writer.isOpened():
            raise ValueError("OpenCV cannot write FFV1; install opencv-python-headless as the script's header pins it")
        for frame in frames:
            writer.write(np.ascontiguousarray(frame[..., ::-1]))
        writer.release()

    @staticmethod
    def read(path: Path, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """At most that many frames from the start."""
        reader, found = cv2.VideoCapture(str(path)), []
        while len(found) < frames and (frame := reader.read()[1]) is not None:
            found.append(np.ascontiguousarray(frame[..., ::-1]))
        if len(found) < 2:
            raise ValueError(f"'{path}' is not a video of two frames or more")
        return found


def load_clip(path: Path) -> list[np.ndarray]:
    """The first frames of a clip at the photos' measuring size, sides a multiple of 4."""
    frames = Lossless.read(path, CLIP_FRAMES)
    height, width = frames[0].shape[:2]
    scale = min(1, SIDE / min(height, width))
    size = [round(side * scale) // 4 * 4 for side in (width, height)]
    return [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]


def clip_files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in VIDEOS)
    if not files:
        raise ValueError(f"no clips under '{folder}'; give a folder with {', '.join(sorted(VIDEOS))} as --clips")
    return files


def flow_maps(frames: Sequence[np.ndarray]) -> Maps:
    """For each frame but the first: where its pixels were in the one before (float32 [H, W, 2]), and which are sure.

    DIS optical flow both ways; a pixel is sure where they agree as in Ruder et al. 2016, section 3.2 (from Sundaram et
    al. 2010), and where it was inside the picture."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    y, x = np.mgrid[: grays[0].shape[0], : grays[0].shape[1]].astype(np.float32)
    maps = []
    for before, now in zip(grays, grays[1:]):
        back, forth = dis.calc(now, before, None), dis.calc(before, now, None)
        place = np.stack([x + back[..., 0], y + back[..., 1]], axis=-1)
        forth = cv2.remap(forth, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        squares = lambda flow: np.square(flow).sum(-1)
        sure = squares(back + forth) < 0.01 * (squares(back) + squares(forth)) + 0.5
        inside = (place >= 0).all(-1) & (place[..., 0] <= x[0, -1]) & (place[..., 1] <= y[-1, 0])
        maps.append((place, sure & inside))
    return maps


def warping_error(styled: Sequence[np.ndarray], maps: Maps) -> float:
    """RMS, of 255, between each styled frame and the one before it moved along the flow of the input."""
    errors = []
    for before, now, (place, sure) in zip(styled, styled[1:], maps):
        moved = cv2.remap(before, place, None, cv2.INTER_LINEAR)
        errors.append(rms((np.float32(now) - moved)[sure]))
    return rms(np.array(errors))


def carried(height: int, width: int, maps: Maps) -> Iterator[Motion]:
    """The motion of each frame since the first, as `Painter.paint` takes it: coordinates that the flow carries along."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    places = np.stack([x, y], -1)
    outer = lambda own: ((2 * own[..., 0] + 1) / width - 1, (2 * own[..., 1] + 1) / height - 1)  # -1..1 over the pixels' outer edges
    yield outer(places)
    for place, _ in maps:
        places = cv2.remap(places, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        yield outer(places)


def noisy_clip(photo: np.ndarray, seed: Any) -> list[np.ndarray]:
    """A still scene as a camera sees it: the photo again and again, each time with its own noise."""
    generator = np.random.default_rng(seed)
    return [to_bytes(photo + generator.normal(0, NOISE, photo.shape)) for _ in range(STILL_FRAMES)]


def frame_change(frames: Sequence[np.ndarray]) -> float:
    """RMS between consecutive frames of the second half: what averages over time has settled by then."""
    half = np.float32(frames[len(frames) // 2 :])
    return rms(half[1:] - half[:-1])


def through_program(program: str, models: Path, style: str, frames: Sequence[np.ndarray], *flags: str) -> list[np.ndarray]:
    """The frames painted by `impasto video`, lossless on both sides."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.mkv"), Path(folder, "after.mkv")
        Lossless.write(before, frames)
        command = [program, "video", before, "-o", after, "--style", style, "--models", models, "--quiet", *LOSSLESS, *flags]
        run = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if run.returncode:
            raise ValueError(f"'{program}' did not paint '{style}': {run.stderr.strip() or run.returncode}")
        painted = Lossless.read(after, len(frames) + 1)
    if len(painted) != len(frames):
        raise ValueError(f"'{program}' gave {len(painted)} frames for {len(frames)}")
    return painted


def measure_stabilizer(
    program: str, models: Path, style: str, stills: Sequence[Sequence[np.ndarray]], clips: Sequence[tuple[Sequence[np.ndarray], Maps]]
) -> dict[str, float]:
    """The numbers of one style through the program, without its stabiliser and with it.

    stills: noisy clips of a still scene; clips: [(frames, flow maps)]."""
    numbers = {}
    for word, flags in (("off", ("--stabilize", "0")), ("on", ())):
        gains, errors = [], []
        for frames in stills:
            gains.append(frame_change(through_program(program, models, style, frames, *flags)) / frame_change(frames))
        for frames, maps in clips:
            errors.append(warping_error(through_program(program, models, style, frames, *flags), maps))
        numbers[f"still_clip_{word}"] = float(np.mean(gains))
        if errors:
            numbers[f"warping_error_{word}"] = float(np.mean(errors))
    return numbers
