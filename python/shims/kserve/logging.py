"""The loggers of KServe's SDK. What they print goes to the model's log."""

from __future__ import annotations

import logging

logger = logging.getLogger("kserve")
trace_logger = logging.getLogger("kserve.trace")


def configure_logging(log_config: object = None) -> None:
    """Prints from level INFO on; a configuration of the real server's loggers has no effect."""
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
    logger.setLevel(logging.INFO)
