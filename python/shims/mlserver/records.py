"""Objects with declared fields that are made from keyword arguments or from JSON."""

from __future__ import annotations

from typing import Any, ClassVar


class Record:
    """Fields are the class's annotations; those without a default must be given. `CONVERT` makes nested objects of JSON."""

    CONVERT: ClassVar[dict[str, Any]] = {}
    EXTRA: ClassVar[bool] = False

    def __init__(self, **values: Any) -> None:
        fields = self.fields()
        unknown = sorted(set(values) - set(fields))
        if unknown and not self.EXTRA:
            raise ValueError(f"{type(self).__name__} has no {', '.join(unknown)}")
        for name in fields:
            if name not in values and not hasattr(type(self), name):
                raise ValueError(f"{type(self).__name__} needs {name}")
        for name in (*fields, *unknown):
            value = values[name] if name in values else _copied(getattr(type(self), name))
            convert = self.CONVERT.get(name)
            setattr(self, name, value if convert is None or value is None else convert(value))

    @classmethod
    def fields(cls) -> list[str]:
        return [name for each in reversed(cls.__mro__) for name, hint in vars(each).get("__annotations__", {}).items() if "ClassVar" not in str(hint)]

    @classmethod
    def model_validate(cls, values: Any) -> Any:
        """Raises ValueError for what is no object of this kind."""
        if isinstance(values, cls):
            return values
        if not isinstance(values, dict):
            raise ValueError(f"expected an object for {cls.__name__}, got {type(values).__name__}")
        return cls(**values)

    parse_obj = model_validate

    def model_dump(self) -> dict[str, Any]:
        return {name: _plain(value) for name, value in vars(self).items() if not name.startswith("_")}

    dict = model_dump

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


def list_of(kind: Any) -> Any:
    return lambda values: [kind.model_validate(value) for value in values]


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, (list, dict)) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.model_dump()
    return [_plain(each) for each in value] if isinstance(value, list) else value
