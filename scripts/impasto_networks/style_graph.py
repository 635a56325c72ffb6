"""Write a trained StyleNetwork as the two ONNX graphs that impasto runs."""

from pathlib import Path

import onnx

from impasto_networks.files import write_atomically
from impasto_networks.manifest import update_manifest
from impasto_networks.network_graph import NetworkGraph, check_graph
from impasto_networks.style_network import PATCH, StyleNetwork, read_network


def reach(network: StyleNetwork) -> int:
    """How far one output pixel looks, in pixels, rounded up to whole patches."""
    convolutions = sum(layer.pad for pair in network.blocks for layer in pair) + network.head.padding[0]
    return (convolutions + 1) * PATCH


def build_graph(network: StyleNetwork, names: list[str], tiles: bool) -> onnx.ModelProto:
    g = NetworkGraph(names, PATCH, tiles)
    x = g.node("Relu", g.layer("patch", g.photo(), network.patch, 1 / 255))
    for index, (first, second) in enumerate(network.blocks):
        inner = g.node("Relu", g.layer(f"blocks.{index}.0", x, first))
        x = g.node("Add", x, g.layer(f"blocks.{index}.1", inner, second))
    x = g.node("Relu", g.mix("last", x, network.last))
    g.paint(x, network.head)
    return g.finished(reach(network))


def export(
    network: StyleNetwork, names: list[str], out: Path, manifest: str | None = None, titles: dict[str, str] | None = None, prefix: str = ""
) -> None:
    """Writes `out` and its .tiles.onnx, checked and readable again; `names` are the rows, the last one the photo's."""
    files = [out, out.with_suffix(".tiles.onnx")]
    for file, tiles in zip(files, (False, True)):
        model = build_graph(network, names, tiles)
        check_graph(model, lambda photo, style, _: network(photo, style))
        write_atomically(file, lambda temporary: onnx.save(model, temporary))
        print(f"wrote {file}")
    read_network(out)
    if manifest:
        update_manifest(Path(manifest), files, names, titles or {}, prefix)
