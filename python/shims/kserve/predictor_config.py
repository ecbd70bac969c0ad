"""Where a transformer finds its predictor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class PredictorConfig:
    predictor_host: str | None = None
    predictor_protocol: str = "v1"
    predictor_use_ssl: bool = False
    predictor_request_timeout_seconds: int = 600
    predictor_request_retries: int = 0
    predictor_health_check: bool = False
