"""TensorFlow SavedModels: folders whose signatures become methods."""

from __future__ import annotations

import os
from typing import Any

# TensorFlow's own log tells every user of a processor's instruction sets and of GPUs that it did not find.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow

from nitrous_host.errors import HostError, trace
from nitrous_host.formats.tensorflow_ops import check_ops, checked_tags, parse
from nitrous_host.formats.tensorflow_tensors import MISFITS, explain, from_tensor, limit_threads, specification, to_tensor
from nitrous_host.framework_versions import is_newer, newer_warning
from nitrous_host.methods import Method, MethodModel, Tensors
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.payload import Call
from nitrous_host.settings import read_settings
from nitrous_host.tensor_warmup import warm_up_methods
from nitrous_host.warmup import Framework

DEFAULT_SIGNATURE = "serving_default"


def load(request: LoadRequest, progress: Progress) -> MethodModel:
    """
    Raises HostError: INVALID_ARGUMENT for a folder that is no whole SavedModel or has no signatures, PERMISSION_DENIED for
    operations that reach files when nobody trusts the model.
    """
    warnings: list[str] = []
    read_settings(request.settings, {}, warnings)
    limit_threads(request.threads)
    folder = request.file if os.path.isdir(request.file) else os.path.dirname(request.file)
    progress(f"reading the SavedModel with tensorflow {tensorflow.__version__}")
    saved = parse(folder)
    check_ops(saved, request)
    tags, made_with = checked_tags(saved)
    if is_newer(made_with, tensorflow.__version__):
        warnings.append(newer_warning("TensorFlow", made_with, tensorflow.__version__, "tensorflow-cpu"))
    try:
        loaded = tensorflow.saved_model.load(folder, tags=tags)
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        reason = f"made with TensorFlow {made_with or 'of unknown version'}; {explain(error)}"
        message = f"the SavedModel cannot be loaded with TensorFlow {tensorflow.__version__} ({reason}): copy the whole folder again"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    methods = {name: _method(loaded, name, function) for name, function in loaded.signatures.items()}
    if not methods:
        way = "save it again with tf.saved_model.save(model, folder, signatures=...)"
        message = f"the SavedModel has no signatures, which become methods: {way}"
        raise HostError("INVALID_ARGUMENT", message)
    default = DEFAULT_SIGNATURE if DEFAULT_SIGNATURE in methods else next(iter(methods))
    progress("answering the warm-up")
    return warm_up_methods(request, Framework("tensorflow", tensorflow.__version__, warnings), methods, default, row_wise=True)


def _method(loaded: Any, name: str, function: Any) -> Method:
    """A signature, which takes tensors by name and answers tensors by name. Raises HostError INVALID_ARGUMENT."""
    taken: dict[str, Any] = dict(function.structured_input_signature[1])
    given: dict[str, Any] = dict(function.structured_outputs)
    inputs = [specification(f"input '{key}' of signature '{name}'", key, each) for key, each in taken.items()]
    outputs = [specification(f"output '{key}' of signature '{name}'", key, each) for key, each in given.items()]
    # Answers in bfloat16 are given as float32.
    outputs = [{**entry, "datatype": "FP32"} if entry["datatype"] == "BF16" else entry for entry in outputs]

    def run(tensors: Tensors, call: Call) -> Tensors:
        # A signature holds what it needs weakly, so `loaded` has to stay.
        _ = loaded
        missing = [key for key in taken if key not in tensors]
        if missing:
            raise HostError("INVALID_ARGUMENT", f"method '{call.method}' lacks the input '{missing[0]}'")
        answers = function(**{key: to_tensor(key, tensors[key], each.dtype) for key, each in taken.items()})
        return {key: from_tensor(answers[key]) for key in given}

    return Method({"accepts": "tensors", "inputs": inputs, "outputs": outputs}, run, MISFITS, explain)
