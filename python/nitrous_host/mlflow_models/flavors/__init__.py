"""Flavours whose files are loaded here without MLflow: the answers are the same, and MLflow need be neither installed nor imported."""

from __future__ import annotations

import importlib
import os
from typing import Callable

from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.model import LoadRequest

# MLflow's loader modules, and the modules here. src/environments/artefact-requirements/mlflow.ts knows them too.
MODULES = {
    "mlflow.sklearn": "sklearn",
    "mlflow.xgboost": "xgboost",
    "mlflow.lightgbm": "lightgbm",
    "mlflow.catboost": "catboost",
    "mlflow.onnx": "onnx",
    "mlflow.pytorch": "pytorch",
    "mlflow.keras": "keras",
    "mlflow.keras.load": "keras",
    "mlflow.tensorflow": "tensorflow",
}


def is_direct(model: MLmodel) -> bool:
    """Whether the model is loaded here. Not with code of its own, and not with inputs that are lists or objects."""
    if model.loader not in MODULES or any(flavor.get("code") for flavor in model.flavors.values()):
        return False
    if any(column.nested for column in model.signature.columns):
        return False
    return _EXCEPTIONS.get(model.loader, lambda _model: True)(model)


def load_direct(request: LoadRequest, model: MLmodel) -> Predictor:
    """Raises HostError, and ImportError for what the environment lacks."""
    name = MODULES[model.loader]
    if name == "tensorflow" and model.flavors["tensorflow"].get("model_type") != "tf2-module":
        name = "keras"
    module = importlib.import_module(f"nitrous_host.mlflow_models.flavors.{name}")
    return module.load(request, model)


def _is_exported_program(model: MLmodel) -> bool:
    """Other files of the PyTorch flavour are pickled classes."""
    return _is_file(model, "pytorch", "model_data", "model.pt2")


def _is_keras_file(model: MLmodel) -> bool:
    return not model.flavors.get("keras", {}).get("save_exported_model") and _is_file(model, "keras", "data", "model.keras")


def _is_plain_tensorflow(model: MLmodel) -> bool:
    """A module in a SavedModel, or a Keras file that has no pickled classes beside it."""
    flavor = model.flavors.get("tensorflow", {})
    if flavor.get("model_type") == "tf2-module":
        return True
    if not _is_file(model, "tensorflow", "data", "model.keras"):
        return False
    return not any(name.endswith(".cloudpickle") for name in os.listdir(os.path.join(model.directory, flavor["data"])))


def _is_file(model: MLmodel, flavor: str, key: str, name: str) -> bool:
    folder = model.flavors.get(flavor, {}).get(key)
    return isinstance(folder, str) and os.path.isfile(os.path.join(model.directory, folder, name))


_EXCEPTIONS: dict[str, Callable[[MLmodel], bool]] = {
    "mlflow.pytorch": _is_exported_program,
    "mlflow.keras": _is_keras_file,
    "mlflow.keras.load": _is_keras_file,
    "mlflow.tensorflow": _is_plain_tensorflow,
}
