"""Models that take a table, a numeric matrix or a data frame, and answer arrays with one row for each of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator, NoReturn

import numpy

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.payload import Call, Payload

# A matrix or a data frame.
Table = Any
Output = Callable[[Table], Any]
# Failures of a framework that say that the table does not fit.
MISFITS = (ValueError, TypeError)


@dataclass
class Form:
    """One way in which a model may take its input."""

    # "matrix" or "frame".
    accepts: str
    read: Callable[[Payload], Table]
    # Specifications of the inputs for a table that the model has answered.
    inputs: Callable[[Table], list[dict[str, Any]]]
    # Names of a matrix's columns.
    columns: list[str] | None = None
    # Two rows that differ; None when nothing is known about the input.
    sample: Table | None = None


class TabularModel:
    """
    A loaded model of scikit-learn, XGBoost, LightGBM, CatBoost or PMML; the first of the outputs is the default. An output that is a
    data frame is answered as one tensor for each of its columns, which can be asked for by name too.
    """

    def __init__(
        self,
        description: dict[str, Any],
        read: Callable[[Payload], Table],
        outputs: dict[str, Output],
        misfits: tuple[type[Exception], ...] = MISFITS,
        columns: dict[str, str] | None = None,
    ) -> None:
        """`columns` says of which output a column is, for the outputs that are data frames."""
        self.description = description
        self._read = read
        self._outputs = outputs
        self._default = [next(iter(outputs))]
        self._misfits = misfits
        self._columns = columns or {}

    def infer(self, call: Call) -> Payload:
        return Payload("tensors", self.answer(self._read(call.payload), call.outputs))

    def stream(self, call: Call) -> Iterator[Payload]:
        raise HostError("UNIMPLEMENTED", f"method '{call.method}' does not stream")

    def answer(self, table: Table, names: list[str] | None = None) -> dict[str, numpy.ndarray]:
        """Arrays by output name. Raises HostError INVALID_ARGUMENT for an unknown output or a table that does not fit."""
        if not names:
            names = self._default
        elif self._columns:
            return self._of_columns(table, names)
        answers: dict[str, numpy.ndarray] = {}
        for name in names:
            answer = self._run(table, name)
            if type(answer) is numpy.ndarray:
                answers[name] = answer
            else:
                answers.update(as_arrays(name, answer))
        return answers

    def _of_columns(self, table: Table, names: list[str]) -> dict[str, numpy.ndarray]:
        """Outputs and columns of outputs, each output computed once."""
        found: dict[str, dict[str, numpy.ndarray]] = {}
        answers: dict[str, numpy.ndarray] = {}
        for name in names:
            output = self._columns.get(name, name)
            if output not in found:
                found[output] = as_arrays(output, self._run(table, output))
            answers.update(found[output] if name == output else {name: found[output][name]})
        return answers

    def _run(self, table: Table, name: str) -> Any:
        output = self._outputs.get(name)
        if output is None:
            known = ", ".join([*self._outputs, *self._columns])
            raise HostError("INVALID_ARGUMENT", f"unknown output '{name}'; this model has {known}")
        try:
            return output(table)
        except self._misfits as error:
            _refuse(error)


def as_arrays(name: str, answer: Any) -> dict[str, numpy.ndarray]:
    """
    A framework's answer as arrays: the columns of a data frame (or of a dict of arrays) by their names, anything else (array, sparse
    matrix) by the name of the output. Raises HostError INTERNAL for what is neither.
    """
    if isinstance(answer, dict):
        return answer
    if hasattr(answer, "columns") and hasattr(answer, "to_numpy"):
        return {str(column): answer[column].to_numpy() for column in answer.columns}
    if hasattr(answer, "toarray"):
        return {name: answer.toarray()}
    if isinstance(answer, (list, tuple)):
        raise HostError("INTERNAL", f"the model answered a {type(answer).__name__} of {len(answer)} arrays instead of one")
    return {name: numpy.asarray(answer)}


def _refuse(error: Exception) -> NoReturn:
    # What follows the first line is advice for whoever trains, or a stack trace of XGBoost's library.
    message = str(error).strip().partition("\n")[0] or summary(error)
    raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
