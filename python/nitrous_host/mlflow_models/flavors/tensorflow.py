"""The flavour of TensorFlow, where it is a module in a SavedModel, which is called with one tensor."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.errors import HostError, trace
from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.model import LoadRequest
from nitrous_host.warmup import Framework


def load(request: LoadRequest, model: MLmodel) -> Predictor:
    from nitrous_host.formats.tensorflow_ops import check_ops, parse
    from nitrous_host.formats.tensorflow_tensors import MISFITS, explain, limit_threads

    import tensorflow

    limit_threads(request.threads)
    path = model.path(model.flavors["tensorflow"].get("saved_model_dir"), "the SavedModel")
    check_ops(parse(path), request)
    try:
        module = tensorflow.saved_model.load(path)
    except Exception as error:
        message = f"the SavedModel cannot be loaded with TensorFlow {tensorflow.__version__} ({explain(error)}): copy the folder again"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    if not callable(module):
        raise HostError("INVALID_ARGUMENT", "the SavedModel has no __call__: save a module that has one, or use format tensorflow for its signatures")

    def predict(data: Any, _parameters: dict[str, Any]) -> Any:
        if not isinstance(data, numpy.ndarray):
            raise HostError("INVALID_ARGUMENT", "the model takes one tensor")
        try:
            answer = module(tensorflow.convert_to_tensor(data))
        except MISFITS as error:
            raise HostError("INVALID_ARGUMENT", explain(error), trace(error)) from error
        return answer.numpy() if isinstance(answer, tensorflow.Tensor) else {name: value.numpy() for name, value in answer.items()}

    return Predictor(Framework("tensorflow", tensorflow.__version__), predict, row_wise=True)
