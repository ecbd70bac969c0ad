"""Weights and vocabularies of archives, which are pickles."""

from __future__ import annotations

import pickle
from typing import Any

import torch

# Set by who loads an archive that is trusted.
pickles_may_run = False


def load_weights(path: str, device: Any) -> Any:
    """
    The object in a file of torch.save. Unless pickles may run what they name, only tensors and plain containers are read.
    Raises PermissionError for what else it holds.
    """
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        if pickles_may_run:
            return torch.load(path, map_location=device, weights_only=False)
        raise PermissionError(f"holds more than tensors and plain values ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
