"""The flavour of CatBoost: a model file, with the name of the class that reads it."""

from __future__ import annotations

import os
from typing import Any

import catboost

from nitrous_host.errors import HostError, trace
from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.model import LoadRequest
from nitrous_host.warmup import Framework

CLASSES = ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")
FILE = "model.cb"


def load(request: LoadRequest, model: MLmodel) -> Predictor:
    flavor = model.flavors.get("catboost", {})
    kind = flavor.get("model_type", CLASSES[0])
    if kind not in CLASSES:
        raise HostError("INVALID_ARGUMENT", f"MLmodel's model_type is {kind!r}; CatBoost has {', '.join(CLASSES)}")
    path = model.path(flavor.get("data") or model.function.get("data") or FILE, "the CatBoost model")
    loaded = getattr(catboost, kind)()
    try:
        loaded.load_model(path, flavor.get("save_format", "cbm"))
    except (catboost.CatBoostError, ValueError, TypeError) as error:
        message = f"{os.path.basename(path)} is not a whole CatBoost file: copy the folder again"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    recorded = flavor.get("catboost_version")
    warnings = [] if recorded in (None, catboost.__version__) else [f"made with CatBoost {recorded}, served with {catboost.__version__}"]

    def predict(data: Any, _parameters: dict[str, Any]) -> Any:
        return loaded.predict(data, thread_count=request.threads)

    return Predictor(Framework("catboost", catboost.__version__, warnings), predict, True, (ValueError, TypeError, catboost.CatBoostError))
