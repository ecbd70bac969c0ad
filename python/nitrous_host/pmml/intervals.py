"""Ranges of numbers."""

from __future__ import annotations

from nitrous_host.pmml.document import Element


class Interval:
    """From leftMargin to rightMargin, each with or without itself, or open to that side."""

    def __init__(self, element: Element) -> None:
        closure = element.choice("closure", "openOpen", "openClosed", "closedOpen", "closedClosed")
        self.left = element.number("leftMargin", float("-inf"))
        self.right = element.number("rightMargin", float("inf"))
        self.has_left = closure.startswith("closed")
        self.has_right = closure.endswith("Closed")

    def holds(self, value: float) -> bool:
        above = value >= self.left if self.has_left else value > self.left
        return above and (value <= self.right if self.has_right else value < self.right)

    def __str__(self) -> str:
        return f"{'[' if self.has_left else ']'}{self.left:g}, {self.right:g}{']' if self.has_right else '['}"
