#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "pillow==13.0.0"]
# ///
"""Make variants of a network in 8-bit integers and 16-bit floats, and measure what they gain and lose.

    reduce_precision.py models/live.onnx --photos DIR [--every N] [--out DIR] [--write models/README.md]

The convolutions are quantised by ONNX Runtime's static quantisation, calibrated on the first half of the photos; the
difference is measured on the second half, in all styles.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16

from evaluation import measures, table
from evaluation.painters import Painter
from impasto_networks.grain import fixed_grain

INTEGERS = {
    "convolutions in 8 bits: uint8, weights int8 in 7 bits by channel": dict(
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True
    ),
    "convolutions in 8 bits: int8, weights int8 by tensor": dict(activation_type=QuantType.QInt8, weight_type=QuantType.QInt8),
}


class Photos(CalibrationDataReader):
    """Each photo in a style, the styles in turn."""

    def __init__(self, photos, styles, grainy):
        rows = np.eye(len(styles), dtype=np.float32)
        feed = lambda index, photo: {"image": photo[None], "style": rows[index % (len(styles) - 1)]}
        grain = lambda photo: {"grain": fixed_grain(*photo.shape[:2])[None]} if grainy else {}
        self.feeds = iter([feed(index, photo) | grain(photo) for index, photo in enumerate(photos)])

    def get_next(self):
        return next(self.feeds, None)


def make_variants(network, styles, photos, folder, grainy):
    """The files of all variants by what they are; the network itself first."""
    files = {"32-bit floats": network}
    prepared = folder / "prepared.onnx"
    quant_pre_process(network, prepared, skip_symbolic_shape=True)
    for count, (words, options) in enumerate(INTEGERS.items(), start=1):
        files[words] = folder / f"{network.stem}.int8-{count}.onnx"
        quantize_static(prepared, files[words], Photos(photos, styles, grainy), QuantFormat.QDQ, op_types_to_quantize=["Conv"], **options)
    words = "16-bit floats"
    files[words] = folder / f"{network.stem}.fp16.onnx"
    onnx.save(convert_float_to_float16(onnx.load(network), keep_io_types=True), files[words])
    return files


def measure_differences(painters, styles, photos):
    """RMS of 255 from the paintings of the first, the mean of all styles but the photo's, each on a photo of its own."""
    first, *_ = painters.values()
    differences = {words: [] for words in painters}
    for index in range(len(styles) - 1):
        photo = photos[index % len(photos)]
        usual = np.float32(first.paint(photo, index))
        for words, painter in painters.items():
            differences[words].append(measures.rms(painter.paint(photo, index) - usual))
    return {words: statistics.fmean(own) for words, own in differences.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path, help="one of this project's, as train_network.py writes it")
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth photo only")
    parser.add_argument("--threads", type=int, default=2, help="default: 2")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the variants here")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks of this Markdown file")
    options = parser.parse_args()
    try:
        if options.write:
            table.check_marks(options.write, "precision")
        names = {entry.key: entry.value for entry in onnx.load(options.network).metadata_props}.get("impasto.styles", "")
        styles = names.split(",")
        if len(styles) < 2:
            sys.exit(f"reduce_precision: {options.network} is not a network of train_network.py's making")
        files = measures.picture_files(options.photos)[:: options.every]
        photos = [measures.load_photo(file) for file in files]
        half = (len(photos) + 1) // 2
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.out or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            grainy = any(value.name == "grain" for value in onnx.load(options.network).graph.input)
            variants = make_variants(options.network, styles, photos[:half], folder, grainy)
            painters = {words: Painter(words, file, styles, options.threads) for words, file in variants.items()}
        differences = measure_differences(painters, styles, photos[half:] or photos)
        times = dict(zip(painters, measures.speed([painter.paint for painter in painters.values()])))
    except (OSError, ValueError) as error:
        sys.exit(f"reduce_precision: {error}")
    rows = [[words, f"{times[words]:.1f}", f"{differences[words]:.1f}"] for words in painters]
    text = "\n\n".join([
        f"ONNX Runtime {onnxruntime.__version__}, {table.plural(options.threads, 'thread')}, by",
        f"    {table.short_command(sys.argv)}",
        table.table(["variant", "ms at {}x{}".format(*measures.SPEED_SIZE), "difference, RMS of 255"], rows),
    ])  # fmt: skip
    if options.write:
        table.update(options.write, text, "precision")
    print(text)


if __name__ == "__main__":
    main()
