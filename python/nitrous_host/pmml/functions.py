"""The functions that expressions apply (https://dmg.org/pmml/v4-4-1/BuiltinFunctions.html)."""

from __future__ import annotations

import math
import statistics
from typing import Any, Callable

from nitrous_host.pmml.values import Value

Function = Callable[..., Value]


def _both(whole: Function) -> Function:
    """PMML's rounding gives a number of the kind that it was given."""
    return lambda value: value if isinstance(value, int) else float(whole(value))


def _divide(left: Any, right: Any) -> Value:
    if isinstance(left, int) and isinstance(right, int):
        # Of two integers, towards zero.
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


def _round(value: float) -> float:
    return math.floor(value + 0.5)


def _substring(text: str, start: int, length: int) -> str:
    return str(text)[start - 1 : start - 1 + length]


def _modulo(left: Any, right: Any) -> Value:
    return left - right * math.floor(left / right)


def _text(value: Value) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _mean(*values: Any) -> float:
    return sum(values) / len(values)


# Missing when one of their arguments is.
STRICT: dict[str, Function] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "equal": lambda a, b: a == b,
    "notEqual": lambda a, b: a != b,
    "lessThan": lambda a, b: a < b,
    "lessOrEqual": lambda a, b: a <= b,
    "greaterThan": lambda a, b: a > b,
    "greaterOrEqual": lambda a, b: a >= b,
    "isIn": lambda value, *values: value in values,
    "isNotIn": lambda value, *values: value not in values,
    "not": lambda a: not a,
    "threshold": lambda a, b: 1 if a > b else 0,
    "abs": abs,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "expm1": math.expm1,
    "ln": math.log,
    "ln1p": math.log1p,
    "log10": math.log10,
    # Not of integers as Python does it: an exponent could ask for any amount of memory.
    "pow": math.pow,
    "hypot": math.hypot,
    "modulo": _modulo,
    "floor": _both(math.floor),
    "ceil": _both(math.ceil),
    "round": _both(_round),
    "rint": _both(round),
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "stdNormalCDF": lambda a: (1 + math.erf(a / math.sqrt(2))) / 2,
    "uppercase": lambda text: str(text).upper(),
    "lowercase": lambda text: str(text).lower(),
    "trimBlanks": lambda text: str(text).strip(),
    "stringLength": lambda text: len(str(text)),
    "substring": _substring,
    "concat": lambda *values: "".join(_text(value) for value in values),
}

# Of the arguments that are not missing.
AGGREGATES: dict[str, Function] = {
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "sum": lambda *values: sum(values),
    "product": lambda *values: math.prod(values),
    "avg": _mean,
    "median": lambda *values: statistics.median(values),
}


def is_missing(value: Value) -> bool:
    return value is None


def is_not_missing(value: Value) -> bool:
    return value is not None


def conjunction(*values: Value) -> Value:
    """PMML's `and`: false as soon as one is, else missing when one is."""
    if any(value is False for value in values):
        return False
    return None if any(value is None for value in values) else True


def disjunction(*values: Value) -> Value:
    """PMML's `or`: true as soon as one is, else missing when one is."""
    if any(value is True for value in values):
        return True
    return None if any(value is None for value in values) else False


# These see what is missing.
LENIENT: dict[str, Function] = {
    "isMissing": is_missing,
    "isNotMissing": is_not_missing,
    "isValid": is_not_missing,
    "isNotValid": is_missing,
    "and": conjunction,
    "or": disjunction,
}
