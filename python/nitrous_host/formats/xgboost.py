"""XGBoost models in .json, .ubj and .bst files, answered as a plain Booster does (probabilities for a classifier)."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import numpy
import xgboost

from nitrous_host.errors import HostError, trace
from nitrous_host.formats.category_columns import Categories, category_form
from nitrous_host.formats.matrix import to_matrix
from nitrous_host.formats.tabular import Form, Output, Table, TabularModel
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.settings import integer, read_settings
from nitrous_host.warmup import Framework, warm_up

# Answered when they are asked for, by the argument of Booster.predict that each is.
OPTIONAL_OUTPUTS = {"margin": "output_margin", "leaf": "pred_leaf", "contributions": "pred_contribs"}


def load(request: LoadRequest, progress: Progress) -> TabularModel:
    """Raises HostError INVALID_ARGUMENT for a file that XGBoost cannot read."""
    name = os.path.basename(request.file)
    framework = Framework("xgboost", xgboost.__version__)
    threads = read_settings(request.settings, {"nthread": integer}, framework.warnings).get("nthread", request.threads)
    progress(f"reading {name} with xgboost {xgboost.__version__}")
    booster = xgboost.Booster()
    try:
        booster.load_model(request.file)
    except (xgboost.core.XGBoostError, ValueError, KeyError) as error:
        if _is_old_binary(request.file):
            message = f"{name} is in XGBoost's old binary form, which xgboost {xgboost.__version__} does not read"
            hint = "write it again as .ubj with the version that made it, or put xgboost-cpu<3 into a requirements.txt beside it"
            raise HostError("FAILED_PRECONDITION", f"{message}: {hint}", trace(error)) from error
        # XGBoost begins with the time and the line of its own source, and names the file by its whole path.
        reason = re.sub(r"^\[[\d:]+\] (\S+:\d+: )?", "", str(error).partition("\n")[0]).replace(request.file, name)
        message = f"{name} is not a whole XGBoost file ({reason}): copy it again, or write it again with Booster.save_model"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    booster.set_param({"nthread": threads})
    categories = _categories_of(booster)
    form = category_form(booster.feature_names, categories, refuses_unknown=True) if categories else _matrix_form(booster)
    progress("answering the warm-up")
    outputs = {"predict": _predict(booster, threads, form.sample), **{name: _optional(booster, threads, name) for name in OPTIONAL_OUTPUTS}}
    return warm_up(request, framework, [form], outputs, row_wise=True)


def _is_old_binary(file: str) -> bool:
    """The form before JSON: since XGBoost 1.0 it begins with "binf"."""
    with open(file, "rb") as stream:
        return stream.read(4) == b"binf"


def _matrix_form(booster: Any) -> Form:
    width = booster.num_features()
    columns = list(booster.feature_names) if booster.feature_names else None

    def inputs(_table: Table | None) -> list[dict[str, Any]]:
        return [{"name": "input-0", "datatype": "FP32", "shape": [-1, width]}]

    sample = numpy.array([[0.0] * width, [1.0] * width], numpy.float32)
    return Form("matrix", lambda payload: to_matrix(payload, columns), inputs, columns, sample)


def _predict(booster: Any, threads: int, sample: Table) -> Output:
    """In place where that answers the same, which is faster."""

    def by_matrix(table: Table) -> numpy.ndarray:
        return booster.predict(_matrix_of(booster, table, threads))

    def in_place(table: Table) -> numpy.ndarray:
        return booster.inplace_predict(_numeric(table))

    return in_place if isinstance(sample, numpy.ndarray) and _answers_alike(in_place, by_matrix, sample) else by_matrix


def _optional(booster: Any, threads: int, name: str) -> Output:
    argument = OPTIONAL_OUTPUTS[name]
    return lambda table: booster.predict(_matrix_of(booster, table, threads), **{argument: True})


def _matrix_of(booster: Any, table: Table, threads: int) -> Any:
    if not isinstance(table, numpy.ndarray):
        return xgboost.DMatrix(table, enable_categorical=True, nthread=threads)
    return xgboost.DMatrix(_numeric(table), feature_names=booster.feature_names, feature_types=booster.feature_types, nthread=threads)


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


def _categories_of(booster: Any) -> Categories:
    """What columns of categories held in training; XGBoost 3.1 and later keep that, and in older files such columns are of codes."""
    if "c" not in (booster.feature_types or []) or not booster.feature_names:
        return {}
    content = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    encodings = content.get("model", content.get("gbtree", {}).get("model", {})).get("cats", {}).get("enc", [])
    categories: Categories = {}
    for name, encoding in zip(booster.feature_names, encodings):
        offsets, values = encoding.get("offsets"), encoding.get("values", [])
        if offsets is None:
            known = values
        else:
            text = bytes(value & 0xFF for value in values)
            known = [text[start:end].decode(errors="replace") for start, end in zip(offsets, offsets[1:])]
        if known:
            categories[name] = known
    return categories
