"""The flavours of Keras and TensorFlow, where their file is one of Keras."""

from __future__ import annotations

from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.mlflow_models.through_format import load_through
from nitrous_host.model import LoadRequest


def load(request: LoadRequest, model: MLmodel) -> Predictor:
    flavor = model.flavors.get("keras") or model.flavors["tensorflow"]
    file = model.path(f"{flavor['data']}/model.keras", "the Keras model")
    return load_through(request, "keras", file, lambda frame: frame.to_numpy())
