"""What a model's resource says to its loader: KServe's arguments as text, files' settings with their JSON types."""

from __future__ import annotations

from typing import Any, Callable

from nitrous_host.errors import HostError

TRUE = {"true", "1", "yes", "on"}
FALSE = {"false", "0", "no", "off"}


def read_settings(given: dict[str, Any], known: dict[str, Callable[[Any], Any]], warnings: list[str]) -> dict[str, Any]:
    """
    Values of the known settings that are given, each converted by its function (`str`, `integer`, `number`, `flag`, `one_of(...)`).
    An unknown one adds a warning. Raises HostError INVALID_ARGUMENT for a value that its function refuses with ValueError.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        names = ", ".join(f"--{name}" for name in unknown)
        warnings.append(f"{names} {'has' if len(unknown) == 1 else 'have'} no effect; known are {', '.join(f'--{name}' for name in sorted(known)) or 'none'}")
    values: dict[str, Any] = {}
    for name, convert in known.items():
        if name in given:
            try:
                values[name] = convert(given[name])
            except (TypeError, ValueError) as error:
                raise HostError("INVALID_ARGUMENT", f"the setting {name} is {given[name]!r}: {error}") from error
    return values


def flag(value: Any) -> bool:
    """True, or text that says yes or no."""
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text not in TRUE | FALSE:
        raise ValueError("expected true or false")
    return text in TRUE


def integer(value: Any) -> int:
    """A whole number, also as text."""
    if isinstance(value, bool):
        raise ValueError("expected a whole number")
    try:
        return int(value)
    except ValueError:
        raise ValueError("expected a whole number") from None


def number(value: Any) -> float:
    """A number, also as text."""
    if isinstance(value, bool):
        raise ValueError("expected a number")
    try:
        return float(value)
    except ValueError:
        raise ValueError("expected a number") from None


def text(value: Any) -> str:
    """Text; an option without a value is none."""
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def one_of(*choices: str) -> Callable[[Any], str]:
    """One of some words."""

    def convert(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return value

    return convert
