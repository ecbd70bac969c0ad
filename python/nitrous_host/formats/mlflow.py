"""MLflow's model folders: flavours that are plain files are loaded here, the others by MLflow where somebody trusts their code."""

from __future__ import annotations

from nitrous_host.mlflow_models.flavors import is_direct, load_direct
from nitrous_host.mlflow_models.mlmodel import MLmodel, read_mlmodel
from nitrous_host.mlflow_models.model import MlflowModel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.mlflow_models.trust import check_trust
from nitrous_host.mlflow_models.warm_up import warm_up
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.settings import read_settings


def load(request: LoadRequest, progress: Progress) -> MlflowModel:
    """Raises HostError, and ImportError for a package that the environment lacks."""
    model = read_mlmodel(request.directory)
    check_trust(request, model)
    predictor = _predictor(request, model, progress)
    read_settings(request.settings, {}, predictor.framework.warnings)
    progress("answering the warm-up")
    return warm_up(request, predictor, model.signature)


def _predictor(request: LoadRequest, model: MLmodel, progress: Progress) -> Predictor:
    if is_direct(model):
        progress(f"reading the {model.loader.removeprefix('mlflow.')} flavor")
        return load_direct(request, model)
    # Only now: MLflow is large, and what is served directly does without.
    from nitrous_host.mlflow_models import python_function

    progress(f"loading {model.loader} with MLflow")
    return python_function.load(model)
