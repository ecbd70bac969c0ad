"""A plain class, as NOS's tutorials have it: the catalog says with which arguments it is made."""

import os
from typing import Iterable, List

import numpy as np


class Encoder:
    def __init__(self, model_name: str, dimensions: int = 2):
        self.model_name = model_name
        self.primes = np.array([2, 3, 5, 7][:dimensions], dtype=np.float32)

    def __call__(self, texts: List[str]) -> np.ndarray:
        return np.array([[len(text)] for text in texts], dtype=np.float32) % self.primes

    def describe(self, prefix: str = "") -> str:
        return f"{prefix}{self.model_name} at log level {os.environ.get('NOS_LOGGING_LEVEL', 'none')}"

    def spell(self, text: str) -> Iterable[str]:
        yield from text
