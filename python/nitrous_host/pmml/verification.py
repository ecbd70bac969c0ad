"""ModelVerification: rows with the answers that the document's author expects of them (https://dmg.org/pmml/v4-4-1/ModelVerification.html)."""

from __future__ import annotations

from typing import Any

from nitrous_host.pmml.document import Element, local_name
from nitrous_host.pmml.evaluator import Evaluator
from nitrous_host.pmml.values import Misfit

# As the standard has them where the document says nothing.
PRECISION = 1e-6
ZERO = 1e-16
# What single precision in the middle makes of a number may differ so much, whatever precision the document asks for: exporters write
# 1e-13, which JPMML does not always keep either.
ROUNDING = 1e-6


def verification_rows(evaluator: Evaluator) -> list[dict[str, Any]]:
    """The rows as requests, with nothing for what they leave out."""
    names = {field.name for field in evaluator.inputs}
    return [{name: text for name, text in row.items() if name in names} for row in _rows(evaluator.verification)]


def first_difference(evaluator: Evaluator) -> str | None:
    """What the first answer that differs from its author's says; None when all are as they should be."""
    element = evaluator.verification
    fields = {} if element is None else {field.required("field"): field for field in element.only(("VerificationFields",), "<VerificationFields>").children}
    for index, row in enumerate(_rows(element), 1):
        try:
            answers = evaluator.evaluate(row)
        except Misfit as misfit:
            return f"row {index} of its ModelVerification is refused: {misfit}"
        for name, value in answers.items():
            if name in row and name in fields and not _is_close(value, row[name], fields[name]):
                return f"row {index} of its ModelVerification expects {row[name]} for '{name}', and the answer is {value}"
    return None


def _rows(element: Element | None) -> list[dict[str, str]]:
    if element is None:
        return []
    fields = element.only(("VerificationFields",), "<VerificationFields>").all("VerificationField")
    columns = {local_name(field.get("column") or field.required("field")): field.required("field") for field in fields}
    table = element.find("InlineTable")
    return [
        {columns[cell.tag]: cell.text for cell in row.children if cell.tag in columns} for row in (table.all("row") if table is not None else ())
    ]


def _is_close(value: Any, text: str, field: Element) -> bool:
    if value is None:
        return text == ""
    if isinstance(value, bool) or isinstance(value, str):
        return str(value).lower() == text.lower()
    try:
        expected = float(text)
    except ValueError:
        return False
    if abs(expected) <= field.number("zeroThreshold", ZERO):
        return abs(value) <= max(field.number("zeroThreshold", ZERO), ROUNDING)
    return abs(value - expected) <= max(field.number("precision", PRECISION), ROUNDING) * abs(expected)
