"""RegressionModel (https://dmg.org/pmml/v4-4-1/Regression.html)."""

from __future__ import annotations

import math
from typing import Callable

from nitrous_host.pmml.context import Context, Scope
from nitrous_host.pmml.document import Element, Malformed, Unsupported
from nitrous_host.pmml.result import Result, most_probable
from nitrous_host.pmml.values import Value, cast

Term = Callable[[Context], "float | None"]


def logistic(value: float) -> float:
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    power = math.exp(value) if value > -745 else 0.0
    return power / (1 + power)


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf


# What the sum of a table becomes.
LINKS: dict[str, Callable[[float], float]] = {
    "none": lambda value: value,
    "logit": logistic,
    "exp": _exp,
    "probit": lambda value: (1 + math.erf(value / math.sqrt(2))) / 2,
    "cloglog": lambda value: 1 - math.exp(-_exp(value)),
    "loglog": lambda value: math.exp(-_exp(-value)),
    "cauchit": lambda value: 0.5 + math.atan(value) / math.pi,
}


class Table:
    """One sum of products."""

    def __init__(self, element: Element, scope: Scope, datatype: str) -> None:
        self._intercept = element.number("intercept", 0.0)
        self._terms: list[Term] = [_TERMS[child.tag](child, scope) for child in element.children if child.tag in _TERMS]
        target = element.get("targetCategory")
        self.target: Value = None if target is None else cast(target, datatype)

    def sum(self, context: Context) -> float | None:
        """None when a number is missing."""
        total = self._intercept
        for term in self._terms:
            part = term(context)
            if part is None:
                return None
            total += part
        return total


class Regression:
    """A sum for a number, or one for each class."""

    def __init__(self, element: Element, scope: Scope, datatype: str, optype: str) -> None:
        self._classifies = element.required("functionName") == "classification"
        self._tables = [Table(table, scope, datatype) for table in element.all("RegressionTable")]
        if not self._tables:
            raise Malformed("<RegressionModel> has no <RegressionTable>")
        kind = element.choice("normalizationMethod", "none", "softmax", "simplemax", *(name for name in LINKS if name != "none"))
        self._kind = kind
        count = len(self._tables)
        if not self._classifies and kind in ("softmax", "simplemax"):
            # With one table, PMML says that softmax is logit.
            if kind == "simplemax" or count != 1:
                raise Unsupported(f'normalizationMethod="{kind}" of a regression')
            self._kind = "logit"
        if self._classifies and (count < 2 or (count > 2 and (optype == "ordinal" or kind not in ("none", "softmax", "simplemax")))):
            raise Unsupported(f'normalizationMethod="{kind}" for {count} classes ({optype})')
        self._check_targets()

    def _check_targets(self) -> None:
        if self._classifies and any(table.target is None for table in self._tables):
            raise Malformed("a <RegressionTable> of a classification has no targetCategory")

    def evaluate(self, context: Context) -> Result:
        if not self._classifies:
            value = self._tables[0].sum(context)
            return Result(None if value is None else LINKS[self._kind](value))
        # The second of two classes is what the first one leaves, whatever its table says.
        binary = len(self._tables) == 2 and self._kind not in ("softmax", "simplemax")
        sums: list[float] = []
        for table in self._tables[: 1 if binary else None]:
            value = table.sum(context)
            if value is None:
                return Result()
            sums.append(value)
        shares = _shares(sums, self._kind, binary)
        probabilities = {table.target: share for table, share in zip(self._tables, shares)}
        return Result(most_probable(probabilities), probabilities)


def _shares(sums: list[float], kind: str, binary: bool) -> list[float]:
    if kind == "softmax":
        greatest = max(sums)
        powers = [math.exp(value - greatest) for value in sums]
        return [power / sum(powers) for power in powers]
    if kind == "simplemax":
        total = sum(sums)
        return [value / total if total else 0.0 for value in sums]
    shares = [LINKS[kind](value) for value in sums]
    return [shares[0], 1 - shares[0]] if binary else shares


def _numeric(element: Element, scope: Scope) -> Term:
    name, coefficient, exponent = element.required("name"), element.number("coefficient"), element.number("exponent", 1.0)
    scope.datatype(name)

    def run(context: Context) -> float | None:
        value = context.get(name)
        if value is None:
            return None
        return coefficient * (value if exponent == 1.0 else math.pow(value, exponent))

    return run


def _categorical(element: Element, scope: Scope) -> Term:
    name, coefficient = element.required("name"), element.number("coefficient")
    text, datatype = element.required("value"), scope.datatype(name)
    try:
        wanted = text if datatype is None else cast(text, datatype)
    except ValueError:
        wanted = text
    return lambda context: coefficient if context.get(name) == wanted else 0.0


def _interaction(element: Element, scope: Scope) -> Term:
    coefficient = element.number("coefficient")
    names = [field.required("field") for field in element.all("FieldRef")]
    for name in names:
        scope.datatype(name)

    def run(context: Context) -> float | None:
        product = coefficient
        for name in names:
            value = context.get(name)
            if value is None:
                return None
            product *= value
        return product

    return run


_TERMS = {"NumericPredictor": _numeric, "CategoricalPredictor": _categorical, "PredictorTerm": _interaction}
