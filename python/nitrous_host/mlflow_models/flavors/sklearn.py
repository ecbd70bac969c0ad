"""The flavour of scikit-learn: an estimator in a pickle or skops file, asked for what MLmodel's predict_fn says."""

from __future__ import annotations

import warnings
from typing import Any

import sklearn
import threadpoolctl

from nitrous_host.errors import HostError
from nitrous_host.mlflow_models.estimator_files import load_estimator
from nitrous_host.mlflow_models.features import features_of
from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.mlflow_models.row_wise import is_row_wise
from nitrous_host.model import LoadRequest
from nitrous_host.warmup import Framework

# Those that MLflow's own wrapper has.
PREDICT_FUNCTIONS = ("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba")


def load(request: LoadRequest, model: MLmodel) -> Predictor:
    flavor = model.flavors.get("sklearn", {})
    threadpoolctl.threadpool_limits(request.threads)
    function = model.function.get("predict_fn", "predict")
    if function not in PREDICT_FUNCTIONS:
        raise HostError("INVALID_ARGUMENT", f"MLmodel's predict_fn is {function!r}; scikit-learn's flavor has {', '.join(PREDICT_FUNCTIONS)}")
    path = model.path(model.function.get("model_path") or model.function.get("data") or flavor.get("pickled_model"), "the estimator")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator = load_estimator(request, path, flavor.get("serialization_format", "pickle"))
    method = getattr(estimator, function, None)
    if not callable(method):
        raise HostError("INVALID_ARGUMENT", f"the file holds a {type(estimator).__qualname__}, which has no {function}")
    _limit_jobs(estimator, request.threads)

    def predict(data: Any, _parameters: dict[str, Any]) -> Any:
        return method(data)

    framework = Framework("scikit-learn", sklearn.__version__, _warnings_of(flavor, caught))
    # A matrix without names is what an estimator gets that only compares names.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    return Predictor(framework, predict, is_row_wise(estimator), features=features_of(estimator))


def _limit_jobs(estimator: Any, threads: int) -> None:
    """Parallel estimators would start more threads for each small call than the call is worth."""
    if hasattr(estimator, "get_params") and hasattr(estimator, "set_params"):
        for key, value in estimator.get_params().items():
            if key.rpartition("__")[2] == "n_jobs" and value is not None:
                estimator.set_params(**{key: threads})


def _warnings_of(flavor: dict[str, Any], caught: list[warnings.WarningMessage]) -> list[str]:
    recorded = flavor.get("sklearn_version")
    texts = []
    if recorded is not None and recorded != sklearn.__version__:
        texts.append(f"made with scikit-learn {recorded}, served with {sklearn.__version__}")
    for warning in caught:
        if getattr(warning.message, "original_sklearn_version", None) is None:
            texts.append(" ".join(str(warning.message).split())[:300])
    return list(dict.fromkeys(texts))
