#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "pillow==13.0.0"]
# ///
"""Draw style sources by program: what the public-domain paintings lack, free of anybody's rights.

    draw_styles.py DIR

writes engraving.png, mosaic.png, pointillism.png and watercolor.png, 640x512, the same bytes each time. Each is a small
landscape (sky, sun, hills, water) drawn in one technique at the stroke size that training sees (short side 384).
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 640, 512
FINER = 3  # drawn this much larger, then scaled down: smooth edges


def smooth_noise(rng, width, height, cell, octaves=3):
    """[height, width] in about -1..1: value noise whose largest waves are `cell` pixels wide."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        step = cell / 2**octave
        knots = rng.normal(0, 1, (int(height / step) + 3, int(width / step) + 3)).astype(np.float32)
        layer = Image.fromarray(knots).resize((int(knots.shape[1] * step), int(knots.shape[0] * step)), Image.Resampling.BICUBIC)
        total += np.asarray(layer)[:height, :width] * 0.5**octave
    return total / 1.5


def landscape(rng, width, height):
    """Tone 0..1 and material (0 sky, 1 sun, 2.. hills, 6 water), both [height, width]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    tone = 0.55 + 0.45 * y + 0.10 * smooth_noise(rng, width, height, width / 5)
    material = np.zeros((height, width), np.int32)
    sun = (x - 0.68) ** 2 * (width / height) ** 2 + (y - 0.27) ** 2 < 0.012
    tone[sun], material[sun] = 1.0, 1
    for hill, (level, shade) in enumerate([(0.46, 0.62), (0.56, 0.45), (0.66, 0.30), (0.78, 0.16)]):
        ridge = level + 0.07 * smooth_noise(rng, width, 1, width / (3 + hill), 4)
        inside = y > ridge
        lit = shade + 0.16 * smooth_noise(rng, width, height, width / 8)
        tone[inside], material[inside] = lit[inside], 2 + hill
    water = (y > 0.80) & (x > 0.25 + 0.15 * np.sin(6 * y)) & (x < 0.95)
    ripples = 0.55 + 0.30 * np.sin(90 * y + 3 * smooth_noise(rng, width, height, width / 10))
    tone[water], material[water] = ripples[water], 6
    return np.clip(tone, 0, 1), material


def palette(rng, tone, material, colors):
    """[height, width, 3] in 0..255: each material's dark and light colour mixed by the tone, warm and cool patches."""
    dark, light = (np.array([colors[m][end] for m in range(7)], np.float32)[material] for end in (0, 1))
    height, width = tone.shape
    shift = smooth_noise(rng, width, height, width / 12)[:, :, None] * np.array([16, 2, -16], np.float32)
    return np.clip(dark + (light - dark) * tone[:, :, None] + shift, 0, 255)


GARDEN = [
    ((70, 120, 190), (250, 214, 150)),
    ((250, 190, 60), (255, 236, 150)),
    ((96, 110, 170), (190, 170, 210)),
    ((40, 110, 110), (130, 190, 140)),
    ((60, 110, 40), (190, 200, 70)),
    ((110, 50, 40), (230, 140, 60)),
    ((20, 70, 130), (150, 210, 220)),
]


def shrink(picture):
    return picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def pointillism(rng):
    """Round dabs of pure colour, some in the complement, on a light ground (after Seurat)."""
    width, height = WIDTH * FINER, HEIGHT * FINER
    tone, material = landscape(rng, width, height)
    color = palette(rng, tone, material, GARDEN)
    picture = Image.new("RGB", (width, height), (236, 226, 200))
    draw = ImageDraw.Draw(picture)
    for radius, count in ((5.0 * FINER, 9000), (3.6 * FINER, 14000)):
        for x, y in rng.uniform((0, 0), (width, height), (count, 2)):
            base = color[int(y), int(x)]
            pure = base.mean() + (base - base.mean()) * rng.uniform(1.0, 2.0) + rng.normal(0, 16, 3)
            if rng.random() < 0.10:
                pure = 0.6 * (255 - pure) + 60
            r = radius * rng.uniform(0.75, 1.1)
            draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(np.clip(pure, 0, 255).astype(int).tolist()))
    return shrink(picture)


