"""LightGBM models in text files (.txt, .bst, .model), answered as a plain Booster does."""

from __future__ import annotations

import os
import re
from typing import Any

import lightgbm
import numpy

from nitrous_host.errors import HostError, trace
from nitrous_host.formats.matrix import to_matrix
from nitrous_host.formats.tabular import MISFITS, Form, Table, TabularModel
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.warmup import Framework, warm_up

# What LightGBM calls the columns of a matrix without names.
GENERATED_NAME = re.compile(r"Column_\d+")


def load(request: LoadRequest, progress: Progress) -> TabularModel:
    """Raises HostError INVALID_ARGUMENT for a file that LightGBM cannot read."""
    name = os.path.basename(request.file)
    progress(f"reading {name} with lightgbm {lightgbm.__version__}")
    _check_whole(request.file, name)
    try:
        booster = lightgbm.Booster(model_file=request.file)
    except (lightgbm.basic.LightGBMError, ValueError, KeyError) as error:
        raise HostError("INVALID_ARGUMENT", f"{name} is not a LightGBM file: {error}", trace(error)) from error
    width = booster.num_feature()
    names = booster.feature_name()
    columns = None if all(GENERATED_NAME.fullmatch(column) for column in names) else names

    def predict(table: Table) -> Any:
        matrix = table.astype(numpy.float64) if table.dtype.kind not in "fiu" or table.dtype == numpy.float16 else table
        return booster.predict(matrix, num_threads=request.threads)

    def inputs(_table: Table | None) -> list[dict[str, Any]]:
        return [{"name": "input-0", "datatype": "FP64", "shape": [-1, width]}]

    sample = numpy.array([[0.0] * width, [1.0] * width])
    form = Form("matrix", lambda payload: to_matrix(payload, columns), inputs, columns, sample)
    misfits = (*MISFITS, lightgbm.basic.LightGBMError)
    progress("answering the warm-up")
    framework = Framework("lightgbm", lightgbm.__version__)
    return warm_up(request, framework, [form], {"predict": predict}, row_wise=True, misfits=misfits)


def _check_whole(file: str, name: str) -> None:
    """LightGBM's reader may end the process at a file that stops in the middle of a tree."""
    with open(file, "rb") as stream:
        text = stream.read()
    if not text.startswith(b"tree") or b"end of trees" not in text:
        reason = "it does not begin with 'tree'" if not text.startswith(b"tree") else "it has no 'end of trees': it is cut off"
        raise HostError("INVALID_ARGUMENT", f"{name} is not a LightGBM file: {reason}")
