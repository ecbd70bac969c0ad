"""Predicates: true, false, or None where a missing value leaves it open."""

from __future__ import annotations

import operator
from typing import Any, Callable

from nitrous_host.pmml.context import Context, Scope
from nitrous_host.pmml.document import Element, Malformed, Unsupported, array_of
from nitrous_host.pmml.functions import conjunction, disjunction
from nitrous_host.pmml.values import NUMBERS, cast

Predicate = Callable[[Context], "bool | None"]

TAGS = ("True", "False", "SimplePredicate", "SimpleSetPredicate", "CompoundPredicate")
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equal": operator.eq,
    "notEqual": operator.ne,
    "lessThan": operator.lt,
    "lessOrEqual": operator.le,
    "greaterThan": operator.gt,
    "greaterOrEqual": operator.ge,
}


def predicate_in(element: Element, scope: Scope) -> Predicate:
    """The predicate among the children of an element. Raises Malformed, Unsupported."""
    return compile_predicate(element.only(TAGS, "predicate"), scope)


def compile_predicate(element: Element, scope: Scope) -> Predicate:
    if element.tag == "True":
        return lambda _context: True
    if element.tag == "False":
        return lambda _context: False
    if element.tag == "SimplePredicate":
        return _simple(element, scope)
    return _set(element, scope) if element.tag == "SimpleSetPredicate" else _compound(element, scope)


def _simple(element: Element, scope: Scope) -> Predicate:
    name, kind = element.required("field"), element.required("operator")
    datatype = scope.datatype(name)
    if kind == "isMissing":
        return lambda context: context.get(name) is None
    if kind == "isNotMissing":
        return lambda context: context.get(name) is not None
    compare = COMPARISONS.get(kind)
    if compare is None:
        raise Unsupported(f'operator="{kind}" of <SimplePredicate>')
    limit = _limit(element.required("value"), datatype, name, kind)

    def run(context: Context) -> bool | None:
        value = context.get(name)
        return None if value is None else compare(value, limit)

    return run


def _limit(text: str, datatype: str | None, name: str, kind: str) -> Any:
    # A field whose values come as they are is one of another model's outputs; only numbers have an order.
    wanted = datatype or ("string" if kind in ("equal", "notEqual") else "double")
    if datatype in ("string", "boolean") and kind not in ("equal", "notEqual"):
        raise Unsupported(f"an order of the {datatype} field {name}")
    try:
        return cast(text, "double" if wanted in NUMBERS and wanted != "float" else wanted)
    except ValueError:
        if kind in ("equal", "notEqual"):
            return text
        raise Malformed(f"<SimplePredicate> compares field {name} with {text!r}") from None


def _set(element: Element, scope: Scope) -> Predicate:
    name = element.required("field")
    datatype = scope.datatype(name) or "string"
    is_in = element.choice("booleanOperator", "isIn", "isNotIn") == "isIn"
    values = set()
    for text in array_of(element.only(("Array",), "<Array>")):
        try:
            values.add(cast(text, datatype))
        except ValueError:
            continue

    def run(context: Context) -> bool | None:
        value = context.get(name)
        return None if value is None else (value in values) == is_in

    return run


def _compound(element: Element, scope: Scope) -> Predicate:
    kind = element.choice("booleanOperator", "and", "or", "xor", "surrogate")
    parts = [compile_predicate(child, scope) for child in element.all(*TAGS)]
    if not parts:
        raise Malformed("<CompoundPredicate> has no predicates")
    if kind == "surrogate":
        return lambda context: next((flag for part in parts if (flag := part(context)) is not None), None)
    if kind == "and":
        return lambda context: conjunction(*(part(context) for part in parts))
    if kind == "or":
        return lambda context: disjunction(*(part(context) for part in parts))

    def exclusive(context: Context) -> bool | None:
        flags = [part(context) for part in parts]
        return None if None in flags else sum(bool(flag) for flag in flags) % 2 == 1

    return exclusive
