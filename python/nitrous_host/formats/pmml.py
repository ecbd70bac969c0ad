"""PMML documents (.pmml), evaluated in Python, or by JPMML where that does not cover them; their fields are answered as KServe's server does."""

from __future__ import annotations

import importlib.metadata
import os
from typing import Any

import numpy

from nitrous_host import __version__
from nitrous_host.errors import HostError, trace
from nitrous_host.formats import pmml_jpmml
from nitrous_host.formats.matrix import to_matrix
from nitrous_host.formats.tabular import MISFITS, Form, Output, Table, TabularModel
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.pmml import Evaluator, Malformed, Misfit, Unsupported, read_document
from nitrous_host.pmml.values import is_missing
from nitrous_host.pmml.verification import first_difference, verification_rows
from nitrous_host.settings import one_of, read_settings
from nitrous_host.warmup import Framework, warm_up

# Datatypes of PMML and of the columns that carry them; integers come as FP64, which has a missing value.
DATATYPES = {"string": "BYTES", "boolean": "BOOL"}


def load(request: LoadRequest, progress: Progress) -> TabularModel:
    """
    Raises HostError INVALID_ARGUMENT for a file that is no PMML or answers otherwise than its author expects, FAILED_PRECONDITION for
    one that needs JPMML where that is not there.
    """
    name = os.path.basename(request.file)
    warnings: list[str] = []
    settings = read_settings(request.settings, {"evaluator": one_of("auto", "python", "jpmml")}, warnings)
    progress(f"reading {name}")
    evaluator = _evaluator(request.file, name, settings.get("evaluator", "auto"), progress)
    if isinstance(evaluator, Evaluator):
        framework = Framework("nitrous-pmml", __version__, warnings)
    else:
        framework = Framework("jpmml", importlib.metadata.version(pmml_jpmml.PACKAGE), warnings)
    progress("answering the warm-up")
    return warm_up(request, framework, [_form_of(evaluator)], {"predict": _rows_of(evaluator)}, True, (*MISFITS, Misfit))


def _evaluator(file: str, name: str, which: str, progress: Progress) -> Any:
    try:
        # JPMML gets no document that this does not read: one with entities would name other files.
        document = read_document(file)
        if which != "jpmml":
            evaluator = Evaluator(document)
            difference = first_difference(evaluator)
            if difference is None:
                return evaluator
            raise HostError("INVALID_ARGUMENT", f"{name} does not answer as its author expects: {difference}")
        reason = "the setting evaluator is jpmml"
    except Malformed as error:
        raise HostError("INVALID_ARGUMENT", f"{name} is not a whole PMML file: {error}", trace(error)) from error
    except Unsupported as error:
        reason = f"it has {error}, which the evaluator in Python does not cover"
        if which == "python":
            raise HostError("FAILED_PRECONDITION", f"{name}: {reason}; JPMML may: leave out the setting evaluator", trace(error)) from error
    missing = pmml_jpmml.what_is_missing()
    if missing is not None:
        raise HostError("FAILED_PRECONDITION", f"{name} needs JPMML ({reason}), and for that {missing}")
    progress("starting JPMML")
    return pmml_jpmml.JpmmlEvaluator(file)


def _form_of(evaluator: Any) -> Form:
    """A matrix where all fields are numbers, as most clients of KServe's server send it, else a data frame."""
    names = [field.name for field in evaluator.inputs]
    datatypes = {field.name: DATATYPES.get(field.datatype or "string", "FP64") for field in evaluator.inputs}
    samples = _samples(evaluator)
    if all(datatype == "FP64" for datatype in datatypes.values()):

        def inputs(_table: Table | None) -> list[dict[str, Any]]:
            return [{"name": "input-0", "datatype": "FP64", "shape": [-1, len(names)]}]

        matrix = numpy.array([[_number(row.get(name)) for name in names] for row in samples])
        return Form("matrix", lambda payload: to_matrix(payload, names), inputs, names, matrix)
    import pandas

    from nitrous_host.formats.frame import to_frame

    def frame_inputs(_table: Table | None) -> list[dict[str, Any]]:
        return [{"name": name, "datatype": datatypes[name], "shape": [-1]} for name in names]

    columns = {name: _column([row.get(name) for row in samples], datatypes[name]) for name in names}
    return Form("frame", lambda payload: to_frame(payload, names), frame_inputs, None, pandas.DataFrame(columns))


def _samples(evaluator: Any) -> list[dict[str, Any]]:
    """Two rows: those that the document verifies itself with, else made up of what its fields may be."""
    if isinstance(evaluator, Evaluator):
        rows = verification_rows(evaluator)
        if len(rows) > 1:
            return rows[:2]
        return [{field.name: _made_up(field.field, position) for field in evaluator.inputs} for position in range(2)]
    return [{field.name: "a" if field.datatype == "string" else 1.0 for field in evaluator.inputs}] * 2


def _made_up(field: Any, position: int) -> Any:
    if field is None:
        return None
    if field.categories:
        return field.categories[min(position, len(field.categories) - 1)]
    if field.intervals:
        low, high = field.intervals[0].left, field.intervals[0].right
        bounds = [bound for bound in (low, high) if abs(bound) != float("inf")] or [0.0]
        return sum(bounds) / len(bounds) + position / 1000
    return f"example {position}" if field.datatype == "string" else position % 2 == 1 if field.datatype == "boolean" else float(position)


def _number(value: Any) -> float:
    try:
        return float("nan") if value is None else float(value)
    except ValueError:
        return float("nan")


def _column(values: list[Any], datatype: str) -> Any:
    if datatype == "BYTES":
        return numpy.array(["" if value is None else str(value) for value in values], object)
    if datatype == "BOOL":
        return numpy.array([str(value).lower() in ("true", "1", "1.0") for value in values])
    return numpy.array([_number(value) for value in values])


def _rows_of(evaluator: Any) -> Output:
    """The answers to a table, as one array for each field."""
    names = [field.name for field in evaluator.inputs]
    datatypes = evaluator.outputs

    def run(table: Table) -> dict[str, numpy.ndarray]:
        if isinstance(table, numpy.ndarray):
            if table.ndim != 2 or table.shape[1] != len(names):
                raise ValueError(f"expected rows of {len(names)} values, got the shape {list(table.shape)}")
            rows = (dict(zip(names, values)) for values in table.tolist())
        else:
            lists = [table[name].tolist() for name in names]
            rows = (dict(zip(names, values)) for values in zip(*lists))
        answers = [evaluator.evaluate({name: None if is_missing(value) else value for name, value in row.items()}) for row in rows]
        return {name: _array([answer[name] for answer in answers], datatype) for name, datatype in datatypes.items()}

    return run


def _array(values: list[Any], datatype: str | None) -> numpy.ndarray:
    """Missing texts are empty; a missing number makes its column one of floats, with NaN."""
    if datatype == "string" or any(isinstance(value, str) for value in values):
        return numpy.array(["" if value is None else str(value) for value in values], object)
    if any(value is None for value in values):
        return numpy.array([numpy.nan if value is None else float(value) for value in values])
    if datatype == "boolean" or datatype == "integer":
        whole = all(isinstance(value, (bool, int)) for value in values)
        return numpy.array(values, (bool if datatype == "boolean" else numpy.int64) if whole else numpy.float64)
    return numpy.array(values, numpy.float64)
