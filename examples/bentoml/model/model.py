"""A service as BentoML documents it, with a method for each text, one for batches, and one that streams."""

from __future__ import annotations

from typing import Annotated, Generator

import bentoml
import numpy as np
from bentoml.validators import DType, Shape


@bentoml.service(resources={"cpu": "1"}, traffic={"timeout": 30})
class Texts:
    def __init__(self) -> None:
        self.weights = np.array([1.0, 10.0], dtype=np.float32)

    @bentoml.api
    def summarize(self, text: str, words: int = 3) -> str:
        if words < 1:
            raise bentoml.exceptions.InvalidArgument("a summary has at least one word")
        return " ".join(text.split()[:words])

    @bentoml.api(batchable=True, max_batch_size=16, max_latency_ms=100)
    def score(self, rows: Annotated[np.ndarray, DType("float32"), Shape((-1, 2))]) -> np.ndarray:
        return rows @ self.weights

    @bentoml.api
    def spell(self, text: str) -> Generator[str, None, None]:
        yield from text
