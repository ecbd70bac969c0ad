"""What a loaded model of any flavour is to the format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator

from nitrous_host.warmup import Framework

# Data in the form of the signature, and the values of its parameters.
Predict = Callable[[Any, "dict[str, Any]"], Any]


@dataclass
class Predictor:
    """
    `row_wise`: it answers row by row. `misfits` are exceptions that say that the data does not fit. `features`: it answers a matrix
    of numbers as a data frame with these columns, whose names it only compares; None when it does not, or nobody knows.
    """

    framework: Framework
    predict: Predict
    row_wise: bool = False
    misfits: tuple[type[Exception], ...] = (ValueError, TypeError)
    features: list[str] | None = None
    stream: Callable[[Any, "dict[str, Any]"], Iterator[Any]] | None = None
