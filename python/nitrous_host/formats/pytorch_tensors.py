"""Tensors between numpy and PyTorch, the device they are on, and what PyTorch says of those that do not fit."""

from __future__ import annotations

import re
from typing import Any, Iterator

import numpy
import torch

from nitrous_host.errors import HostError, summary
from nitrous_host.tensors import DATATYPES, DTYPES

# What PyTorch raises for tensors that do not fit.
MISFITS = (RuntimeError, ValueError, TypeError, IndexError, AssertionError)
DEVICE = re.compile(r"cpu|cuda(:\d+)?|mps")


def choose_device(setting: str) -> torch.device:
    """The device that a setting names; "auto" is the first NVIDIA GPU, or the processor. Raises HostError."""
    has_gpu = torch.cuda.is_available()
    if setting == "auto":
        return torch.device("cuda" if has_gpu else "cpu")
    if not DEVICE.fullmatch(setting):
        raise HostError("INVALID_ARGUMENT", f"the setting device is {setting!r}: expected auto, cpu, cuda, cuda:N or mps")
    device = torch.device(setting)
    if device.type == "cuda" and (not has_gpu or (device.index or 0) >= torch.cuda.device_count()):
        found = f"torch {torch.__version__} finds {torch.cuda.device_count()} GPUs here; models that nobody trusts see none"
        raise HostError("FAILED_PRECONDITION", f"the setting device is {setting}, and {found}")
    return device


def to_torch(name: str, array: numpy.ndarray, datatype: str | None, device: torch.device) -> torch.Tensor:
    """
    A tensor on the device, in the datatype that the model declares (None: as it came). Raises HostError INVALID_ARGUMENT for text,
    and for numbers with a fraction where whole ones are declared.
    """
    if array.dtype.kind == "O":
        raise HostError("INVALID_ARGUMENT", f"input '{name}' is BYTES, and PyTorch has no tensors of text")
    if datatype == "BF16":
        return torch.from_numpy(numpy.asarray(array, numpy.float32, order="C")).to(device, torch.bfloat16)
    if datatype is not None and array.dtype.str != DTYPES[datatype]:
        cast = array.astype(DTYPES[datatype])
        if array.dtype.kind == "f" and cast.dtype.kind in "iu" and not numpy.array_equal(cast, array):
            raise HostError("INVALID_ARGUMENT", f"input '{name}' must be whole numbers ({datatype})")
        array = cast
    return torch.from_numpy(numpy.asarray(array, order="C")).to(device)


def datatype_of_dtype(dtype: torch.dtype) -> str | None:
    """The datatype on the wire of a PyTorch dtype; None for complex and quantized ones."""
    if dtype == torch.bfloat16:
        return "BF16"
    try:
        return DATATYPES.get(torch.empty(0, dtype=dtype).numpy().dtype.str[1:])
    except (TypeError, RuntimeError):
        return None


def named_outputs(answer: Any) -> dict[str, numpy.ndarray]:
    """Arrays by name of what a module answered: keys of dictionaries, fields of named tuples, else output-0 and so on."""
    outputs = {name: _array(value) for name, value in named(answer)}
    if not outputs:
        raise HostError("INTERNAL", f"the model answered a {type(answer).__name__} without tensors in it")
    return outputs


def explain(error: Exception) -> str:
    """The line that says what was wrong; TorchScript says it last, below the code that it was in."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    if not lines:
        return summary(error)
    last = re.sub(r"^\w*Error: ", "", lines[-1])
    return (last if "TorchScript interpreter" in lines[0] else lines[0])[:500]


def named(answer: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The tensors, numbers and lists of text in an answer, each with its output's name."""
    if answer is None:
        return
    if isinstance(answer, dict):
        parts = [(str(key), value) for key, value in answer.items()]
    elif hasattr(answer, "_fields"):
        parts = list(zip(answer._fields, answer))
    elif isinstance(answer, (tuple, list)) and not (answer and all(isinstance(each, (str, int, float)) for each in answer)):
        parts = [(f"output-{index}" if not prefix else str(index), value) for index, value in enumerate(answer)]
    else:
        yield prefix or "output-0", answer
        return
    for name, value in parts:
        yield from named(value, f"{prefix}.{name}" if prefix else name)


def _array(value: Any) -> numpy.ndarray:
    if not isinstance(value, torch.Tensor):
        array = numpy.asarray(value)
        return array.astype(object) if array.dtype.kind == "U" else array
    tensor = value.detach().cpu()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return tensor.resolve_conj().resolve_neg().numpy()
