"""The flavour of PyTorch, where its file is a program of torch.export; other files of it are pickled classes."""

from __future__ import annotations

from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.mlflow_models.through_format import load_through
from nitrous_host.model import LoadRequest


def load(request: LoadRequest, model: MLmodel) -> Predictor:
    folder = model.flavors["pytorch"]["model_data"]
    file = model.path(f"{folder}/model.pt2", "the PyTorch program")
    return load_through(request, "pytorch", file, lambda frame: frame.to_numpy(dtype="float32"))
