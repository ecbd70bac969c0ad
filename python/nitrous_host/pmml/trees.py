"""TreeModel (https://dmg.org/pmml/v4-4-1/TreeModel.html)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator

from nitrous_host.pmml.context import Context, Scope
from nitrous_host.pmml.document import Element, Malformed, Unsupported
from nitrous_host.pmml.predicates import Predicate, predicate_in
from nitrous_host.pmml.result import Result, most_probable
from nitrous_host.pmml.values import Value, cast


@dataclass
class Node:
    predicate: Predicate
    result: Result
    identifier: str | None
    default_child: str | None
    children: list[Node] = field(default_factory=list)


class Tree:
    """A decision tree for classes or numbers."""

    def __init__(self, element: Element, scope: Scope, datatype: str) -> None:
        self._classifies = element.required("functionName") == "classification"
        self._datatype = datatype
        self._missing = element.choice("missingValueStrategy", "none", "lastPrediction", "nullPrediction", "defaultChild")
        self._keeps_last = element.choice("noTrueChildStrategy", "returnNullPrediction", "returnLastPrediction") == "returnLastPrediction"
        if element.number("missingValuePenalty", 1.0) != 1.0:
            raise Unsupported("missingValuePenalty of <TreeModel>")
        root = element.find("Node")
        if root is None:
            raise Malformed("<TreeModel> has no <Node>")
        self._root = self._node(root, scope, _numbers())

    def evaluate(self, context: Context) -> Result:
        node = self._root
        flag = node.predicate(context)
        if not flag:
            return Result()
        while node.children:
            following = self._child(node, context)
            if following is None:
                return Result()
            if following is node:
                break
            node = following
        return node.result

    def _child(self, node: Node, context: Context) -> Node | None:
        """The child to go to, the node itself to stay there, or None for no prediction."""
        for child in node.children:
            flag = child.predicate(context)
            if flag:
                return child
            if flag is None:
                if self._missing == "lastPrediction":
                    return node
                if self._missing == "nullPrediction":
                    return None
                if self._missing == "defaultChild":
                    default = next((each for each in node.children if each.identifier == node.default_child), None)
                    return default
        return node if self._keeps_last else None

    def _node(self, element: Element, scope: Scope, numbers: Iterator[int]) -> Node:
        if any(child.tag in ("Regression", "DecisionTree", "Partition") for child in element.children):
            raise Unsupported("a model inside of a <Node>")
        identifier = element.get("id")
        number = str(next(numbers))
        node = Node(predicate_in(element, scope), self._result(element, identifier or number), identifier, element.get("defaultChild"))
        node.children = [self._node(child, scope, numbers) for child in element.all("Node")]
        return node

    def _result(self, element: Element, entity: str) -> Result:
        score = element.get("score")
        try:
            if not self._classifies:
                return Result(None if score is None else float(score), entity=entity)
            counts = {cast(each.required("value"), self._datatype): each for each in element.all("ScoreDistribution")}
            value: Value = None if score is None else cast(score, self._datatype)
        except ValueError:
            raise Malformed(f'<Node> has the score "{score}", or a ScoreDistribution, that is no {self._datatype}') from None
        total = sum(each.number("recordCount") for each in counts.values())
        probabilities = {name: _probability(each, total) for name, each in counts.items()}
        confidences = {name: each.number("confidence") for name, each in counts.items() if each.get("confidence") is not None}
        if not probabilities and value is not None:
            probabilities = {value: 1.0}
        return Result(most_probable(probabilities) if value is None else value, probabilities, confidences, entity)


def _probability(element: Element, total: float) -> float:
    if element.get("probability") is not None:
        return element.number("probability")
    return element.number("recordCount") / total if total else 0.0


def _numbers() -> Any:
    """Of nodes without an id, in the order of the document."""
    return iter(range(1, 1 << 62))
