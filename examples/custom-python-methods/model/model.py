"""Texts as vectors: a method for many texts at once, one for a pair of them, and one that streams."""

import zlib
from typing import Iterator

import numpy as np
from numpy.typing import NDArray


class Texts:
    batchable = {"encode"}
    default_method = "encode"
    example = {"instances": ["hello world"]}

    def __init__(self, dimensions: int = 64):
        self.dimensions = dimensions

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """One vector for each text, of length 1: requests may share a call."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for vector, text in zip(vectors, texts):
            for word in text.lower().split():
                vector[zlib.crc32(word.encode()) % self.dimensions] += 1
        return vectors / np.maximum(1e-6, np.linalg.norm(vectors, axis=1, keepdims=True))

    def similarity(self, first: str, second: str) -> float:
        """1 for the same words; called once for each pair."""
        one, other = self.encode([first, second])
        return float(one @ other)

    def words(self, text: str, most: int = 100) -> Iterator[str]:
        """The words of a text, one by one as they are found."""
        yield from text.split()[:most]
