"""Write a BrushNetwork as the ONNX graphs that impasto runs."""

from pathlib import Path

import onnx

from impasto_networks.brush_network import GRAIN, MULTIPLE, Block, BrushNetwork
from impasto_networks.files import write_atomically
from impasto_networks.layers import PATCH
from impasto_networks.network_graph import NetworkGraph, check_graph


def reach(network: BrushNetwork) -> int:
    """How far one output pixel looks, in pixels, rounded up: each layer's border, in pixels of its own size."""
    blocks = lambda modules: sum(block.first.pad + block.second.pad for block in modules)
    quarter = 1 + network.join.pad + 1 + network.down.pad  # head, join, the lines between values, and what `down` reads
    eighth = blocks(network.before) + network.deep.pad + blocks(network.after) + 1
    return PATCH * quarter + 2 * PATCH * eighth + 4 * PATCH * (blocks(network.deepest) + 1) + PATCH


def build_brush_graph(network: BrushNetwork, names: list[str], tiles: bool = False) -> onnx.ModelProto:
    g = NetworkGraph(names, MULTIPLE, tiles)

    def block(name: str, x: str, module: Block) -> str:
        inner = g.node("Relu", g.layer(f"{name}.first", x, module.first))
        return g.node("Add", x, g.layer(f"{name}.second", inner, module.second))

    def twice(x: str) -> str:
        return g.node("Resize", x, "", g.constant([1, 1, 2, 2]), mode="linear", coordinate_transformation_mode="half_pixel")

    g.input("grain", 1, "grain_height", "grain_width", GRAIN)
    grain = g.planes(g.grown("grain", g.node("Div", g.padded, g.integers(PATCH))))
    edges = g.node("Relu", g.layer("patch", g.photo(), network.patch, 1 / 255))
    x = g.node("Relu", g.layer("down", g.node("Concat", edges, grain, axis=1), network.down))
    for index, module in enumerate(network.before):
        x = block(f"before.{index}", x, module)
    pooled = g.node("AveragePool", grain, kernel_shape=[2, 2], strides=[2, 2])
    deep = g.node("Relu", g.layer("deep", g.node("Concat", x, pooled, axis=1), network.deep))
    for index, module in enumerate(network.deepest):
        deep = block(f"deepest.{index}", deep, module)
    x = g.node("Add", x, twice(g.mix("rise", deep, network.rise)))
    for index, module in enumerate(network.after):
        x = block(f"after.{index}", x, module)
    x = g.node("Add", edges, twice(g.node("Relu", g.mix("last", x, network.last))))
    g.paint(g.node("Relu", g.layer("join", x, network.join)), network.head)
    return g.finished(reach(network))


def export_brush(network: BrushNetwork, names: list[str], out: Path) -> list[Path]:
    """Writes `out` and its .tiles.onnx, both checked, and returns them; `names` are the rows, the last one the photo's."""
    files = [out, out.with_suffix(".tiles.onnx")]
    for file, tiles in zip(files, (False, True)):
        model = build_brush_graph(network, names, tiles)
        check_graph(model, network)
        write_atomically(file, lambda temporary: onnx.save(model, temporary))
        print(f"wrote {file}")
    return files
