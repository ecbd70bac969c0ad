"""What a model answers of one row, before its targets and outputs make fields of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from nitrous_host.pmml.values import Value


@dataclass
class Result:
    """`value` is a number, a class or a cluster; None when the model has no answer for the row."""

    value: Value = None
    # By class, in the order in which the model knows them; empty unless it classifies.
    probabilities: dict[Value, float] = field(default_factory=dict)
    confidences: dict[Value, float] = field(default_factory=dict)
    # Of a tree's node, or a cluster.
    entity: str | None = None
    # Distance or similarity, by cluster.
    affinities: dict[str, float] = field(default_factory=dict)
    # What a model inside of this one told besides.
    outputs: dict[str, Value] = field(default_factory=dict)
    # The most important one first.
    reason_codes: list[str] = field(default_factory=list)


def most_probable(probabilities: dict[Value, float]) -> Value:
    """The class with the greatest probability, the first one where several have it."""
    return max(probabilities, key=lambda name: probabilities[name]) if probabilities else None
