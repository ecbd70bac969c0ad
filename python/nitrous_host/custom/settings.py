"""What a model's resource says, as keyword arguments of its `__init__` and its `load`."""

from __future__ import annotations

import inspect
import json
from typing import Any, Callable

from nitrous_host import settings as convert
from nitrous_host.custom.hints import Hint, hints_of
from nitrous_host.errors import HostError

KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Settings:
    """Hands each setting to whichever function takes it, converted by its type hint."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._taken: set[str] = set()
        self._known: list[str] = []

    def keywords(self, function: Callable[..., Any], besides: tuple[str, ...] = ()) -> dict[str, Any]:
        """Those that a bound function or a class takes. Raises HostError INVALID_ARGUMENT for a value that is not of the hint's type."""
        try:
            parameters = inspect.signature(function).parameters
        except ValueError:
            return {}
        hints = hints_of(function.__init__ if inspect.isclass(function) else function)  # type: ignore[misc]
        known = {name: hints.get(name, Hint()) for name, each in parameters.items() if each.kind in KEYWORDS and name not in besides}
        self._known += [name for name in known if name not in self._known]
        if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
            known = {**{name: Hint() for name in self._given}, **known}
        taken = {name: _converted(name, self._given[name], hint) for name, hint in known.items() if name in self._given}
        self._taken |= taken.keys()
        return taken

    def refuse_the_rest(self, what: str) -> None:
        """Raises HostError INVALID_ARGUMENT for settings that nothing has taken."""
        unknown = sorted(self._given.keys() - self._taken)
        if unknown:
            raise HostError(
                "INVALID_ARGUMENT",
                f"{what} takes no setting {', '.join(unknown)}; it takes {', '.join(self._known) or 'none'}: they are the keyword arguments of __init__ and load",
            )


def _converted(name: str, value: Any, hint: Hint) -> Any:
    try:
        return _value(value, hint)
    except (TypeError, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"the setting {name} is {value!r}: {error}") from error


def _value(value: Any, hint: Hint) -> Any:
    if hint.optional and (value is None or value in ("none", "null")):
        return None
    if hint.choices and value not in hint.choices:
        raise ValueError(f"expected one of {', '.join(map(str, hint.choices))}")
    if hint.kind in ("value", "json", "record") and (hint.depth > 0 or hint.kind != "value"):
        return _json(value, dict if hint.depth == 0 else list)
    converters: dict[Any, Callable[[Any], Any]] = {bool: convert.flag, int: convert.integer, float: convert.number, str: convert.text}
    return converters[hint.type](value) if hint.type in converters else value


def _json(value: Any, expected: type) -> Any:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, expected):
        raise ValueError(f"expected {'a list' if expected is list else 'an object'} in JSON")
    return found
