"""XGBoost models in .json, .ubj and .bst files, answered as a plain Booster does (probabilities for a classifier)."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy
import xgboost

from nitrous_host.errors import HostError, trace
from nitrous_host.formats.matrix import to_matrix
from nitrous_host.formats.tabular import Form, Table, TabularModel
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.warmup import Framework, warm_up


def load(request: LoadRequest, progress: Progress) -> TabularModel:
    """Raises HostError INVALID_ARGUMENT for a file that XGBoost cannot read."""
    name = os.path.basename(request.file)
    progress(f"reading {name} with xgboost {xgboost.__version__}")
    booster = xgboost.Booster()
    try:
        booster.load_model(request.file)
    except (xgboost.core.XGBoostError, ValueError, KeyError) as error:
        # XGBoost begins with the time and the line of its own source.
        reason = re.sub(r"^\[[\d:]+\] (\S+:\d+: )?", "", str(error).partition("\n")[0])
        message = f"{name} is not a whole XGBoost file ({reason}): copy it again, or write it again with Booster.save_model"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    booster.set_param({"nthread": request.threads})
    width = booster.num_features()

    def by_matrix(table: Table) -> numpy.ndarray:
        matrix = xgboost.DMatrix(
            _numeric(table), feature_names=booster.feature_names, feature_types=booster.feature_types, nthread=request.threads
        )
        return booster.predict(matrix)

    def in_place(table: Table) -> numpy.ndarray:
        return booster.inplace_predict(_numeric(table))

    columns = list(booster.feature_names) if booster.feature_names else None
    sample = numpy.array([[0.0] * width, [1.0] * width], numpy.float32)

    def inputs(_table: Table | None) -> list[dict[str, Any]]:
        return [{"name": "input-0", "datatype": "FP32", "shape": [-1, width]}]

    form = Form("matrix", lambda payload: to_matrix(payload, columns), inputs, columns, sample)
    progress("answering the warm-up")
    predict = in_place if _answers_alike(in_place, by_matrix, sample) else by_matrix
    return warm_up(request, Framework("xgboost", xgboost.__version__), [form], {"predict": predict}, row_wise=True)


def _numeric(table: Table) -> numpy.ndarray:
    """Null becomes NaN, XGBoost's missing value."""
    return table.astype(numpy.float32) if table.dtype == object or table.dtype == numpy.float16 else table


def _answers_alike(in_place: Any, by_matrix: Any, sample: numpy.ndarray) -> bool:
    """Boosters without trees cannot predict in place, and what may differ should not depend on the way."""
    missing = numpy.full_like(sample[:1], numpy.nan)
    try:
        return all(numpy.array_equal(in_place(rows), by_matrix(rows), equal_nan=True) for rows in (sample, missing))
    except (ValueError, TypeError):
        return False
