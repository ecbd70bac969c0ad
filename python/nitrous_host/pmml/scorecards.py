"""Scorecard (https://dmg.org/pmml/v4-4-1/Scorecard.html): points for attributes, and reasons for those that were lost."""

from __future__ import annotations

from dataclasses import dataclass

from nitrous_host.pmml.context import Context, Expression, Scope
from nitrous_host.pmml.document import Element, Malformed
from nitrous_host.pmml.expressions import compile_expression, expression_in
from nitrous_host.pmml.predicates import Predicate, predicate_in
from nitrous_host.pmml.result import Result


@dataclass
class Attribute:
    predicate: Predicate
    score: Expression
    reason: str | None


@dataclass
class Characteristic:
    attributes: list[Attribute]
    baseline: float | None


class Scorecard:
    def __init__(self, element: Element, scope: Scope) -> None:
        self._initial = element.number("initialScore", 0.0)
        self._uses_reasons = element.get("useReasonCodes", "true") == "true"
        self._points_above = element.choice("reasonCodeAlgorithm", "pointsBelow", "pointsAbove") == "pointsAbove"
        baseline = None if element.get("baselineScore") is None else element.number("baselineScore")
        characteristics = element.only(("Characteristics",), "<Characteristics>")
        self._characteristics = [_characteristic(each, scope, baseline) for each in characteristics.all("Characteristic")]
        reasons_are_given = all(
            each.baseline is not None and all(attribute.reason is not None for attribute in each.attributes) for each in self._characteristics
        )
        if self._uses_reasons and not reasons_are_given:
            raise Malformed("<Scorecard> uses reason codes, and not every attribute has one with a baselineScore")

    def evaluate(self, context: Context) -> Result:
        total = self._initial
        lost: dict[str, float] = {}
        for characteristic in self._characteristics:
            attribute = next((each for each in characteristic.attributes if each.predicate(context)), None)
            points = None if attribute is None else attribute.score(context)
            if attribute is None or points is None:
                return Result()
            total += points
            if self._uses_reasons and attribute.reason is not None and characteristic.baseline is not None:
                difference = points - characteristic.baseline if self._points_above else characteristic.baseline - points
                lost[attribute.reason] = lost.get(attribute.reason, 0.0) + difference
        reasons = sorted((reason for reason, points in lost.items() if points >= 0), key=lambda reason: -lost[reason])
        return Result(total, reason_codes=reasons)


def _characteristic(element: Element, scope: Scope, baseline: float | None) -> Characteristic:
    own = element.number("baselineScore") if element.get("baselineScore") is not None else baseline
    reason = element.get("reasonCode")
    return Characteristic([_attribute(each, scope, reason) for each in element.all("Attribute")], own)


def _attribute(element: Element, scope: Scope, reason: str | None) -> Attribute:
    complex_score = element.find("ComplexPartialScore")
    if complex_score is not None:
        score = compile_expression(expression_in(complex_score), scope)
    else:
        points = element.number("partialScore")

        def score(_context: Context) -> float:
            return points

    return Attribute(predicate_in(element, scope), score, element.get("reasonCode") or reason)
