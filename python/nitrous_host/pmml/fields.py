"""The fields of a document and what a model does with values of them that are missing, invalid or too far out."""

from __future__ import annotations

from typing import Any

from nitrous_host.pmml.document import Element, Malformed, Unsupported
from nitrous_host.pmml.intervals import Interval
from nitrous_host.pmml.values import NUMBERS, Misfit, Value, cast, check_datatype, is_missing


class DataField:
    """A field of the data dictionary."""

    def __init__(self, element: Element) -> None:
        self.name = element.required("name")
        self.datatype = check_datatype(element.required("dataType"))
        self.optype = element.choice("optype", "categorical", "continuous", "ordinal")
        values = list(element.all("Value"))
        self.missing = {value.required("value") for value in values if value.get("property") == "missing"}
        self.invalid = {value.required("value") for value in values if value.get("property") == "invalid"}
        valid = [value.required("value") for value in values if value.get("property", "valid") == "valid"]
        try:
            self.categories: list[Value] = [cast(value, self.datatype) for value in valid]
        except ValueError:
            raise Malformed(f"field {self.name} has a <Value> that is no {self.datatype}") from None
        self.known = set(self.categories)
        self.intervals = [Interval(interval) for interval in element.all("Interval")]

    def is_valid(self, value: Value) -> bool:
        if self.invalid and str(value) in self.invalid:
            return False
        if self.optype == "continuous" and self.intervals:
            return any(interval.holds(value) for interval in self.intervals)
        return not self.known or value in self.known


class MiningField:
    """How one model uses a field."""

    def __init__(self, element: Element, field: DataField | None) -> None:
        self.name = element.required("name")
        self.usage = element.get("usageType", "active")
        self.field = field
        self.datatype = field.datatype if field is not None else None
        self.replacement = self._typed(element, "missingValueReplacement")
        element.choice("missingValueTreatment", "asIs", "asMean", "asMode", "asMedian", "asValue", "returnInvalid")
        self.needs_value = element.get("missingValueTreatment") == "returnInvalid"
        self.invalid = element.choice("invalidValueTreatment", "returnInvalid", "asIs", "asMissing", "asValue")
        self.invalid_replacement = self._typed(element, "invalidValueReplacement")
        self.outliers = element.choice("outliers", "asIs", "asMissingValues", "asExtremeValues")
        self.low = element.number("lowValue", float("-inf"))
        self.high = element.number("highValue", float("inf"))

    def prepare(self, given: Any) -> Value:
        """The value of a request's row as the model takes it. Raises Misfit."""
        field = self.field
        if field is None or is_missing(given) or (field.missing and str(given) in field.missing):
            return self.replace_missing(None if is_missing(given) else given)
        try:
            value = cast(given, field.datatype)
            is_valid = field.is_valid(value)
        except (ValueError, TypeError, OverflowError):
            value, is_valid = given, False
        if not is_valid:
            if self.invalid == "returnInvalid" or (self.invalid == "asIs" and isinstance(value, str) and field.datatype in NUMBERS):
                raise Misfit(f"field '{self.name}' cannot be {given!r}: {self._expected()}")
            if self.invalid == "asMissing":
                return self.replace_missing(None)
            return self.invalid_replacement if self.invalid == "asValue" else value
        if self.outliers != "asIs" and not self.low <= value <= self.high:
            return min(max(value, self.low), self.high) if self.outliers == "asExtremeValues" else self.replace_missing(None)
        return value

    def replace_missing(self, value: Value) -> Value:
        """Raises Misfit where the model wants a value."""
        if value is not None:
            return value
        if self.needs_value:
            raise Misfit(f"field '{self.name}' has no value, and the model needs one")
        return self.replacement

    def _expected(self) -> str:
        field = self.field
        assert field is not None
        if field.categories:
            shown = ", ".join(str(category) for category in field.categories[:10])
            return f"expected one of {shown}{', …' if len(field.categories) > 10 else ''}"
        if field.intervals:
            return f"expected a {field.datatype} in {' or '.join(str(interval) for interval in field.intervals)}"
        return f"expected a {field.datatype}"

    def _typed(self, element: Element, name: str) -> Value:
        text = element.get(name)
        try:
            return text if self.datatype is None else cast(text, self.datatype)
        except ValueError:
            raise Malformed(f'{name}="{text}" of field {self.name} is no {self.datatype}') from None


def mining_fields(schema: Element, dictionary: dict[str, DataField]) -> list[MiningField]:
    """The fields of a model, with None for the dictionary's where it is an output of another model or derived. Raises Unsupported."""
    fields = [MiningField(element, dictionary.get(element.required("name"))) for element in schema.all("MiningField")]
    for field in fields:
        if field.usage not in ("active", "predicted", "target", "supplementary", "analysisWeight", "frequencyWeight"):
            raise Unsupported(f'usageType="{field.usage}" of <MiningField>')
    return fields
