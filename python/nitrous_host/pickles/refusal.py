"""What is raised when a file names something that is not on the allow-list."""

from __future__ import annotations

LONGEST_NAME = 200


class Refused(Exception):
    """`name` is what the file refers to, printable and not too long."""

    def __init__(self, name: str) -> None:
        shown = "".join(letter if letter.isprintable() else "?" for letter in name)
        self.name = shown if len(shown) <= LONGEST_NAME else f"{shown[:LONGEST_NAME]}…"
        super().__init__(self.name)
