"""The flavour of ONNX: a graph that ONNX Runtime answers, with the outputs that the graph names."""

from __future__ import annotations

import os
from typing import Any

import numpy
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from nitrous_host.errors import HostError, trace
from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.model import LoadRequest
from nitrous_host.warmup import Framework

CPU = "CPUExecutionProvider"
MISFITS = (ValueError, TypeError, failures.InvalidArgument, failures.Fail, failures.RuntimeException)


def load(request: LoadRequest, model: MLmodel) -> Predictor:
    flavor = model.flavors.get("onnx", {})
    path = model.path(flavor.get("data") or model.function.get("data"), "the ONNX graph")
    framework = Framework("onnxruntime", onnxruntime.__version__)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = request.threads
    try:
        session = onnxruntime.InferenceSession(path, options, providers=_providers(flavor, framework))
    except Exception as error:
        message = f"{os.path.basename(path)} is not a whole ONNX file ({str(error).partition(chr(10))[0][:200]}): copy the folder again"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    inputs = {entry.name: entry.type for entry in session.get_inputs()}
    outputs = [entry.name for entry in session.get_outputs()]

    def predict(data: Any, _parameters: dict[str, Any]) -> Any:
        answers = session.run(outputs, {name: _single(array, inputs.get(name)) for name, array in _feed(data, inputs).items()})
        if isinstance(data, (dict, numpy.ndarray)):
            return dict(zip(outputs, answers))
        import pandas

        # As MLflow does: each output is one column.
        return pandas.DataFrame({name: numpy.asarray(answer).reshape(-1) for name, answer in zip(outputs, answers)})

    return Predictor(framework, predict, row_wise=True, misfits=MISFITS)


def _feed(data: Any, inputs: dict[str, str]) -> dict[str, numpy.ndarray]:
    if isinstance(data, dict):
        return data
    if len(inputs) == 1:
        return {next(iter(inputs)): data if isinstance(data, numpy.ndarray) else data.values}
    if isinstance(data, numpy.ndarray):
        raise HostError("INVALID_ARGUMENT", f"the graph takes several tensors by name: {', '.join(inputs)}")
    missing = [name for name in inputs if name not in data]
    if missing:
        raise HostError("INVALID_ARGUMENT", f"the graph's input '{missing[0]}' is missing")
    return {name: data[name].values for name in inputs}


def _single(array: numpy.ndarray, kind: str | None) -> numpy.ndarray:
    """JSON and data frames make doubles where a graph takes floats."""
    return array.astype(numpy.float32) if kind == "tensor(float)" and array.dtype == numpy.float64 else array


def _providers(flavor: dict[str, Any], framework: Framework) -> list[str]:
    """Those that MLmodel names and that are here; the processor alone otherwise."""
    named = flavor.get("providers") or [CPU]
    wanted = [str(provider[0] if isinstance(provider, list) else provider) for provider in ([named] if isinstance(named, str) else named)]
    here = onnxruntime.get_available_providers()
    chosen = [provider for provider in wanted if provider in here]
    accelerators = [provider for provider in wanted if provider not in here and provider != CPU]
    # MLflow writes both of these into every MLmodel.
    if accelerators and accelerators != ["CUDAExecutionProvider"]:
        framework.warnings.append(f"{', '.join(accelerators)} is not here; it runs on {', '.join(chosen) or CPU}")
    return chosen or [CPU]
