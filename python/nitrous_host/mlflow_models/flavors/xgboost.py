"""The flavour of XGBoost: a model file, and in MLmodel the class that reads it: a Booster, or an estimator."""

from __future__ import annotations

import inspect
import os
import re
from typing import Any

import numpy
import xgboost

from nitrous_host.errors import HostError, trace
from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.model import LoadRequest
from nitrous_host.warmup import Framework

BOOSTER = "xgboost.core.Booster"
ESTIMATORS = ("XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor", "XGBModel")


def load(request: LoadRequest, model: MLmodel) -> Predictor:
    flavor = model.flavors.get("xgboost", {})
    path = model.path(flavor.get("data") or model.function.get("data"), "the XGBoost model")
    loaded = _new(flavor.get("model_class", BOOSTER))
    try:
        loaded.load_model(path)
    except (xgboost.core.XGBoostError, ValueError, KeyError, TypeError) as error:
        # XGBoost begins with the time and the line of its own source.
        reason = re.sub(r"^\[[\d:]+\] (\S+:\d+: )?", "", str(error).partition("\n")[0])
        message = f"{os.path.basename(path)} is not a whole XGBoost file ({reason}): copy the folder again"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    recorded = flavor.get("xgb_version")
    warnings = [] if recorded in (None, xgboost.__version__) else [f"made with XGBoost {recorded}, served with {xgboost.__version__}"]
    misfits = (ValueError, TypeError, xgboost.core.XGBoostError)
    framework = Framework("xgboost", xgboost.__version__, warnings)
    if isinstance(loaded, xgboost.Booster):
        loaded.set_param({"nthread": request.threads})
        known = _parameters_of(loaded.predict)

        def by_booster(data: Any, parameters: dict[str, Any]) -> Any:
            given = {name: value for name, value in parameters.items() if name in known}
            if isinstance(data, numpy.ndarray) and not given:
                return loaded.inplace_predict(data)
            names = loaded.feature_names if isinstance(data, numpy.ndarray) else None
            return loaded.predict(xgboost.DMatrix(data, feature_names=names, nthread=request.threads), **given)

        return Predictor(framework, by_booster, True, misfits, features=loaded.feature_names)
    loaded.set_params(n_jobs=request.threads)
    known = _parameters_of(loaded.predict)

    def by_estimator(data: Any, parameters: dict[str, Any]) -> Any:
        return loaded.predict(data, **{name: value for name, value in parameters.items() if name in known})

    return Predictor(framework, by_estimator, True, misfits, features=loaded.get_booster().feature_names)


def _new(name: str) -> Any:
    if name == BOOSTER:
        return xgboost.Booster()
    module, _, kind = str(name).rpartition(".")
    if module != "xgboost.sklearn" or kind not in ESTIMATORS:
        raise HostError("INVALID_ARGUMENT", f"MLmodel's model_class is {name!r}; it must be {BOOSTER} or one of xgboost.sklearn: {', '.join(ESTIMATORS)}")
    return getattr(xgboost, kind)()


def _parameters_of(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)
