"""What a call brings and what it gives back, as the formats see it."""

from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from . import tensors


class Request(NamedTuple):
    """Exactly one of `arrays` (by name), `rows` and `columns` is there."""

    arrays: Optional[Dict[str, np.ndarray]] = None
    rows: Optional[List[Any]] = None
    columns: Optional[Dict[str, Any]] = None
    outputs: Optional[List[str]] = None
    parameters: Dict[str, Any] = {}


class Json(NamedTuple):
    """A free-form answer."""

    value: Any


def decode_request(meta: dict, blobs: list) -> Request:
    described = meta.get("tensors")
    arrays = None
    if described is not None:
        arrays = {tensor["name"]: tensors.to_array(tensor, blob) for tensor, blob in zip(described, blobs)}
    return Request(arrays, meta.get("rows"), meta.get("columns"), meta.get("outputs"), meta.get("parameters") or {})


def encode_answer(answer: Any) -> tuple:
    """Metadata and blobs of an answer: arrays by name, or Json."""
    if isinstance(answer, Json):
        return {"json": answer.value}, []
    return tensors.encode_outputs(answer)
