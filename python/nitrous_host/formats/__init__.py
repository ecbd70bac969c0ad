"""Format names of a load frame and the modules that load them; a framework is imported only when a model needs it."""

from __future__ import annotations

import importlib
import os

from nitrous_host.errors import HostError, from_import
from nitrous_host.model import LoadRequest, Model, Progress

MODULES = {
    "sklearn": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "pmml": "pmml",
    "tensorflow": "tensorflow",
    "keras": "keras",
    "pytorch": "pytorch",
    "mar": "mar",
    "huggingface": "huggingface",
    "mlflow": "mlflow",
    "python": "custom",
    "triton-python": "triton_python",
}


def load_model(request: LoadRequest, progress: Progress) -> Model:
    """
    Loads a model and lets it answer its warm-up. Raises HostError: INVALID_ARGUMENT for a file that is not what the
    format says, FAILED_PRECONDITION for what the environment lacks.
    """
    module = MODULES.get(request.format)
    if module is None:
        raise HostError("INVALID_ARGUMENT", f"the Python host has no format '{request.format}', only {', '.join(MODULES)}")
    if not os.path.exists(request.file):
        raise HostError("NOT_FOUND", f"there is no {request.file}")
    try:
        return importlib.import_module(f"nitrous_host.formats.{module}").load(request, progress)
    except ImportError as error:
        raise from_import(error) from error
