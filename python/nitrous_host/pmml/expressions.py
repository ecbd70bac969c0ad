"""Expressions of transformations (https://dmg.org/pmml/v4-4-1/Transformations.html), compiled to functions of a context."""

from __future__ import annotations

import math
from typing import Any

from nitrous_host.pmml import functions
from nitrous_host.pmml.context import Context, Expression, Scope
from nitrous_host.pmml.document import Element, Malformed, Unsupported, local_name
from nitrous_host.pmml.intervals import Interval
from nitrous_host.pmml.norms import compile_norm_continuous
from nitrous_host.pmml.values import Misfit, Value, cast, check_datatype

FAILURES = (ArithmeticError, ValueError, TypeError)


def compile_expression(element: Element, scope: Scope) -> Expression:
    """Raises Unsupported and Malformed."""
    compiler = COMPILERS.get(element.tag)
    if compiler is None:
        raise Unsupported(f"<{element.tag}>")
    return compiler(element, scope)


def compile_derived(element: Element, scope: Scope) -> Expression:
    """A DerivedField or a DefineFunction: its expression, in its datatype."""
    expression = compile_expression(expression_in(element), scope)
    datatype = element.get("dataType")
    if datatype is None:
        return expression
    return converted(expression, check_datatype(datatype), element.get("name", "") or "")


def converted(expression: Expression, datatype: str, name: str) -> Expression:
    """The expression's values in a datatype; a context raises Misfit for one that it does not have."""

    def run(context: Context) -> Value:
        value = expression(context)
        try:
            return cast(value, datatype)
        except (ValueError, OverflowError):
            raise Misfit(f"'{name}' would be {value!r}, which is no {datatype}") from None

    return run


def expression_in(element: Element) -> Element:
    """The expression among the children. Raises Malformed where there is none, Unsupported for one that is not covered."""
    found = next((child for child in element.children if child.tag not in ("Extension", "ParameterField", "Value", "Decisions")), None)
    if found is None:
        raise Malformed(f"<{element.tag} {element.get('name', '')}> has no expression")
    return found


def _field_ref(element: Element, scope: Scope) -> Expression:
    name = element.required("field")
    substitute = _typed(element.get("mapMissingTo"), scope.datatype(name))
    if substitute is None:
        return lambda context: context.get(name)

    def run(context: Context) -> Value:
        value = context.get(name)
        return substitute if value is None else value

    return run


def _constant(element: Element, _scope: Scope) -> Expression:
    if element.get("missing") == "true":
        return lambda _context: None
    datatype = element.get("dataType")
    value: Value = element.text
    if datatype is not None:
        value = _typed(element.text, check_datatype(datatype))
    else:
        for kind in (int, float):
            try:
                value = kind(element.text)
                break
            except ValueError:
                continue
    return lambda _context: value


def _norm_discrete(element: Element, scope: Scope) -> Expression:
    name = element.required("field")
    wanted = _typed(element.required("value"), scope.datatype(name))
    missing = None if element.get("mapMissingTo") is None else element.number("mapMissingTo")

    def run(context: Context) -> Value:
        value = context.get(name)
        if value is None:
            return missing
        return 1.0 if value == wanted else 0.0

    return run


def _discretize(element: Element, scope: Scope) -> Expression:
    name = element.required("field")
    scope.datatype(name)
    bins = [(Interval(each.only(("Interval",), "<Interval>")), each.required("binValue")) for each in element.all("DiscretizeBin")]
    missing, default = element.get("mapMissingTo"), element.get("defaultValue")

    def run(context: Context) -> Value:
        value = context.get(name)
        if value is None:
            return missing
        return next((text for interval, text in bins if interval.holds(value)), default)

    return run


def _map_values(element: Element, scope: Scope) -> Expression:
    pairs = [(pair.required("field"), local_name(pair.required("column"))) for pair in element.all("FieldColumnPair")]
    output = local_name(element.required("outputColumn"))
    table: dict[tuple[Value, ...], str] = {}
    for row in element.only(("InlineTable",), "<InlineTable>").all("row"):
        cells = {cell.tag: cell.text for cell in row.children}
        if output in cells and all(column in cells for _, column in pairs):
            table.setdefault(tuple(_typed(cells[column], scope.datatype(name)) for name, column in pairs), cells[output])
    names = [name for name, _ in pairs]
    missing, default = element.get("mapMissingTo"), element.get("defaultValue")

    def run(context: Context) -> Value:
        key = tuple(context.get(name) for name in names)
        return missing if None in key else table.get(key, default)

    return converted(run, check_datatype(element.get("dataType") or "string"), "MapValues")


def _apply(element: Element, scope: Scope) -> Expression:
    name = element.required("function")
    arguments = [compile_expression(child, scope) for child in element.children if child.tag != "Extension"]
    default = _number_or_text(element.get("defaultValue"))
    missing = _number_or_text(element.get("mapMissingTo"))
    if name == "if":
        return _condition(arguments, missing)
    function = functions.LENIENT.get(name) or functions.AGGREGATES.get(name) or functions.STRICT.get(name) or scope.functions.get(name)
    if function is None:
        raise Unsupported(f"the function {name}")
    is_strict, skips_missing = name in functions.STRICT, name in functions.AGGREGATES

    def run(context: Context) -> Value:
        values = [argument(context) for argument in arguments]
        if missing is not None and any(value is None for value in values):
            return missing
        if skips_missing:
            values = [value for value in values if value is not None]
        if (is_strict and None in values) or (skips_missing and not values):
            return default
        try:
            result = function(*values)
        except FAILURES as error:
            if isinstance(error, OverflowError):
                return math.inf
            raise Misfit(f"the function {name} does not take {', '.join(map(repr, values))}: {error}") from None
        return default if result is None else result

    return run


def _condition(arguments: list[Expression], missing: Value) -> Expression:
    if len(arguments) not in (2, 3):
        raise Malformed(f"the function if has {len(arguments)} arguments")
    test, yes, *rest = arguments

    def run(context: Context) -> Value:
        flag = test(context)
        if flag is None:
            return missing
        return yes(context) if flag else (rest[0](context) if rest else None)

    return run


def define_function(element: Element, scope: Scope) -> Any:
    """A function of the document's own, of as many arguments as it has ParameterFields."""
    parameters = [field.required("name") for field in element.all("ParameterField")]
    inner = Scope({field.required("name"): field.get("dataType") for field in element.all("ParameterField")}, scope.functions)
    expression = compile_derived(element, inner)

    def call(*values: Value) -> Value:
        context = Context({})
        context.values = dict(zip(parameters, values))
        return expression(context)

    return call


def _typed(text: str | None, datatype: str | None) -> Value:
    if text is None or datatype is None:
        return text
    try:
        return cast(text, datatype)
    except ValueError:
        # A value that the field never has: nothing is equal to it.
        return text


def _number_or_text(text: str | None) -> Value:
    if text is None:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


COMPILERS = {
    "FieldRef": _field_ref,
    "Constant": _constant,
    "NormContinuous": compile_norm_continuous,
    "NormDiscrete": _norm_discrete,
    "Discretize": _discretize,
    "MapValues": _map_values,
    "Apply": _apply,
}
