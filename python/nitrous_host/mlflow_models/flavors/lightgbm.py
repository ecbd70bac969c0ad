"""The flavour of LightGBM: a Booster in a text file, or an estimator in a pickle or skops file."""

from __future__ import annotations

import os
import warnings as python_warnings
from typing import Any

import lightgbm

from nitrous_host.errors import HostError, trace
from nitrous_host.mlflow_models.estimator_files import load_estimator
from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.model import LoadRequest
from nitrous_host.warmup import Framework

BOOSTER = "lightgbm.basic.Booster"


def load(request: LoadRequest, model: MLmodel) -> Predictor:
    flavor = model.flavors.get("lightgbm", {})
    path = model.path(flavor.get("data") or model.function.get("data"), "the LightGBM model")
    recorded = flavor.get("lgb_version")
    warnings = [] if recorded in (None, lightgbm.__version__) else [f"made with LightGBM {recorded}, served with {lightgbm.__version__}"]
    framework = Framework("lightgbm", lightgbm.__version__, warnings)
    misfits = (ValueError, TypeError, lightgbm.basic.LightGBMError)
    is_booster = flavor.get("model_class", BOOSTER) == BOOSTER
    loaded = _read_booster(path) if is_booster else load_estimator(request, path, flavor.get("serialization_format", "cloudpickle"))
    if not isinstance(loaded, (lightgbm.Booster, lightgbm.LGBMModel)):
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(path)} holds a {type(loaded).__qualname__}, which is no model of LightGBM")
    threads = {"num_threads": request.threads} if is_booster else {"n_jobs": request.threads}
    if not is_booster:
        loaded.set_params(**threads)

    def predict(data: Any, _parameters: dict[str, Any]) -> Any:
        return loaded.predict(data, num_threads=request.threads)

    features = loaded.feature_name() if is_booster else loaded.feature_name_
    # A matrix without names is what an estimator gets that only compares names.
    python_warnings.filterwarnings("ignore", message="X does not have valid feature names")
    return Predictor(framework, predict, True, misfits, features=list(features))


def _read_booster(path: str) -> lightgbm.Booster:
    name = os.path.basename(path)
    # LightGBM's reader may end the process at a file that stops in the middle of a tree.
    with open(path, "rb") as stream:
        text = stream.read()
    if not text.startswith(b"tree") or b"end of trees" not in text:
        raise HostError("INVALID_ARGUMENT", f"{name} is not a whole LightGBM file: copy the folder again")
    try:
        return lightgbm.Booster(model_file=path)
    except (lightgbm.basic.LightGBMError, ValueError, KeyError) as error:
        raise HostError("INVALID_ARGUMENT", f"{name} is not a LightGBM file: {error}", trace(error)) from error
