"""OutputFields: what a model tells of its answer (https://dmg.org/pmml/v4-4-1/Output.html)."""

from __future__ import annotations

from typing import Any, Callable

from nitrous_host.pmml.context import Context, Scope
from nitrous_host.pmml.document import Element, Malformed, Unsupported
from nitrous_host.pmml.expressions import compile_expression, expression_in
from nitrous_host.pmml.result import Result
from nitrous_host.pmml.targets import Target
from nitrous_host.pmml.values import Value, cast, check_datatype

Read = Callable[[Result, Context], Value]


class OutputField:
    def __init__(self, element: Element, scope: Scope, target: Target, datatype: str | None) -> None:
        """`datatype` is the one of the target."""
        self.name = element.required("name")
        feature = element.get("feature", "predictedValue") or ""
        given = element.get("dataType")
        self.datatype = check_datatype(given) if given is not None else _datatype_of(feature, datatype)
        if element.get("segmentId") is not None:
            raise Unsupported("segmentId of <OutputField>")
        self._read = _reader(feature, element, scope, target, datatype)

    def value(self, result: Result, context: Context) -> Value:
        value = self._read(result, context)
        return value if value is None or self.datatype is None else cast(value, self.datatype)


def _datatype_of(feature: str, target: str | None) -> str | None:
    if feature in ("predictedValue", "transformedValue", "decision"):
        return target if feature == "predictedValue" else None
    return "double" if feature in ("probability", "confidence", "affinity", "clusterAffinity", "entityAffinity") else "string"


def _reader(feature: str, element: Element, scope: Scope, target: Target, datatype: str | None) -> Read:
    if feature == "predictedValue":
        return lambda result, _context: result.value
    if feature == "predictedDisplayValue":
        return lambda result, _context: target.display(result.value)
    if feature in ("transformedValue", "decision"):
        expression = compile_expression(expression_in(element), scope)
        return lambda _result, context: expression(context)
    if feature in ("probability", "confidence"):
        return _share(element, feature, datatype)
    if feature in ("entityId", "clusterId"):
        return lambda result, _context: result.entity
    if feature in ("affinity", "clusterAffinity", "entityAffinity"):
        name = element.get("value")
        return lambda result, _context: result.affinities.get(name or result.entity or "")
    if feature == "reasonCode":
        rank = int(element.number("rank", 1.0))
        return lambda result, _context: result.reason_codes[rank - 1] if 0 < rank <= len(result.reason_codes) else None
    raise Unsupported(f'feature="{feature}" of <OutputField>')


def _share(element: Element, feature: str, datatype: str | None) -> Read:
    text = element.get("value")
    try:
        wanted: Any = text if text is None or datatype is None else cast(text, datatype)
    except ValueError:
        raise Malformed(f'<OutputField value="{text}"> is no {datatype}') from None

    def run(result: Result, _context: Context) -> Value:
        if result.value is None:
            return None
        # Confidences are probabilities where a model does not tell them apart.
        shares = result.probabilities if feature == "probability" else result.confidences or result.probabilities
        return shares.get(result.value if wanted is None else wanted, 0.0)

    return run
