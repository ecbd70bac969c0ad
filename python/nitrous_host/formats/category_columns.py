"""Data frames with columns of categories, for boosters that were trained on such columns of pandas and keep what they held."""

from __future__ import annotations

from typing import Any, Sequence

from nitrous_host.errors import HostError
from nitrous_host.formats.tabular import Form, Table
from nitrous_host.payload import Payload

# By column, the categories in the order of training.
Categories = dict[str, list[Any]]


def category_form(names: Sequence[str], categories: Categories, refuses_unknown: bool) -> Form:
    """
    A form for a booster's data frame. A value that training did not have is refused, or missing, as the framework has it. Raises
    ImportError without pandas.
    """
    import pandas

    from nitrous_host.formats.frame import to_frame

    def read(payload: Payload) -> Table:
        frame = to_frame(payload, names)
        for name in names:
            known = categories.get(name)
            if known is None:
                frame[name] = _as_numbers(name, frame[name])
            else:
                frame[name] = _as_categories(name, frame[name] if _is_text(known) else _as_numbers(name, frame[name]), known, refuses_unknown)
        return frame

    def inputs(_table: Table | None) -> list[dict[str, Any]]:
        return [{"name": name, "datatype": "BYTES" if _is_text(categories.get(name, [0])) else "FP64", "shape": [-1]} for name in names]

    values = {name: [0.0, 1.0] if name not in categories else [categories[name][0], categories[name][-1]] for name in names}
    sample = pandas.DataFrame(
        {name: pandas.Categorical(pair, categories=categories[name]) if name in categories else pair for name, pair in values.items()}
    )
    return Form("frame", read, inputs, None, sample)


def _as_numbers(name: str, column: Any) -> Any:
    if column.dtype.kind in "iufb":
        return column
    try:
        return column.astype("float64")
    except (ValueError, TypeError) as error:
        raise HostError("INVALID_ARGUMENT", f"column '{name}' must hold numbers: {error}") from error


def _as_categories(name: str, column: Any, known: list[Any], refuses_unknown: bool) -> Any:
    import pandas

    by_value = {value: value for value in known}
    matched = [by_value.get(value) for value in column]
    if refuses_unknown:
        unknown = next((value for value, match in zip(column, matched) if match is None and value == value and value is not None), None)
        if unknown is not None:
            shown = ", ".join(map(str, known[:10])) + (", …" if len(known) > 10 else "")
            raise HostError("INVALID_ARGUMENT", f"column '{name}' cannot be {unknown!r}, which training did not have; it had {shown}")
    return pandas.Categorical(matched, categories=known)


def _is_text(categories: list[Any]) -> bool:
    return bool(categories) and all(isinstance(category, str) for category in categories)
