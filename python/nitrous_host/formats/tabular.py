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
    """A loaded model of scikit-learn, XGBoost or LightGBM; the first of the outputs is the default."""

    def __init__(
        self,
        description: dict[str, Any],
        read: Callable[[Payload], Table],
        outputs: dict[str, Output],
        misfits: tuple[type[Exception], ...] = MISFITS,
    ) -> None:
        self.description = description
        self._read = read
        self._outputs = outputs
        self._default = [next(iter(outputs))]
        self._misfits = misfits

    def infer(self, call: Call) -> Payload:
        return Payload("tensors", self.answer(self._read(call.payload), call.outputs))

    def stream(self, call: Call) -> Iterator[Payload]:
        raise HostError("UNIMPLEMENTED", f"method '{call.method}' does not stream")

    def answer(self, table: Table, names: list[str] | None = None) -> dict[str, numpy.ndarray]:
        """Arrays by output name. Raises HostError INVALID_ARGUMENT for an unknown output or a table that does not fit."""
        answers: dict[str, numpy.ndarray] = {}
        for name in names or self._default:
            output = self._outputs.get(name)
            if output is None:
                raise HostError("INVALID_ARGUMENT", f"unknown output '{name}'; this model has {', '.join(self._outputs)}")
            try:
                answer = output(table)
            except self._misfits as error:
                _refuse(error)
            answers[name] = answer if type(answer) is numpy.ndarray else as_array(answer)
        return answers


def as_array(answer: Any) -> numpy.ndarray:
    """A framework's answer (array, sparse matrix, data frame) as an array. Raises HostError INTERNAL for anything else."""
    if hasattr(answer, "toarray"):
        return answer.toarray()
    if isinstance(answer, (list, tuple)):
        raise HostError("INTERNAL", f"the model answered a {type(answer).__name__} of {len(answer)} arrays instead of one")
    return numpy.asarray(answer)


def _refuse(error: Exception) -> NoReturn:
    # What follows the first line is advice for whoever trains, or a stack trace of XGBoost's library.
    message = str(error).strip().partition("\n")[0] or summary(error)
    raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