def mosaic(rng):
    """Four-cornered glass tesserae laid along the forms, on grey mortar."""
    width, height = WIDTH * FINER, HEIGHT * FINER
    tone, material = landscape(rng, width, height)
    color = palette(rng, tone, material, GARDEN)
    turn = smooth_noise(rng, width, height, width / 3, 1)
    step = 13 * FINER
    picture = Image.new("RGB", (width, height), (104, 98, 95))
    draw = ImageDraw.Draw(picture)
    bend = lambda u, v: (
        u + step * 1.6 * np.sin(v / (step * 5.0)) + 0.6 * step * turn[int(v) % height, int(u) % width],
        v + step * 1.6 * np.sin(u / (step * 6.0) + 1) + 0.6 * step * turn[int(u) % height, int(v) % width],
    )
    for row in range(-4, height // step + 4):
        for column in range(-4, width // step + 4):
            u, v = (column + 0.5 * (row % 2)) * step, row * step
            gap = 0.44 * step
            corners = [bend(u + a * gap, v + b * gap) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            corners = [(x + rng.normal(0, 0.04) * step, y + rng.normal(0, 0.04) * step) for x, y in corners]
            x, y = np.mean(corners, 0)
            base = color[int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))]
            glass = base.mean() + (base - base.mean()) * 1.25 + rng.normal(0, 15)
            draw.polygon(corners, fill=tuple(np.clip(glass, 0, 255).astype(int).tolist()))
    grout = 0.55 * np.asarray(picture, np.float32) + 0.45 * color  # takes up what lies beside it: black joints flicker
    return shrink(Image.fromarray(grout.astype(np.uint8)))


def engraving(rng):
    """Sepia lines that follow the forms and swell with the shade, cross-hatched where it is darkest, over a light wash.

    The wash carries the tones between the lines, from paper to sepia: with bare paper and black ink, or a wash of few tones, a small
    network has nothing but the lines' weight to model a face with, and its lines jump when the picture moves."""
    width, height = WIDTH * FINER, HEIGHT * FINER
    tone, material = landscape(rng, width, height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bend = smooth_noise(rng, width, height, width / 4, 2) * 22 * FINER
    ink = np.zeros((height, width), np.float32)
    soft = Image.fromarray((tone * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2 * FINER))
    tone = np.asarray(soft, np.float32) / 255
    angles = np.array([0.06, 0.0, 0.45, -0.5, 0.7, -0.35, 0.0], np.float32)[material]
    for extra, start, pitch in ((0.0, 0.90, 10.0), (1.2, 0.42, 10.0)):
        across = (x * np.sin(angles + extra) + y * np.cos(angles + extra) + bend) / (pitch * FINER)
        wave = np.abs((across % 1) - 0.5) * 2  # 0 on the line's middle, 1 between two lines
        thickness = np.clip((start - tone) * 0.95, 0, 0.85)
        ink = np.maximum(ink, (wave < thickness).astype(np.float32))
    edges = np.zeros_like(ink)
    edges[1:, 1:] = (material[1:, 1:] != material[:-1, 1:]) | (material[1:, 1:] != material[1:, :-1])
    outline = np.asarray(Image.fromarray((edges * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * FINER + 1)))
    ink = np.maximum(ink, outline / 255.0)[:, :, None]
    paper, sepia = np.array([243, 232, 208], np.float32), np.array([84, 62, 48], np.float32)
    wash = sepia + (paper - sepia) * np.clip(0.15 + 1.2 * (tone - 0.15), 0.1, 1)[:, :, None]
    return shrink(Image.fromarray((wash + (sepia - wash) * 0.55 * ink).astype(np.uint8)))


def watercolor(rng):
    """Transparent washes with darker rims where the pigment dried, and the grain of the paper."""
    tone, material = landscape(rng, WIDTH, HEIGHT)
    wet = palette(rng, np.clip(tone * 1.1, 0, 1), material, GARDEN)
    paper = np.full((HEIGHT, WIDTH, 3), (250, 247, 238), np.float32)
    color = 1 - 0.96 * (1 - wet / 255)
    picture = Image.fromarray((color * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
    layer = np.asarray(picture, np.float32) / 255
    for _ in range(46):  # blots: each a noise-shaped wash over one patch, darker along its rim
        cx, cy, radius = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(26, 80)
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        distance = np.hypot(x - cx, (y - cy) * 1.3) / radius + 0.35 * smooth_noise(rng, WIDTH, HEIGHT, radius * 0.8)
        inside = np.clip((1 - distance) * 10, 0, 1)
        rim = np.exp(-(((distance - 0.95) / 0.05) ** 2))
        pigment = layer[int(cy), int(cx)] ** rng.uniform(0.8, 1.8)
        layer = layer * (1 - (0.22 * inside + 0.22 * rim)[:, :, None] * (1 - pigment))
    grain = 1 + 0.035 * smooth_noise(rng, WIDTH, HEIGHT, 4, 2)[:, :, None]
    edges = np.abs(np.diff(material, axis=0, prepend=material[:1])) + np.abs(np.diff(material, axis=1, prepend=material[:, :1]))
    line = Image.fromarray(((edges > 0) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    layer = layer * (1 - 0.5 * np.asarray(line, np.float32)[:, :, None] / 255)
    return Image.fromarray(np.clip(paper * layer * grain, 0, 255).astype(np.uint8))


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for seed, draw in enumerate((engraving, mosaic, pointillism, watercolor)):
        file = directory / f"{draw.__name__}.png"
        draw(np.random.default_rng(seed)).save(file)
        print(f"wrote {file}")


if __name__ == "__main__":
    main()
