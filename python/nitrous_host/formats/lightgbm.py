"""LightGBM models in text files (.txt, .bst, .model), answered as a plain Booster does."""

from __future__ import annotations

import os
import re
from typing import Any

import lightgbm
import numpy

from nitrous_host.errors import HostError, trace
from nitrous_host.formats.category_columns import Categories, category_form
from nitrous_host.formats.matrix import to_matrix
from nitrous_host.formats.tabular import MISFITS, Form, Output, Table, TabularModel
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.settings import integer, read_settings
from nitrous_host.warmup import Framework, warm_up

# What LightGBM calls the columns of a matrix without names.
GENERATED_NAME = re.compile(r"Column_\d+")
# Answered when they are asked for, by the argument of Booster.predict that each is.
OPTIONAL_OUTPUTS = {"margin": "raw_score", "leaf": "pred_leaf", "contributions": "pred_contrib"}


def load(request: LoadRequest, progress: Progress) -> TabularModel:
    """Raises HostError INVALID_ARGUMENT for a file that LightGBM cannot read."""
    name = os.path.basename(request.file)
    progress(f"reading {name} with lightgbm {lightgbm.__version__}")
    _check_whole(request.file, name)
    try:
        booster = lightgbm.Booster(model_file=request.file)
    except (lightgbm.basic.LightGBMError, ValueError, KeyError) as error:
        raise HostError("INVALID_ARGUMENT", f"{name} is not a LightGBM file: {error}", trace(error)) from error
    framework = Framework("lightgbm", lightgbm.__version__)
    threads = read_settings(request.settings, {"nthread": integer}, framework.warnings).get("nthread", request.threads)

    def output(**arguments: Any) -> Output:
        return lambda table: booster.predict(_numeric(table), num_threads=threads, **arguments)

    categories = _categories_of(booster)
    form = category_form(booster.feature_name(), categories, refuses_unknown=False) if categories else _matrix_form(booster)
    outputs = {"predict": output(), **{name: output(**{argument: True}) for name, argument in OPTIONAL_OUTPUTS.items()}}
    misfits = (*MISFITS, lightgbm.basic.LightGBMError)
    progress("answering the warm-up")
    return warm_up(request, framework, [form], outputs, row_wise=True, misfits=misfits)


def _matrix_form(booster: Any) -> Form:
    width = booster.num_feature()
    names = booster.feature_name()
    columns = None if all(GENERATED_NAME.fullmatch(column) for column in names) else names

    def inputs(_table: Table | None) -> list[dict[str, Any]]:
        return [{"name": "input-0", "datatype": "FP64", "shape": [-1, width]}]

    return Form("matrix", lambda payload: to_matrix(payload, columns), inputs, columns, numpy.array([[0.0] * width, [1.0] * width]))


def _numeric(table: Table) -> Table:
    """Null becomes NaN, LightGBM's missing value; a data frame is as it should be."""
    if not isinstance(table, numpy.ndarray):
        return table
    return table.astype(numpy.float64) if table.dtype.kind not in "fiu" or table.dtype == numpy.float16 else table


def _categories_of(booster: Any) -> Categories:
    """
    What pandas' columns of categories held in training: LightGBM keeps it in the order of those columns, which its parameters name
    by position. Raises HostError FAILED_PRECONDITION for a file whose parts disagree.
    """
    kept = booster.pandas_categorical or []
    if not kept:
        return {}
    names = booster.feature_name()
    found = re.search(r"^\[categorical_feature: ([\d,]+)\]$", booster.model_to_string(num_iteration=1), re.MULTILINE)
    positions = [int(position) for position in found[1].split(",")] if found else []
    if len(positions) != len(kept) or max(positions) >= len(names):
        raise HostError("FAILED_PRECONDITION", f"the file has the categories of {len(kept)} columns, and does not say which columns those are")
    return {names[position]: values for position, values in zip(sorted(positions), kept)}


def _check_whole(file: str, name: str) -> None:
    """LightGBM's reader may end the process at a file that stops in the middle of a tree."""
    with open(file, "rb") as stream:
        text = stream.read()
    if not text.startswith(b"tree") or b"end of trees" not in text:
        reason = "it does not begin with 'tree'" if not text.startswith(b"tree") else "it has no 'end of trees': it is cut off"
        raise HostError("INVALID_ARGUMENT", f"{name} is not a LightGBM file: {reason}")
