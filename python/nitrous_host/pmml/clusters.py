"""ClusteringModel by centres and distances (https://dmg.org/pmml/v4-4-1/ClusteringModel.html)."""

from __future__ import annotations

from typing import Callable

from nitrous_host.pmml.context import Context, Scope
from nitrous_host.pmml.document import Element, Malformed, Unsupported, array_of
from nitrous_host.pmml.result import Result

# Of the sum of what the fields differ by, each to a power and weighted; `max` is of the greatest alone.
Distance = Callable[["list[float]", "list[float]", float], float]


def _minkowski(power: float, root: float) -> Distance:
    return lambda gaps, weights, adjustment: (sum(w * gap**power for gap, w in zip(gaps, weights)) * adjustment) ** (1 / root)


DISTANCES: dict[str, Distance] = {
    "euclidean": _minkowski(2, 2),
    "squaredEuclidean": _minkowski(2, 1),
    "cityBlock": _minkowski(1, 1),
    "chebychev": lambda gaps, weights, adjustment: max(w * gap for gap, w in zip(gaps, weights)) * adjustment,
}


class Clustering:
    def __init__(self, element: Element, scope: Scope) -> None:
        element.choice("modelClass", "centerBased")
        measure = element.only(("ComparisonMeasure",), "<ComparisonMeasure>")
        measure.choice("kind", "distance")
        measure.choice("compareFunction", "absDiff")
        kind = next((child for child in measure.children if child.tag in DISTANCES or child.tag == "minkowski"), None)
        if kind is None:
            raise Unsupported("the measure of <ClusteringModel>")
        self._distance = DISTANCES[kind.tag] if kind.tag in DISTANCES else _minkowski(kind.number("p-parameter"), kind.number("p-parameter"))
        fields = [field for field in element.all("ClusteringField") if field.get("isCenterField", "true") == "true"]
        for field in fields:
            field.choice("compareFunction", "absDiff")
            scope.datatype(field.required("field"))
        self._names = [field.required("field") for field in fields]
        self._weights = [field.number("fieldWeight", 1.0) for field in fields]
        self._clusters = [(cluster.get("id") or str(index), _numbers(cluster, len(fields))) for index, cluster in enumerate(element.all("Cluster"), 1)]
        if not self._clusters:
            raise Malformed("<ClusteringModel> has no <Cluster>")
        shares = element.find("MissingValueWeights")
        self._shares = [1.0] * len(fields) if shares is None else _numbers(shares, len(fields))

    def evaluate(self, context: Context) -> Result:
        values = [context.get(name) for name in self._names]
        present = [index for index, value in enumerate(values) if value is not None]
        known = sum(self._shares[index] for index in present)
        if known == 0:
            return Result()
        adjustment = sum(self._shares) / known
        weights = [self._weights[index] for index in present]
        affinities = {
            identifier: self._distance([abs(values[index] - centre[index]) for index in present], weights, adjustment)
            for identifier, centre in self._clusters
        }
        nearest = min(affinities, key=lambda identifier: affinities[identifier])
        return Result(nearest, entity=nearest, affinities=affinities)


def _numbers(element: Element, count: int) -> list[float]:
    """The array of an element, with a number for each field. Raises Malformed."""
    try:
        numbers = [float(text) for text in array_of(element.only(("Array",), "<Array>"))]
    except ValueError:
        raise Malformed(f"the <Array> of <{element.tag}> holds something that is no number") from None
    if len(numbers) != count:
        raise Malformed(f"<{element.tag}> has {len(numbers)} values for {count} fields")
    return numbers
