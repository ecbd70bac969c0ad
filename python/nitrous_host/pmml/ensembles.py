"""MiningModel: several models as one (https://dmg.org/pmml/v4-4-1/MultipleModels.html)."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import Any, Callable, Sequence

from nitrous_host.pmml.context import Context, Scope
from nitrous_host.pmml.document import Element, Malformed, Unsupported
from nitrous_host.pmml.predicates import Predicate, predicate_in
from nitrous_host.pmml.result import Result, most_probable
from nitrous_host.pmml.values import Value

FOR_NUMBERS: dict[str, Callable[[Sequence[float], Sequence[float]], float]] = {
    "sum": lambda values, _weights: sum(values),
    "weightedSum": lambda values, weights: sum(value * weight for value, weight in zip(values, weights)),
    "average": lambda values, _weights: sum(values) / len(values),
    "weightedAverage": lambda values, weights: sum(value * weight for value, weight in zip(values, weights)) / sum(weights),
    "median": lambda values, _weights: statistics.median(values),
    "max": lambda values, _weights: max(values),
}
FOR_CLASSES = ("majorityVote", "weightedMajorityVote", "average", "weightedAverage")
CHOICES = ("selectFirst", "modelChain")


@dataclass
class Segment:
    predicate: Predicate
    # A model with its own fields and outputs: evaluator.Part.
    part: Any
    weight: float


class Ensemble:
    def __init__(self, element: Element, scope: Scope, make_part: Callable[[Element, Scope], Any]) -> None:
        self._classifies = element.required("functionName") == "classification"
        segmentation = element.only(("Segmentation",), "<Segmentation>")
        self._method = segmentation.required("multipleModelMethod").removeprefix("x-")
        covered = {*CHOICES, *(FOR_CLASSES if self._classifies else FOR_NUMBERS)}
        if self._method not in covered:
            raise Unsupported(f'multipleModelMethod="{self._method}" for {element.required("functionName")}')
        treatment = segmentation.choice("missingPredictionTreatment", "continue", "skipSegment", "returnMissing")
        self._skips_missing = treatment == "skipSegment"
        self._segments: list[Segment] = []
        for segment in segmentation.all("Segment"):
            model = next((child for child in segment.children if child.find("MiningSchema") is not None), None)
            if model is None:
                raise Malformed("a <Segment> has no model")
            # What it outputs is there for the segments behind it, and for their predicates.
            predicate = predicate_in(segment, scope)
            part = make_part(model, scope)
            if self._method == "modelChain":
                scope.datatypes.update(part.output_datatypes())
            self._segments.append(Segment(predicate, part, segment.number("weight", 1.0)))
        if not self._segments:
            raise Malformed("<Segmentation> has no <Segment>")

    def output_datatypes(self) -> dict[str, str | None]:
        """What the segment that answers tells besides: any of those to choose from, the last one of a chain."""
        if self._method not in CHOICES:
            return {}
        datatypes: dict[str, str | None] = {}
        for segment in self._segments if self._method == "selectFirst" else self._segments[-1:]:
            datatypes.update(segment.part.output_datatypes())
        return datatypes

    def evaluate(self, context: Context) -> Result:
        if self._method == "modelChain":
            return self._chain(context)
        results: list[Result] = []
        weights: list[float] = []
        for segment in self._segments:
            if not segment.predicate(context):
                continue
            result, outputs = segment.part.evaluate(context)
            if self._method == "selectFirst":
                return replace(result, outputs=outputs)
            if result.value is None:
                if self._skips_missing:
                    continue
                return Result()
            results.append(result)
            weights.append(segment.weight)
        if not results:
            return Result()
        if not self._classifies:
            return Result(FOR_NUMBERS[self._method]([result.value for result in results], weights))
        return self._classes(results, weights)

    def _chain(self, context: Context) -> Result:
        last = Result()
        for segment in self._segments:
            if not segment.predicate(context):
                continue
            result, outputs = segment.part.evaluate(context)
            context.values.update(outputs)
            last = replace(result, outputs=outputs)
        return last

    def _classes(self, results: list[Result], weights: list[float]) -> Result:
        shares: dict[Value, float] = {}
        used = weights if self._method.startswith("weighted") else [1.0] * len(results)
        for result, weight in zip(results, used):
            votes = {result.value: 1.0} if self._method.endswith("Vote") else result.probabilities
            for name, share in votes.items():
                shares[name] = shares.get(name, 0.0) + weight * share
        total = sum(used)
        shares = {name: share / total for name, share in shares.items()}
        return Result(most_probable(shares), shares)
