"""What arrays a method takes: Annotated[numpy.ndarray, Shape((-1, 4)), DType("float32")]."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    dimensions: tuple[int, ...]


@dataclass(frozen=True)
class DType:
    dtype: str
