"""Metrics of models are told in their log."""

from __future__ import annotations

from mlserver.logging import logger


def register(name: str, description: str) -> None:
    """Nothing needs to be known of a metric before it has a value."""


def log(**metrics: float) -> None:
    for name, value in metrics.items():
        logger.info("%s: %s", name, value)
