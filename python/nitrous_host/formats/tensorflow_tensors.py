"""Tensors between numpy and TensorFlow, and what TensorFlow says of those that do not fit."""

from __future__ import annotations

import re
from typing import Any

import numpy
import tensorflow

from nitrous_host.errors import HostError, summary
from nitrous_host.tensors import DATATYPES

# What TensorFlow raises for tensors that do not fit.
MISFITS = (ValueError, TypeError, tensorflow.errors.InvalidArgumentError, tensorflow.errors.OutOfRangeError)

# The name of a function in a graph, which begins many messages.
GRAPH = re.compile(r"\{\{function_node [^}]*\}\} ?")


def limit_threads(threads: int) -> None:
    """Threads inside and between operations; nothing once TensorFlow has begun to compute in this process."""
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        pass


def specification(what: str, name: str, spec: Any) -> dict[str, Any]:
    """A TensorSpec in a description. Raises HostError INVALID_ARGUMENT for what has no datatype or no rank on the wire."""
    datatype = _datatype(spec.dtype)
    if datatype is None:
        raise HostError("INVALID_ARGUMENT", f"{what} is {spec.dtype.name}, which is no tensor datatype of the Open Inference Protocol")
    if spec.shape.rank is None:
        way = "save it with a tf.TensorSpec that says the shape, None where it varies"
        raise HostError("INVALID_ARGUMENT", f"{what} has an unknown number of dimensions: {way}")
    return {"name": name, "datatype": datatype, "shape": [-1 if size is None else size for size in spec.shape.as_list()]}


def to_tensor(name: str, array: numpy.ndarray, dtype: Any) -> Any:
    """A tensor of the dtype that the model declares. Raises HostError INVALID_ARGUMENT for text instead of numbers and the reverse."""
    if (array.dtype.kind == "O") != (dtype == tensorflow.string):
        raise HostError("INVALID_ARGUMENT", f"input '{name}' must be {_datatype(dtype)}")
    if dtype != tensorflow.string and array.dtype != dtype.as_numpy_dtype:
        array = array.astype(dtype.as_numpy_dtype)
    return tensorflow.constant(array, dtype=dtype)


def from_tensor(tensor: Any) -> numpy.ndarray:
    """An array of a datatype on the wire; bfloat16 becomes float32."""
    if tensor.dtype == tensorflow.bfloat16:
        tensor = tensorflow.cast(tensor, tensorflow.float32)
    return numpy.asarray(tensor.numpy())


def explain(error: Exception) -> str:
    """The line of TensorFlow's message that says what was wrong, without the stack of the graph."""
    message = getattr(error, "message", None) or str(error)
    lines = [line.strip() for line in GRAPH.sub("", str(message)).split("[[{{node")[0].splitlines()]
    telling = [
        line for line in lines if line and not line.startswith(("Graph execution error", "Detected at node", "<stack traces", "File "))
    ]
    return (telling[-1] if lines and lines[0].startswith("Graph execution error") else telling[0])[:500] if telling else summary(error)


def _datatype(dtype: Any) -> str | None:
    if dtype == tensorflow.string:
        return "BYTES"
    if dtype == tensorflow.bfloat16:
        return "BF16"
    try:
        return DATATYPES.get(numpy.dtype(dtype.as_numpy_dtype).str[1:])
    except TypeError:
        return None
