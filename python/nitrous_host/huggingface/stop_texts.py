"""Ends a text where one of the stop texts begins, also when they come in pieces."""

from __future__ import annotations


class StopTexts:
    """Gives out what cannot be the beginning of a stop text any more. `found` when one was met; nothing comes after it."""

    def __init__(self, stops: list[str]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def take(self, piece: str) -> str:
        """What may go out after one more piece."""
        if self.found:
            return ""
        text = self._held + piece
        # By their ends: which one is whole first does not depend on the pieces.
        ends = [(start + len(stop), start) for stop in self._stops if (start := text.find(stop)) >= 0]
        if ends:
            self.found = True
            self._held = ""
            return text[: min(ends)[1]]
        kept = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> str:
        """What was held back, when no more comes."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """The longest end of a text with which a stop text begins."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
