"""Writes a VGG-19 with few channels and random weights, in the format of the file that evaluate.py reads.

python3 tiny_vgg.py FILE.npz
"""

import sys

import numpy as np

random, channels, arrays = np.random.default_rng(5), 3, {}
for block, convs in enumerate((2, 2, 4, 4, 1), start=1):
    for conv in range(1, convs + 1):
        name, outputs = f"block{block}_conv{conv}", 4 + block
        arrays[f"{name}_W_q"] = random.integers(0, 256, (outputs, channels, 3, 3), dtype=np.uint8)
        arrays[f"{name}_W_table"] = random.normal(0, (2 / (9 * channels)) ** 0.5, 256).astype(np.float32)
        arrays[f"{name}_b"] = np.zeros(outputs, np.float32)
        channels = outputs
np.savez(sys.argv[1], **arrays)
