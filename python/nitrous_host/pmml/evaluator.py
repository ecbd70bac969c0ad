"""A whole document: its fields, its transformations, its model with targets and outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nitrous_host.pmml.clusters import Clustering
from nitrous_host.pmml.context import Context, Expression, Scope
from nitrous_host.pmml.document import Element, Malformed, Unsupported
from nitrous_host.pmml.ensembles import Ensemble
from nitrous_host.pmml.expressions import compile_derived, define_function
from nitrous_host.pmml.fields import DataField, MiningField, mining_fields
from nitrous_host.pmml.outputs import OutputField
from nitrous_host.pmml.regressions import Regression
from nitrous_host.pmml.result import Result
from nitrous_host.pmml.scorecards import Scorecard
from nitrous_host.pmml.targets import Target
from nitrous_host.pmml.trees import Tree
from nitrous_host.pmml.values import Value, cast

# Parts of a document around its model.
AROUND = {"Header", "MiningBuildTask", "DataDictionary", "TransformationDictionary", "Extension"}
# The name of a target that the document does not name, as JPMML calls it.
UNNAMED_TARGET = "_target"


class Part:
    """A model, the whole one or one of an ensemble, with what is around it."""

    def __init__(self, element: Element, scope: Scope, dictionary: dict[str, DataField]) -> None:
        if element.get("isScorable", "true") != "true":
            raise Unsupported('isScorable="false"')
        self.fields = mining_fields(element.only(("MiningSchema",), "<MiningSchema>"), dictionary)
        self.target_field = next((field for field in self.fields if field.usage in ("target", "predicted")), None)
        self.inputs = [field for field in self.fields if field.usage == "active"]
        own = {field.name: field.datatype or scope.datatype(field.name) for field in self.inputs}
        inner = Scope(own, scope.functions, scope)
        self.derived: dict[str, Any] = {}
        transformations = element.find("LocalTransformations")
        for derived in transformations.all("DerivedField") if transformations else ():
            _define(derived, inner, self.derived)
        self._is_regression = element.get("functionName") == "regression"
        targets = element.find("Targets")
        self._target = Target(_target_of(targets, self.target_field))
        data = self.target_field.field if self.target_field is not None else None
        self.datatype = data.datatype if data is not None else ("double" if self._is_regression else "string")
        self._model = _model(element, inner, self.datatype, data, dictionary)
        output = element.find("Output")
        self.outputs: list[OutputField] = []
        for field in output.all("OutputField") if output else ():
            made = OutputField(field, inner, self._target, self.datatype)
            inner.datatypes[made.name] = made.datatype
            self.outputs.append(made)

    def output_datatypes(self) -> dict[str, str | None]:
        """Of the fields that it tells besides its answer, those of a model inside of it first."""
        inner = self._model.output_datatypes() if isinstance(self._model, Ensemble) else {}
        return {**inner, **{output.name: output.datatype for output in self.outputs}}

    def evaluate(self, outer: Context) -> tuple[Result, dict[str, Value]]:
        """As a part of an ensemble: fields come from the one around it."""
        context = Context(self.derived, outer)
        for field in self.inputs:
            if field.replacement is not None or field.needs_value:
                context.values[field.name] = field.replace_missing(outer.get(field.name))
        return self.answer(context)

    def answer(self, context: Context) -> tuple[Result, dict[str, Value]]:
        """Of values that are prepared. Raises Misfit."""
        result = self._model.evaluate(context)
        if self._is_regression:
            result = replace(result, value=self._target.apply(result.value))
        if self.target_field is not None:
            context.values[self.target_field.name] = result.value
        values = dict(result.outputs)
        for output in self.outputs:
            values[output.name] = context.values[output.name] = output.value(result, context)
        return result, values


class Evaluator:
    """Raises Malformed and Unsupported when the document is no model, or one that this evaluator does not cover."""

    def __init__(self, document: Element) -> None:
        dictionary = {field.name: field for field in map(DataField, document.only(("DataDictionary",), "<DataDictionary>").all("DataField"))}
        models = [child for child in document.children if child.tag not in AROUND]
        if not models:
            raise Malformed("it has no model")
        scope = Scope({name: field.datatype for name, field in dictionary.items()}, {})
        derived: dict[str, Any] = {}
        transformations = document.find("TransformationDictionary")
        for child in transformations.children if transformations else ():
            if child.tag == "DefineFunction":
                scope.functions[child.required("name")] = define_function(child, scope)
            elif child.tag == "DerivedField":
                _define(child, scope, derived)
        self.kind = models[0].tag
        self._model = models[0]
        self._part = Part(models[0], scope, dictionary)
        self._derived = {**derived, **self._part.derived, **{field.name: _prepared(field) for field in self._part.inputs}}
        self._names = list(self.outputs)

    @property
    def inputs(self) -> list[MiningField]:
        """The fields that a row has, in the document's order."""
        return self._part.inputs

    @property
    def outputs(self) -> dict[str, str | None]:
        """Datatypes of the fields of an answer, by name: the target, then what the model tells besides."""
        told = self._part.output_datatypes()
        return told if self._part.target_field is None and told else {self._target_name: self._part.datatype, **told}

    @property
    def verification(self) -> Element | None:
        """Rows with answers that the document's author expects."""
        return self._model.find("ModelVerification")

    def evaluate(self, row: dict[str, Any]) -> dict[str, Value]:
        """The answer to a row, by name of field; a field that the row does not have is missing. Raises Misfit."""
        result, values = self._part.answer(Context(self._derived, given=row))
        answers = {self._target_name: _as_target(result.value, self._part.datatype), **values}
        return {name: answers.get(name) for name in self._names}

    @property
    def _target_name(self) -> str:
        return UNNAMED_TARGET if self._part.target_field is None else self._part.target_field.name


def _prepared(field: MiningField) -> Expression:
    return lambda context: field.prepare(context.given.get(field.name))


def _define(element: Element, scope: Scope, derived: dict[str, Any]) -> None:
    name = element.required("name")
    derived[name] = compile_derived(element, scope)
    scope.datatypes[name] = element.get("dataType")


def _target_of(targets: Element | None, field: MiningField | None) -> Element | None:
    found = list(targets.all("Target")) if targets else []
    name = None if field is None else field.name
    return next((target for target in found if target.get("field") in (name, None)), None)


def _model(element: Element, scope: Scope, datatype: str, target: DataField | None, dictionary: dict[str, DataField]) -> Any:
    """Raises Unsupported for a kind of model that is not covered."""
    if element.tag == "TreeModel":
        return Tree(element, scope, datatype)
    if element.tag == "RegressionModel":
        return Regression(element, scope, datatype, target.optype if target is not None else "continuous")
    if element.tag == "MiningModel":
        return Ensemble(element, scope, lambda model, inner: Part(model, inner, dictionary))
    if element.tag == "Scorecard":
        return Scorecard(element, scope)
    if element.tag == "ClusteringModel":
        return Clustering(element, scope)
    raise Unsupported(f"<{element.tag}>")


def _as_target(value: Value, datatype: str) -> Value:
    """A number that is not whole stays as it is, whatever the dictionary says of the target."""
    try:
        return cast(value, datatype)
    except ValueError:
        return value
