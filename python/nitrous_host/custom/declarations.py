"""What a class, a module or the decorator `nitrous.method` declares of methods: for all of them, or for each by name."""

from __future__ import annotations

from typing import Any

from nitrous_host.custom.definition import Definition, mark_of
from nitrous_host.errors import HostError

# Yes or no for every method, or the names of those that are.
SWITCHES = ("batchable", "stateful")
# Values by input or output of the default method, or those by method.
TABLES = ("inputs", "outputs", "padding", "unpad", "example")
NAMES = ("cost",)
# The server asks for these once; those of an instance are a model's own.
OF_THE_CLASS = ("padding", "unpad", "cost")


def declarations_of(definition: Definition, instance: Any) -> dict[str, dict[str, Any]]:
    """By method the declarations that it has. Raises HostError INVALID_ARGUMENT for a name that is no method's."""
    found: dict[str, dict[str, Any]] = {name: {} for name in definition.functions}
    for attribute in (*SWITCHES, *TABLES, *NAMES):
        value = getattr(definition.owner if attribute in OF_THE_CLASS else instance, attribute, None)
        # A method may have one of the other names.
        if value is None or attribute in definition.functions:
            continue
        for name, own in _by_method(attribute, value, definition).items():
            found[name][attribute] = own
    for name, function in definition.functions.items():
        found[name].update({key: value for key, value in mark_of(function).items() if value is not None and key in (*SWITCHES, *TABLES, *NAMES)})
    return found


def _by_method(attribute: str, value: Any, definition: Definition) -> dict[str, Any]:
    names = list(definition.functions)
    if attribute in SWITCHES:
        if isinstance(value, (set, frozenset, list, tuple)):
            value = {name: True for name in value}
        if not isinstance(value, dict):
            return {name: bool(value) for name in names}
    elif not _is_nested(attribute, value, names):
        return {definition.default: value}
    unknown = [str(name) for name in value if name not in names]
    if unknown:
        raise HostError("INVALID_ARGUMENT", f"{attribute} names '{unknown[0]}', which is no method; there are {', '.join(names)}")
    return dict(value)


def _is_nested(attribute: str, value: Any, names: list[str]) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    if attribute in NAMES:
        return True
    if attribute == "example":
        return all(name in names and isinstance(own, dict) for name, own in value.items())
    return all(isinstance(own, dict) for own in value.values())
