"""Java's .properties files."""

from __future__ import annotations

from nitrous_host.errors import HostError


def read_properties(file: str) -> dict[str, str]:
    """Values by key; lines that end with a backslash go on in the next, `#` and `!` begin comments. Raises HostError INVALID_ARGUMENT."""
    try:
        with open(file, encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HostError("INVALID_ARGUMENT", f"config.properties cannot be read: {error}") from error
    values: dict[str, str] = {}
    logical = ""
    for line in lines:
        line = line.strip() if logical == "" else line.lstrip()
        if logical == "" and line.startswith(("#", "!")):
            continue
        if line.endswith("\\"):
            logical += line[:-1]
            continue
        logical += line
        key, separator, value = logical.partition("=")
        logical = ""
        if separator and key.strip():
            values[key.strip()] = value.strip()
    return values
