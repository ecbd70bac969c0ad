"""Keras models in .keras and .h5 files, on the backend that KERAS_BACKEND names (TensorFlow without it)."""

from __future__ import annotations

import os
import re
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.formats.keras_backend import backend_of
from nitrous_host.formats.keras_file import Recorded, code_in, read_recorded
from nitrous_host.framework_versions import is_newer, newer_warning
from nitrous_host.methods import Method, MethodModel, Tensors
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.payload import Call
from nitrous_host.settings import read_settings
from nitrous_host.tensor_warmup import warm_up_methods
from nitrous_host.tensors import DATATYPES
from nitrous_host.untrusted_code import refuse_code
from nitrous_host.warmup import Framework

# Files could make older ones run code or read files, whatever safe_mode said (CVE-2025-1550, CVE-2025-8747, CVE-2025-12058).
OLDEST = "3.12"


def load(request: LoadRequest, progress: Progress) -> MethodModel:
    """
    Raises HostError: INVALID_ARGUMENT for a file that is no whole Keras model, PERMISSION_DENIED for code in it that nobody
    trusts, FAILED_PRECONDITION for layers of packages and classes that are not there.
    """
    name = os.path.basename(request.file)
    if is_newer(OLDEST, keras.__version__) and not request.code:
        message = f"Keras {keras.__version__} can be made to run code by files that hold none: ask for keras>={OLDEST} in requirements.txt"
        raise HostError("FAILED_PRECONDITION", message)
    warnings: list[str] = []
    read_settings(request.settings, {}, warnings)
    backend = backend_of(request.threads)
    progress(f"reading {name} with keras {keras.__version__} on {keras.backend.backend()}")
    recorded = read_recorded(request.file)
    code = code_in(recorded.configuration)
    if code is not None and not request.code:
        raise refuse_code(f"{name} has {code}")
    model = _read(request, name, recorded)
    if is_newer(recorded.version, keras.__version__):
        warnings.append(newer_warning("Keras", recorded.version, keras.__version__, "keras"))
    method = _method(model, backend.wrap(lambda tensors: model(tensors, training=False)), backend)
    progress("answering the warm-up")
    return warm_up_methods(request, Framework("keras", keras.__version__, warnings), {"predict": method}, "predict", row_wise=True)


def _read(request: LoadRequest, name: str, recorded: Recorded) -> Any:
    try:
        return keras.saving.load_model(request.file, compile=False, safe_mode=not request.code)
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        text = str(error)
        if "lambda" in text and "safe_mode" in text:
            raise refuse_code(f"{name} has a Lambda layer with Python code", trace(error)) from error
        if "Could not locate" in text or "Unknown layer" in text:
            unknown = re.search(r"(?:Could not locate|Unknown layer:?) ((?:\w+ )?'[^']*')", text)
            reason = f"{name} needs {unknown[1] if unknown else 'a class'}, which is not part of Keras {keras.__version__}"
            message = f"{reason}: serve it as a custom model in Python, whose code defines it, or save it with model.export(folder)"
            raise HostError("FAILED_PRECONDITION", message, trace(error)) from error
        reason = (text.strip().partition("\n")[0] or summary(error))[:300]
        if is_newer(recorded.version, keras.__version__):
            made = f"{name} was made with Keras {recorded.version} and cannot be loaded with {keras.__version__} ({reason})"
            message = f"{made}: name keras>={recorded.version} in requirements.txt"
            raise HostError("FAILED_PRECONDITION", message, trace(error)) from error
        raise HostError("INVALID_ARGUMENT", f"{name} cannot be loaded with Keras {keras.__version__}: {reason}", trace(error)) from error


def _method(model: Any, run_model: Any, backend: Any) -> Method:
    """Inputs by the names of the model's inputs (the keys where it takes a dictionary). Raises HostError INVALID_ARGUMENT."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise HostError("INVALID_ARGUMENT", "the model has no inputs yet: call it once before it is saved, or build it with an Input layer")
    # A Sequential model is a functional one inside.
    functional = getattr(model, "_functional", None) or model
    structure = getattr(functional, "_inputs_struct", inputs)
    names = list(structure) if isinstance(structure, dict) else [each.name for each in inputs]
    ordered = [structure[key] for key in names] if isinstance(structure, dict) else list(inputs)
    specifications = [_specification(key, each) for key, each in zip(names, ordered)]
    outputs = _output_names(functional)

    def run(tensors: Tensors, call: Call) -> Tensors:
        missing = [key for key in names if key not in tensors]
        if missing:
            raise HostError("INVALID_ARGUMENT", f"the input '{missing[0]}' is missing")
        given = [backend.to_tensor(tensors[key], each.dtype) for key, each in zip(names, ordered)]
        if isinstance(structure, dict):
            answer = run_model(dict(zip(names, given)))
        else:
            answer = run_model(given[0] if len(given) == 1 and not isinstance(structure, (list, tuple)) else given)
        values = keras.tree.flatten(answer)
        keys = outputs if len(outputs) == len(values) else [f"output_{index}" for index in range(len(values))]
        return {key: backend.from_tensor(value) for key, value in zip(keys, values)}

    return Method(
        {"accepts": "tensors", "inputs": specifications, "outputs": []}, run, (ValueError, TypeError, *backend.misfits), backend.explain
    )


def _specification(name: str, tensor: Any) -> dict[str, Any]:
    dtype = keras.backend.standardize_dtype(tensor.dtype) if tensor.dtype != "string" else "string"
    datatype = "BYTES" if dtype == "string" else "BF16" if dtype == "bfloat16" else DATATYPES.get(numpy.dtype(dtype).str[1:])
    if datatype is None or tensor.shape is None:
        message = f"input '{name}' is {dtype} {tensor.shape}, which has no datatype and shape of the Open Inference Protocol"
        raise HostError("INVALID_ARGUMENT", message)
    return {"name": name, "datatype": datatype, "shape": [-1 if size is None else size for size in tensor.shape]}


def _output_names(model: Any) -> list[str]:
    """Keys of a dictionary in the order in which Keras flattens it, else the names of the layers."""
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict):
        return sorted(structure)
    names = [str(each) for each in getattr(model, "output_names", None) or []]
    return names if len(set(names)) == len(names) else []
