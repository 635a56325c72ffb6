"""Where a training runs."""

import torch


def training_device(name: str) -> torch.device:
    """Of "cpu", "cuda" or "auto": the GPU where there is one. Raises ValueError for others, and for a GPU that is not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device '{name}' is none of auto, cpu, cuda")
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ValueError("PyTorch finds no CUDA device; use --device cpu")
    if name == "cpu" or not found:
        return torch.device("cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    return torch.device("cuda")
