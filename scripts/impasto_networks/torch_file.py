"""Reads the tensors of a PyTorch file with numpy alone, and without running what is in it.

A file of `torch.save` is a pickle, which may name any function to call. Here only the handful that make up a dictionary
of tensors are known; a file that names another is refused. Both formats are read: the zip archive of PyTorch 1.6 and
later, and the older plain one (torch/serialization.py, `_save` and `_legacy_save`).
"""

import collections
import io
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py, MAGIC_NUMBER
DTYPES = {
    "ByteStorage": np.uint8, "CharStorage": np.int8, "ShortStorage": np.int16, "IntStorage": np.int32,
    "LongStorage": np.int64, "HalfStorage": np.float16, "FloatStorage": np.float32, "DoubleStorage": np.float64,
    "BoolStorage": np.bool_,
}  # fmt: skip


class TorchFileError(ValueError):
    """Not a PyTorch file of plain tensors; the text says what is wrong."""


class Storage:
    """One flat array of the file; `values` is filled when its bytes are read."""

    def __init__(self, dtype: DTypeLike, count: int) -> None:
        self.dtype, self.count, self.values = np.dtype(dtype).newbyteorder("<"), int(count), None


class Tensor:
    """A view into a storage: offset, shape and strides in elements."""

    def __init__(self, storage: Storage, offset: int, shape: Sequence[int], strides: Sequence[int], *_: object) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, tuple(shape), tuple(strides)

    def array(self) -> np.ndarray:
        whole = all(isinstance(n, int) and n >= 0 for n in (self.offset, *self.shape, *self.strides))
        if not whole or len(self.shape) != len(self.strides):
            raise TorchFileError("a tensor's shape makes no sense")
        reach = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides)) + 1
        # Views are made without bounds checks, so a tensor that reaches past its storage would show foreign memory.
        if 0 not in self.shape and reach > self.storage.count:
            raise TorchFileError("a tensor reaches past its data")
        start = self.storage.values[self.offset :]
        strides = [step * start.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(start, self.shape, strides).copy()


class Unpickler(pickle.Unpickler):
    """Knows dictionaries and tensors, nothing else."""

    KNOWN = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor"): Tensor,
        ("torch._utils", "_rebuild_tensor_v2"): Tensor,
        ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    }

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages = {}

    def find_class(self, module: str, name: str) -> Any:
        if module in ("torch", "torch.cuda") and name in DTYPES:
            return DTYPES[name]
        if (module, name) in self.KNOWN:
            return self.KNOWN[module, name]
        raise TorchFileError(f"it names {module}.{name}, which is no part of a plain state_dict")

    def persistent_load(self, identity: tuple[Any, ...]) -> Storage:
        _, dtype, key, _, count, *_ = identity
        return self.storages.setdefault(str(key), Storage(dtype, count))


def read_zip(path: Path | str) -> tuple[Any, dict[str, Storage]]:
    with zipfile.ZipFile(path) as archive:
        record = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        if record is None:
            raise TorchFileError("the archive has no data.pkl")
        folder = record.removesuffix("data.pkl")
        unpickler = Unpickler(io.BytesIO(archive.read(record)))
        content = unpickler.load()
        for key, storage in unpickler.storages.items():
            storage.values = np.frombuffer(archive.read(f"{folder}data/{key}"), storage.dtype)
    return content, unpickler.storages


def read_legacy(file: BinaryIO) -> tuple[Any, dict[str, Storage]]:
    if Unpickler(file).load() != LEGACY_MAGIC:
        raise TorchFileError("it does not begin as one")
    for _ in range(2):  # protocol version, and sizes of C types on the machine that wrote it
        Unpickler(file).load()
    unpickler = Unpickler(file)
    content = unpickler.load()
    for key in Unpickler(file).load():
        storage = unpickler.storages[str(key)]
        length, data = file.read(8), file.read(storage.count * storage.dtype.itemsize)
        if len(data) < storage.count * storage.dtype.itemsize:
            raise TorchFileError("it is cut off")
        if int.from_bytes(length, "little") != storage.count:
            raise TorchFileError("a tensor's data has another length than announced")
        storage.values = np.frombuffer(data, storage.dtype)
    return content, unpickler.storages


def read_tensors(path: Path | str) -> dict[str, Any]:
    """The file's dictionary of numpy arrays by name; nested dictionaries stay nested, other values are kept."""
    try:
        if zipfile.is_zipfile(path):
            content, storages = read_zip(path)
        else:
            with open(path, "rb") as file:
                content, storages = read_legacy(file)
        if not isinstance(content, dict):
            raise TorchFileError("it holds no dictionary of tensors")
        if any(storage.values is None or storage.values.size < storage.count for storage in storages.values()):
            raise TorchFileError("it is cut off")
        return arrays(content)
    except TorchFileError as error:
        raise TorchFileError(f"'{path}' is not a PyTorch file of plain tensors: {error}") from None
    except OSError:
        raise
    except Exception as error:  # a damaged pickle or archive fails in as many ways as there are opcodes
        raise TorchFileError(f"'{path}' is not a PyTorch file, or it is damaged: {error or type(error).__name__}") from None


def arrays(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.array()
    return {name: arrays(inner) for name, inner in value.items()} if isinstance(value, dict) else value
