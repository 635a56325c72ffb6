"""Write a trained StyleNetwork as the two ONNX graphs that impasto runs."""

from pathlib import Path

import numpy as np
import onnx
import onnx.reference
import torch

from impasto_networks.files import write_atomically
from impasto_networks.manifest import update_manifest
from impasto_networks.motion import to_tensor
from impasto_networks.network_graph import NetworkGraph
from impasto_networks.style_network import PATCH, StyleNetwork, read_network

TOLERANCE = 0.5  # mean absolute difference between PyTorch and the graph, in 8-bit levels


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


def check_graph(model: onnx.ModelProto, network: StyleNetwork, names: list[str], tiles: bool) -> None:
    """Run the graph with ONNX's reference evaluator against PyTorch; raise where they differ."""
    image = np.random.default_rng(0).integers(0, 256, (1, 36, 40, 3), dtype=np.uint8)
    style = torch.softmax(torch.arange(float(len(names))), 0)
    feed = {"image": image, "style": style.numpy()}
    if tiles:
        length = model.graph.output[1].type.tensor_type.shape.dim[0].dim_value
        feed |= {"statistics_given": np.zeros(length, np.float32), "use_given": np.zeros(1, np.float32)}
    stylized = onnx.reference.ReferenceEvaluator(model).run(None, feed)[0]
    with torch.no_grad():
        expected = network(to_tensor(image[0]), style[None])[0].permute(1, 2, 0).numpy() * 255
    difference = np.abs(stylized[0].astype(np.float32) - expected).mean()
    if not difference < TOLERANCE:
        raise RuntimeError(f"the exported graph differs from the network by {difference:.2f} levels on average")


def export(
    network: StyleNetwork, names: list[str], out: Path, manifest: str | None = None, titles: dict[str, str] | None = None, prefix: str = ""
) -> None:
    """Writes `out` and its .tiles.onnx, checked and readable again; `names` are the rows, the last one the photo's."""
    files = [out, out.with_suffix(".tiles.onnx")]
    for file, tiles in zip(files, (False, True)):
        model = build_graph(network, names, tiles)
        check_graph(model, network, names, tiles)
        write_atomically(file, lambda temporary: onnx.save(model, temporary))
        print(f"wrote {file}")
    read_network(out)
    if manifest:
        update_manifest(Path(manifest), files, names, titles or {}, prefix)
