"""The first calls of an MLflow model: they show its outputs, and whether its rows are independent."""

from __future__ import annotations

import functools
from typing import Any

import numpy

from nitrous_host.batchable import is_batchable
from nitrous_host.errors import HostError, from_exception
from nitrous_host.examples import read_example
from nitrous_host.mlflow_models.example_files import made_up_example, request_of, saved_example
from nitrous_host.mlflow_models.inputs import label_of, to_input, to_matrix
from nitrous_host.mlflow_models.model import STREAM, MlflowModel, Read
from nitrous_host.mlflow_models.outputs import DEFAULT_NAME
from nitrous_host.mlflow_models.parameters import read_parameters
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.mlflow_models.signature import Column, Signature
from nitrous_host.model import LoadRequest
from nitrous_host.payload import Payload
from nitrous_host.tensors import datatype_of

# Their common type is the same in a matrix and in what frameworks make of a data frame.
MATRIX_TYPES = frozenset({"double", "float", "integer", "long"})


def warm_up(request: LoadRequest, predictor: Predictor, signature: Signature) -> MlflowModel:
    """
    The model with its description. An example.json must be answered; the input example of the folder, or one made up from
    the signature, that is not only makes a warning. Raises HostError INVALID_ARGUMENT.
    """
    inputs = _inputs_of(signature)
    example, payload = read_example(request.example) if request.example else (None, None)
    saved = saved_example(request.directory) if payload is None else None
    given = payload or saved or made_up_example(signature)
    read: Read = functools.partial(to_input, signature=signature)
    bare = MlflowModel(predictor, signature, read, {})
    answer: Payload | None = None
    batchable = False
    if given is None:
        predictor.framework.warnings.append("not warmed up: nothing is known about its input; put an example.json beside the folder's MLmodel")
    else:
        try:
            data = read(given)
            answer = bare.answer(data, read_parameters(signature.parameters, {}))
            batchable = predictor.row_wise and _rows_are_independent(bare, data)
            if takes_matrix(predictor, signature) and _answers_alike(bare, given, data, signature):
                read = functools.partial(to_matrix, signature=signature)
        except Exception as error:
            failure = from_exception(error)
            if payload is not None:
                raise HostError("INVALID_ARGUMENT", f"the model does not answer example.json: {failure.message}", failure.detail) from error
            which = "the input example that was saved with it" if saved is not None else "a made-up example"
            predictor.framework.warnings.append(f"not warmed up: it did not answer {which} ({failure.message}); put an example.json beside MLmodel")
    method = {
        "accepts": "json",
        "inputs": inputs,
        "outputs": _outputs_of(signature, answer),
        "batchable": batchable,
        "streaming": False,
    }
    methods = {"predict": method}
    if predictor.stream is not None:
        methods[STREAM] = {**method, "outputs": [], "batchable": False, "streaming": True}
    framework = predictor.framework
    description: dict[str, Any] = {"framework": framework.name, "frameworkVersion": framework.version, "warnings": framework.warnings}
    if example is None and given is not None and answer is not None:
        example = request_of(given, inputs)
    if example is not None:
        description["example"] = example
    return MlflowModel(predictor, signature, read, {**description, "methods": methods})


def takes_matrix(predictor: Predictor, signature: Signature) -> bool:
    """Whether a data frame of the signature's columns, which takes long to make, may be one matrix."""
    columns = signature.columns
    plain = all(column.required and column.type in MATRIX_TYPES for column in columns)
    return plain and bool(columns) and predictor.features == [column.name for column in columns]


def _answers_alike(model: MlflowModel, example: Payload, frame: Any, signature: Signature) -> bool:
    """What may differ should not depend on the way."""
    try:
        by_frame, by_matrix = (model.answer(data, {}) for data in (frame, to_matrix(example, signature)))
        pairs = [(by_frame.value[name], by_matrix.value[name]) for name in by_frame.value]
        return all(left.dtype == right.dtype and numpy.array_equal(left, right) for left, right in pairs)
    except Exception:
        return False


def _inputs_of(signature: Signature) -> list[dict[str, Any]]:
    """Columns are one tensor each, [rows]."""
    inputs: list[dict[str, Any]] = []
    for position, column in enumerate(signature.columns):
        entry: dict[str, Any] = {"name": label_of(column, position), "datatype": column.datatype, "shape": [-1]}
        inputs.append(entry if column.required else {**entry, "optional": True})
    for tensor in signature.tensors:
        inputs.append({"name": tensor.name or "input-0", "datatype": tensor.datatype, "shape": tensor.shape})
    return inputs


def _outputs_of(signature: Signature, answer: Payload | None) -> list[dict[str, Any]]:
    """What the warm-up showed; without it, what the signature says."""
    if answer is not None and answer.kind == "tensors":
        return [
            {"name": name, "datatype": datatype_of(array), "shape": [-1, *numpy.shape(array)[1:]] if numpy.ndim(array) else []}
            for name, array in answer.value.items()
        ]
    if answer is not None:
        return []
    outputs = signature.outputs
    only = len(outputs) == 1
    return [
        {
            "name": output.name or (DEFAULT_NAME if only else f"output-{position}"),
            "datatype": output.datatype,
            "shape": [-1] if isinstance(output, Column) else output.shape,
        }
        for position, output in enumerate(outputs)
    ]


def _rows_are_independent(model: MlflowModel, data: Any) -> bool:
    rows = two_rows(data)
    if rows is None:
        return False
    try:
        together, *apart = [model.answer(part, {}) for part in (rows, _slice(rows, 0, 1), _slice(rows, 1, 2))]
        if any(answer.kind != "tensors" for answer in (together, *apart)):
            return False
        return is_batchable(True, together.value, [answer.value for answer in apart])
    except Exception:
        return False


def two_rows(data: Any) -> Any:
    """The first two rows of data, or its only row and one that differs from it in every number; None where there are no rows."""
    if isinstance(data, dict):
        parts = {name: two_rows(array) for name, array in data.items()}
        return None if any(part is None for part in parts.values()) else parts
    if isinstance(data, numpy.ndarray):
        if data.ndim == 0 or len(data) == 0:
            return None
        return data[:2] if len(data) > 1 else numpy.concatenate([data, data + 1 if data.dtype.kind in "iuf" else data])
    if not hasattr(data, "iloc") or len(data) == 0:
        return None
    if len(data) > 1:
        return data[:2]
    import pandas

    other = data.copy()
    for name in other.columns:
        if other[name].dtype.kind in "iuf":
            other[name] = other[name] + 1
    return pandas.concat([data, other], ignore_index=True)


def _slice(data: Any, start: int, stop: int) -> Any:
    if isinstance(data, dict):
        return {name: array[start:stop] for name, array in data.items()}
    return data[start:stop].reset_index(drop=True) if hasattr(data, "iloc") else data[start:stop]
