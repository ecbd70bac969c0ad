"""The first calls of a tabular model: they show its form, the shapes of its outputs and whether its rows are independent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy

from nitrous_host.batchable import is_batchable
from nitrous_host.errors import HostError, from_exception
from nitrous_host.examples import read_example, tensor_json
from nitrous_host.formats.tabular import Form, Output, Table, TabularModel
from nitrous_host.model import LoadRequest
from nitrous_host.tensors import datatype_of


@dataclass
class Framework:
    """What a description says of the framework, with the warnings that came up while the model was loaded."""

    name: str
    version: str
    warnings: list[str] = field(default_factory=list)


def warm_up(
    request: LoadRequest,
    framework: Framework,
    forms: list[Form],
    outputs: dict[str, Output],
    row_wise: bool,
    misfits: tuple[type[Exception], ...] = (ValueError, TypeError),
) -> TabularModel:
    """
    The model in the first of the forms in which it answers, with its description. An example.json must be answered;
    a generated example that is not only makes a warning. Raises HostError INVALID_ARGUMENT.
    """
    example, payload = read_example(request.example) if request.example else (None, None)
    failure: HostError | None = None
    for form in forms:
        model = TabularModel({}, form.read, outputs, misfits)
        try:
            table = form.sample if payload is None else form.read(payload)
            if table is None:
                continue
            first = table[:1] if payload is None else table
            found = {next(iter(outputs)): model.answer(first), **_optional_answers(model, first, outputs)}
        except Exception as error:
            failure = failure or from_exception(error)
            continue
        served = {name: outputs[name] for name in found}
        method = _method(form, first, *found.values())
        method["batchable"] = row_wise and _rows_are_independent(model, table, list(served))
        example = example or _example_of(table[:1], method["inputs"])
        return TabularModel(_description(framework, method, example), form.read, served, misfits, _columns_of(found))
    if payload is not None and failure is not None:
        raise HostError("INVALID_ARGUMENT", f"the model does not answer example.json: {failure.message}", failure.detail)
    reason = "nothing is known about its input" if failure is None else f"it did not answer a generated example ({failure.message})"
    framework.warnings.append(f"not warmed up: {reason}; put an example.json beside the model")
    return TabularModel(_description(framework, _method(forms[0], forms[0].sample)), forms[0].read, outputs, misfits)


def _optional_answers(model: TabularModel, table: Table, outputs: dict[str, Output]) -> dict[str, dict[str, numpy.ndarray]]:
    """Answers of the outputs behind the default one, by output; an output that fails is not offered."""
    found: dict[str, dict[str, numpy.ndarray]] = {}
    for name in list(outputs)[1:]:
        try:
            answers = model.answer(table, [name])
            for answer in answers.values():
                datatype_of(answer)
        except Exception:
            continue
        found[name] = answers
    return found


def _columns_of(found: dict[str, dict[str, numpy.ndarray]]) -> dict[str, str]:
    """Of which output a column is; where two have one name, it is the first one's."""
    columns: dict[str, str] = {}
    for output, answers in found.items():
        for name in answers:
            if name not in found:
                columns.setdefault(name, output)
    return columns


def _rows_are_independent(model: TabularModel, table: Table, names: list[str]) -> bool:
    rows = table[:2] if len(table) > 1 else two_rows(table)
    try:
        together = model.answer(rows, names)
        return is_batchable(True, together, [model.answer(rows[:1], names), model.answer(rows[1:2], names)])
    except Exception:
        return False


def two_rows(table: Table) -> Table:
    """The only row of a table, and one that differs from it in every number."""
    if isinstance(table, numpy.ndarray):
        return numpy.concatenate([table, table + 1 if table.dtype.kind in "iuf" else table])
    import pandas

    other = table.copy()
    for name in other.columns:
        if other[name].dtype.kind in "iuf":
            other[name] = other[name] + 1
    return pandas.concat([table, other], ignore_index=True)


def _method(form: Form, table: Table | None, *answers: dict[str, numpy.ndarray]) -> dict[str, Any]:
    """Of the answers of each output, the default one first."""
    specifications: dict[str, dict[str, Any]] = {}
    for index, arrays in enumerate(answers):
        for name, array in arrays.items():
            specification = {"name": name, "datatype": datatype_of(array), "shape": [-1, *array.shape[1:]]}
            specifications.setdefault(name, {**specification, "optional": True} if index > 0 else specification)
    method: dict[str, Any] = {"accepts": form.accepts, "inputs": form.inputs(table), "outputs": list(specifications.values())}
    if form.columns is not None:
        method["columns"] = form.columns
    return {**method, "convertsNumbers": True, "batchable": False, "streaming": False}


def _example_of(row: Table, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of a table as a request; the columns of a data frame are its inputs, and only rows can mix text and numbers."""
    if not isinstance(row, numpy.ndarray):
        return {"inputs": [tensor_json(entry["name"], entry["datatype"], row[entry["name"]].to_numpy()) for entry in inputs]}
    if row.dtype == object and inputs[0]["datatype"] != "BYTES":
        return {"instances": row.tolist()}
    return {"inputs": [tensor_json(inputs[0]["name"], inputs[0]["datatype"], row)]}


def _description(framework: Framework, method: dict[str, Any], example: Any = None) -> dict[str, Any]:
    description: dict[str, Any] = {"framework": framework.name, "frameworkVersion": framework.version, "warnings": framework.warnings}
    if example is not None:
        description["example"] = example
    return {**description, "methods": {"predict": method}}
