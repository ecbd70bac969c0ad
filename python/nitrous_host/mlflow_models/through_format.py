"""Flavours whose file is one of another format: that format's own loader reads and checks it, and answers its calls."""

from __future__ import annotations

import dataclasses
import importlib
import os
from typing import Any, Callable

import numpy

from nitrous_host.errors import HostError
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.model import LoadRequest
from nitrous_host.payload import Call, Payload
from nitrous_host.warmup import Framework

# The array that MLflow's own wrapper makes of a data frame, or None where it takes none.
FromFrame = Callable[[Any], numpy.ndarray]


def load_through(request: LoadRequest, format_name: str, file: str, from_frame: FromFrame) -> Predictor:
    """Raises what the format's loader raises."""
    loader = importlib.import_module(f"nitrous_host.formats.{format_name}")
    inner = loader.load(
        dataclasses.replace(request, format=format_name, file=file, directory=os.path.dirname(file), example=None, settings={}),
        lambda _step: None,
    )
    method = next(iter(inner.description["methods"]))
    inputs = [specification["name"] for specification in inner.description["methods"][method]["inputs"]]

    def predict(data: Any, _parameters: dict[str, Any]) -> Any:
        if isinstance(data, dict):
            arrays = data
        elif len(inputs) == 1:
            arrays = {inputs[0]: data if isinstance(data, numpy.ndarray) else from_frame(data)}
        else:
            raise HostError("INVALID_ARGUMENT", f"the model takes several tensors by name: {', '.join(inputs)}")
        answer = inner.infer(Call(method, Payload("tensors", arrays)))
        outputs: dict[str, Any] = answer.value
        only = next(iter(outputs.values())) if len(outputs) == 1 else outputs
        return only if isinstance(data, (dict, numpy.ndarray)) else _as_frame(only, data)

    description = inner.description
    # What was not warmed up there is warmed up here, by MLflow's example or signature.
    warnings = [text for text in description["warnings"] if not text.startswith("not warmed up")]
    return Predictor(Framework(description["framework"], description["frameworkVersion"], warnings), predict, row_wise=True)


def _as_frame(answer: Any, data: Any) -> Any:
    """MLflow answers a data frame with one that has the same index."""
    import pandas

    return pandas.DataFrame(answer, index=data.index) if isinstance(answer, numpy.ndarray) else answer
