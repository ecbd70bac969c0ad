"""The inputs of a fitted scikit-learn estimator, found by walking through its pipelines and column transformers."""

from __future__ import annotations

import math
from typing import Any, Iterator, Sequence

import numpy

from nitrous_host.formats.matrix import to_matrix
from nitrous_host.formats.tabular import Form, Table
from nitrous_host.payload import Payload

# Two values that each column has had, by column: names, or positions where the estimator knows no names.
Known = dict[Any, tuple[Any, Any]]


def forms_of(estimator: Any) -> list[Form]:
    """The forms in which the estimator may take its input, the most likely one first."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and all(isinstance(name, str) for name in names):
        columns = [str(name) for name in names]
        known = _known_values(estimator, columns)
        frames = [_frame_form(columns, known, filler) for filler in ((0.0, 1.0), ("", "a"))]
        needs_names = any(True for _ in _column_transformers(estimator)) or _has_text(known)
        return frames if needs_names else [_matrix_form(columns, len(columns), known), *frames]
    if _takes_documents(estimator):
        return [_document_form()]
    width = getattr(estimator, "n_features_in_", None)
    return [_matrix_form(None, width, _known_values(estimator, list(range(width))) if width else {})]


def _matrix_form(columns: list[str] | None, width: int | None, known: Known) -> Form:
    sample = None
    if width is not None:
        keys: Sequence[Any] = columns or range(width)
        sample = numpy.array([[known.get(key, (0.0, 1.0))[row] for key in keys] for row in range(2)], object if _has_text(known) else float)

    def inputs(table: Table | None) -> list[dict[str, Any]]:
        is_text = table is not None and table.dtype == object and all(isinstance(value, str) for value in table.flat)
        shape = [-1, width or -1] if table is None else [-1, *table.shape[1:]]
        return [{"name": "input-0", "datatype": "BYTES" if is_text else "FP64", "shape": shape}]

    return Form("matrix", lambda payload: to_matrix(payload, columns), inputs, columns, sample)


def _frame_form(columns: list[str], known: Known, filler: tuple[Any, Any]) -> Form:
    from nitrous_host.formats.frame import to_frame

    values = {name: known.get(name, filler) for name in columns}
    sample = to_frame(Payload("columns", {name: list(pair) for name, pair in values.items()}), columns)

    def inputs(table: Table) -> list[dict[str, Any]]:
        return [{"name": name, "datatype": "BYTES" if table[name].dtype == object else "FP64", "shape": [-1]} for name in columns]

    return Form("frame", lambda payload: to_frame(payload, columns), inputs, None, sample)


def _document_form() -> Form:
    def read(payload: Payload) -> Table:
        return to_matrix(payload, None).reshape(-1)

    sample = numpy.array(["an example", "another text"], dtype=object)
    return Form("matrix", read, lambda table: [{"name": "input-0", "datatype": "BYTES", "shape": [-1]}], None, sample)


def _takes_documents(estimator: Any) -> bool:
    """Vectorizers of sklearn.feature_extraction.text take one string for each row."""
    steps = _steps(estimator)
    return _takes_documents(steps[0]) if steps else hasattr(estimator, "build_analyzer")


def _has_text(known: Known) -> bool:
    return any(isinstance(value, str) for pair in known.values() for value in pair)


def _steps(estimator: Any) -> list[Any]:
    """The steps of a pipeline that do something."""
    steps = getattr(estimator, "steps", None) or []
    return [step for _, step in steps if step is not None and step != "passthrough"]


def _column_transformers(estimator: Any) -> Iterator[Any]:
    """Those at the entrance, which select columns of the input itself."""
    if hasattr(estimator, "transformers_"):
        yield estimator
    for step in _steps(estimator)[:1]:
        yield from _column_transformers(step)
    for _, part in getattr(estimator, "transformer_list", ()):
        yield from _column_transformers(part)


def _known_values(estimator: Any, columns: list[Any]) -> Known:
    """Values that fitted encoders, imputers and scalers have seen; the first to say something of a column is believed."""
    if hasattr(estimator, "transformers_"):
        known: Known = {}
        for _, part, selection in estimator.transformers_:
            if not isinstance(part, str):
                known = {**_known_values(part, _selected(selection, columns)), **known}
        return known
    if hasattr(estimator, "transformer_list"):
        known = {}
        for _, part in estimator.transformer_list:
            known = {**_known_values(part, columns), **known}
        return known
    steps = _steps(estimator)
    if not steps:
        return _own_values(estimator, columns)
    known = {}
    for step in steps:
        # Behind a step that changes the columns, the next ones see other columns.
        if getattr(step, "n_features_in_", None) != len(columns) and not hasattr(step, "build_analyzer"):
            break
        known = {**_known_values(step, columns), **known}
        if hasattr(step, "categories_") or hasattr(step, "transformers_"):
            break
    return known


def _own_values(estimator: Any, columns: list[Any]) -> Known:
    if hasattr(estimator, "build_analyzer"):
        return {column: ("an example", "another text") for column in columns}
    categories = getattr(estimator, "categories_", None)
    if categories is not None and len(categories) == len(columns):
        return {column: pair for column, values in zip(columns, categories) if (pair := _first_two(values)) is not None}
    for attribute in ("mean_", "center_", "statistics_"):
        centers = getattr(estimator, attribute, None)
        if centers is not None and numpy.shape(centers) == (len(columns),):
            return {column: pair for column, center in zip(columns, centers) if (pair := _around(center)) is not None}
    return {}


def _first_two(values: Any) -> tuple[Any, Any] | None:
    """Two categories (or the only one twice), without the missing ones."""
    present = [value for value in numpy.asarray(values, dtype=object).tolist() if isinstance(value, (str, int, float)) and value == value]
    return (present[0], present[min(1, len(present) - 1)]) if present else None


def _around(center: Any) -> tuple[Any, Any] | None:
    if isinstance(center, str):
        return center, center
    number = float(center) if isinstance(center, (int, float, numpy.number)) else math.nan
    return (number, number + 1) if math.isfinite(number) else None


def _selected(selection: Any, columns: list[Any]) -> list[Any]:
    """The columns that a fitted column transformer gives to one of its parts."""
    if isinstance(selection, str):
        return [selection]
    if isinstance(selection, (int, numpy.integer)):
        return [columns[selection]]
    if isinstance(selection, slice):
        if isinstance(selection.start, str) or isinstance(selection.stop, str):
            start = columns.index(selection.start) if selection.start is not None else 0
            stop = columns.index(selection.stop) + 1 if selection.stop is not None else len(columns)
            return columns[start:stop]
        return columns[selection]
    chosen = list(selection)
    if chosen and isinstance(chosen[0], (bool, numpy.bool_)):
        return [column for column, taken in zip(columns, chosen) if taken]
    return [columns[item] if isinstance(item, (int, numpy.integer)) else item for item in chosen]
