"""What names stand for while a model answers a row."""

from __future__ import annotations

from typing import Any, Callable

from nitrous_host.pmml.document import Malformed
from nitrous_host.pmml.values import Value

# What an expression, compiled, computes of a row.
Expression = Callable[["Context"], Value]


class Context:
    """Values by field, the derived ones computed when they are first asked for; a model inside of another sees its fields too."""

    __slots__ = ("given", "values", "derived", "outer")

    def __init__(self, derived: dict[str, Expression], outer: Context | None = None, given: dict[str, Any] | None = None) -> None:
        # The row as it came; fields prepare their values of it when they are asked for, as in JPMML.
        self.given = given or {}
        self.values: dict[str, Any] = {}
        self.derived = derived
        self.outer = outer

    def get(self, name: str) -> Value:
        values = self.values
        if name in values:
            return values[name]
        expression = self.derived.get(name)
        if expression is not None:
            value = values[name] = expression(self)
            return value
        return None if self.outer is None else self.outer.get(name)


class Scope:
    """Datatypes of the names that are known where something is compiled."""

    def __init__(self, datatypes: dict[str, str | None], functions: dict[str, Any], outer: Scope | None = None) -> None:
        self.datatypes = datatypes
        self.functions = functions
        self.outer = outer

    def datatype(self, name: str) -> str | None:
        """None for a name whose values come as they are. Raises Malformed for an unknown one."""
        if name in self.datatypes:
            return self.datatypes[name]
        if self.outer is None:
            raise Malformed(f"it refers to a field '{name}', which it does not define")
        return self.outer.datatype(name)
