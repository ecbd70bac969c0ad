"""The flavours of Keras and TensorFlow, where their file is one of Keras."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

from nitrous_host.errors import HostError
from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.mlflow_models.through_format import load_through
from nitrous_host.model import LoadRequest

# Files could make older ones run code or read files, whatever safe_mode said (CVE-2025-1550, CVE-2025-8747, CVE-2025-12058).
OLDEST = (3, 12)


def load(request: LoadRequest, model: MLmodel) -> Predictor:
    version = tuple(int(part) for part in keras.__version__.split(".")[:2] if part.isdigit())
    if version < OLDEST and not request.code:
        message = f"Keras {keras.__version__} can be made to run code by files that hold none: ask for keras>=3.12 in the folder's requirements.txt"
        raise HostError("FAILED_PRECONDITION", message)
    flavor = model.flavors.get("keras") or model.flavors["tensorflow"]
    file = model.path(f"{flavor['data']}/model.keras", "the Keras model")
    return load_through(request, "keras", file, lambda frame: frame.to_numpy())
