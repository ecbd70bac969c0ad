"""What KServe's own model servers turn requests into, and answers back."""

from __future__ import annotations

import uuid
from typing import Any

from kserve.errors import InvalidInput
from kserve.protocol.infer_type import InferOutput, InferRequest, InferResponse
from kserve.utils.numpy_codec import from_np_dtype


def generate_uuid() -> str:
    return str(uuid.uuid4())


def strtobool(val: str) -> bool:
    """Raises ValueError for what says neither yes nor no."""
    text = val.lower()
    if text in ("y", "yes", "t", "true", "on", "1"):
        return True
    if text in ("n", "no", "f", "false", "off", "0"):
        return False
    raise ValueError(f"invalid truth value {val!r}")


def get_predict_input(payload: Any, columns: list[str] | None = None) -> Any:
    """Instances as an array, texts as they are, objects and `content_type: pd` as a data frame."""
    import numpy

    if isinstance(payload, dict):
        instances = payload["inputs"] if "inputs" in payload else payload["instances"]
        if len(instances) > 0 and isinstance(instances[0], dict):
            import pandas

            return pandas.concat([pandas.DataFrame(_columns(each), columns=columns) for each in instances])
        return instances if len(instances) > 0 and isinstance(instances[0], str) else numpy.array(instances)
    if isinstance(payload, InferRequest):
        if (payload.parameters or {}).get("content_type") == "pd":
            return payload.as_dataframe()
        first = payload.inputs[0]
        return first.data if first.datatype == "BYTES" and first.data and isinstance(first.data[0], str) else first.as_numpy()
    raise InvalidInput(f"unsupported payload type {type(payload)}")


def get_predict_response(payload: Any, result: Any, model_name: str) -> Any:
    """A V1 body, or an InferResponse with `output-0`, or with one output for each column of a data frame."""
    import numpy

    is_frame = hasattr(result, "columns") and hasattr(result, "to_dict")
    if isinstance(payload, dict):
        return {"predictions": result.to_dict("records") if is_frame else result.tolist() if isinstance(result, numpy.ndarray) else result}
    arrays = {name: result[name].to_numpy() for name in result.columns} if is_frame else {"output-0": _array(result)}
    outputs = []
    for name, array in arrays.items():
        output = InferOutput(name, list(array.shape), from_np_dtype(array.dtype) or "BYTES")
        output.set_data_from_numpy(array, binary_data=False)
        outputs.append(output)
    return InferResponse(payload.id or generate_uuid(), model_name, outputs)


def _array(result: Any) -> Any:
    import numpy

    texts = isinstance(result, list) and len(result) > 0 and isinstance(result[0], str)
    return numpy.array(result, dtype=object) if texts else numpy.asarray(result)


def _columns(instance: dict[str, Any]) -> dict[str, Any]:
    """An instance may be a column for each key, or one row."""
    if any(isinstance(value, (list, dict)) for value in instance.values()):
        return instance
    return {key: [value] for key, value in instance.items()}
