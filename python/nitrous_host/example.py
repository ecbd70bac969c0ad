"""Example requests: reading them, writing them, and warming a model up with one."""

from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from .errors import HostError
from .payload import Request

_JSON_TYPES = {"FP32": np.float32, "FP64": np.float64, "BOOL": np.bool_, "BYTES": object}


def request_of(example: dict) -> Request:
    """An example.json as the request that it describes: Open Inference Protocol `inputs` or V1 `instances`."""
    if "instances" in example:
        return Request(rows=example["instances"])
    if isinstance(example.get("inputs"), list):
        arrays = {}
        for tensor in example["inputs"]:
            dtype = _JSON_TYPES.get(tensor["datatype"]) or np.dtype(tensor["datatype"].lower())
            arrays[tensor["name"]] = np.array(tensor["data"], dtype).reshape(tensor["shape"])
        return Request(arrays=arrays, parameters=example.get("parameters") or {})
    raise HostError("INVALID_ARGUMENT", 'its example.json must have "inputs" (Open Inference Protocol) or "instances" (V1)')


def inputs_of(arrays: Dict[str, Tuple[str, np.ndarray]]) -> dict:
    """Arrays with their datatypes by name, as Open Inference Protocol inputs."""
    return {
        "inputs": [
            {"name": name, "shape": list(array.shape), "datatype": datatype, "data": array.reshape(-1).tolist()}
            for name, (datatype, array) in arrays.items()
        ]
    }


def rows_are_independent(answer: Callable[[Any], Dict[str, np.ndarray]], rows: Any, take: Callable[[Any, List[int]], Any]) -> bool:
    """Whether two different rows give the same together and apart: labels exactly, numbers to 1e-6."""
    try:
        together = answer(rows)
        apart = [answer(take(rows, [index])) for index in (0, 1)]
    except Exception:  # noqa: BLE001 - a model that cannot take two rows is simply not batched
        return False
    for name, whole in together.items():
        parts = [np.asarray(part[name]) for part in apart]
        if np.shape(whole)[:1] != (2,) or any(part.shape[:1] != (1,) for part in parts):
            return False
        if not _equal(np.asarray(whole), np.concatenate(parts)):
            return False
    return True


def _equal(left: np.ndarray, right: np.ndarray) -> bool:
    if left.dtype.kind == "f":
        return bool(np.allclose(left, right, rtol=1e-6, atol=1e-12, equal_nan=True))
    return bool(np.array_equal(left, right))


def output_specs(outputs: Dict[str, np.ndarray], optional: Optional[Dict[str, np.ndarray]] = None) -> List[dict]:
    """Outputs as the warm-up answered them, the first dimension variable."""
    from .tensors import datatype_of

    specs = []
    for values, is_optional in ((outputs, False), (optional or {}, True)):
        for name, value in values.items():
            array = np.asarray(value)
            spec = {"name": name, "datatype": datatype_of(array), "shape": [-1, *array.shape[1:]] if array.ndim else []}
            specs.append({**spec, "optional": True} if is_optional else spec)
    return specs
