"""NormContinuous: numbers by straight lines between given points."""

from __future__ import annotations

from bisect import bisect_right

from nitrous_host.pmml.context import Context, Expression, Scope
from nitrous_host.pmml.document import Element, Malformed
from nitrous_host.pmml.values import Value


def compile_norm_continuous(element: Element, scope: Scope) -> Expression:
    """Beyond the first and the last point as `outliers` says: the line goes on, the value is missing, or stays at the end's."""
    name = element.required("field")
    scope.datatype(name)
    points = [(norm.number("orig"), norm.number("norm")) for norm in element.all("LinearNorm")]
    if len(points) < 2 or any(left[0] >= right[0] for left, right in zip(points, points[1:])):
        raise Malformed(f"<NormContinuous> of field {name} needs two points or more, in ascending order")
    outliers = element.choice("outliers", "asIs", "asMissingValues", "asExtremeValues")
    missing = None if element.get("mapMissingTo") is None else element.number("mapMissingTo")
    origins = [origin for origin, _ in points]

    def run(context: Context) -> Value:
        value = context.get(name)
        if value is None:
            return missing
        if not origins[0] <= value <= origins[-1] and outliers != "asIs":
            if outliers == "asMissingValues":
                return missing
            return points[0][1] if value < origins[0] else points[-1][1]
        index = min(max(bisect_right(origins, value), 1), len(points) - 1)
        (left, low), (right, high) = points[index - 1], points[index]
        return low + (value - left) / (right - left) * (high - low)

    return run
