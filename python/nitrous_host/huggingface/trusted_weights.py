"""Weights of pytorch_model.bin whose pickle may run what it names; transformers itself never lets one."""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from typing import Any, Iterator

from nitrous_host.errors import HostError, summary, trace


@contextlib.contextmanager
def plain_weights(directory: str, trusted: bool) -> Iterator[str]:
    """
    The folder itself, or, for a trusted one without safetensors, one with the same files and nothing but tensors in its weights, while
    they are read. Raises HostError INVALID_ARGUMENT.
    """
    escaped = glob.escape(directory)
    if not trusted or glob.glob(os.path.join(escaped, "*.safetensors")):
        yield directory
        return
    import torch

    weights: dict[str, Any] = {}
    for path in sorted(glob.glob(os.path.join(escaped, "pytorch_model*.bin"))):
        weights.update(_tensors(path))
    with tempfile.TemporaryDirectory(prefix="nitrous-huggingface-") as plain:
        for name in os.listdir(directory):
            if not name.startswith("pytorch_model"):
                os.symlink(os.path.join(directory, name), os.path.join(plain, name))
        torch.save(weights, os.path.join(plain, "pytorch_model.bin"))
        yield plain


def _tensors(path: str) -> dict[str, Any]:
    import torch

    try:
        contents = torch.load(path, map_location="cpu", weights_only=False)
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(path)} cannot be read: {summary(error)}", trace(error)) from error
    if not isinstance(contents, dict):
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(path)} holds a {type(contents).__name__}; expected weights by name")
    return {name: value for name, value in contents.items() if isinstance(value, torch.Tensor)}
