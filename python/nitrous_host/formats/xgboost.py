"""XGBoost: boosters saved as JSON, UBJSON or in the old binary form."""

from typing import Callable

import numpy as np
import xgboost

from ..errors import HostError
from . import read_example
from .boosters import BoosterModel


def load(meta: dict, report: Callable[[str], None]) -> BoosterModel:
    report("reading the booster")
    booster = xgboost.Booster({"nthread": meta["threads"]})
    try:
        booster.load_model(meta["file"])
    except xgboost.core.XGBoostError as error:
        raise HostError("INVALID_ARGUMENT", f"its file is not an XGBoost model: {str(error).splitlines()[0]}") from error
    booster.set_param({"nthread": meta["threads"]})
    features = booster.num_features()

    def through_matrix(rows: np.ndarray) -> np.ndarray:
        return booster.predict(xgboost.DMatrix(rows, nthread=meta["threads"]), validate_features=False)

    def in_place(rows: np.ndarray) -> np.ndarray:
        return booster.inplace_predict(rows, validate_features=False)

    predict = in_place if _same(in_place, through_matrix, features) else through_matrix
    names = [str(name) for name in booster.feature_names] if booster.feature_names else None
    return BoosterModel(predict, features, names, ("xgboost", xgboost.__version__), read_example(meta))


def _same(left: Callable, right: Callable, features: int) -> bool:
    """In-place prediction saves building a matrix, but not every booster answers it alike."""
    rows = np.vstack([np.zeros(features), np.ones(features), np.full(features, np.nan)])
    try:
        return bool(np.array_equal(left(rows), right(rows)))
    except Exception:  # noqa: BLE001 - whatever in-place prediction dislikes, the other way serves
        return False
