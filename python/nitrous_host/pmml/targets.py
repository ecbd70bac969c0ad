"""What Targets make of a number that a model answers (https://dmg.org/pmml/v4-4-1/Targets.html)."""

from __future__ import annotations

import math
from typing import Callable

from nitrous_host.pmml.document import Element
from nitrous_host.pmml.values import Value

ROUNDINGS: dict[str, Callable[[float], int]] = {
    "round": lambda value: math.floor(value + 0.5),
    "ceiling": math.ceil,
    "floor": math.floor,
}


class Target:
    """Scales and limits numbers, and knows what a missing one is replaced by and how classes are shown."""

    def __init__(self, element: Element | None) -> None:
        element = element or Element("Target", {})
        self._factor = element.number("rescaleFactor", 1.0)
        self._constant = element.number("rescaleConstant", 0.0)
        self._low = element.number("min", -math.inf)
        self._high = element.number("max", math.inf)
        kind = element.choice("castInteger", "", *ROUNDINGS)
        self._round = ROUNDINGS.get(kind or "")
        values = list(element.all("TargetValue"))
        self._default = next((value.number("defaultValue") for value in values if value.get("defaultValue") is not None), None)
        self._displayed = {value.get("value"): value.get("displayValue") for value in values}

    def apply(self, value: Value) -> Value:
        """For the numbers of regressions."""
        if value is None:
            return self._default
        number = min(max(value, self._low), self._high) * self._factor + self._constant
        return self._round(number) if self._round is not None and math.isfinite(number) else number

    def display(self, value: Value) -> Value:
        return self._displayed.get(str(value)) or value
