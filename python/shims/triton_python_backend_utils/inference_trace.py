"""How a request is traced."""

from __future__ import annotations


class InferenceTrace:
    def get_context(self) -> str | None:
        """Of OpenTelemetry; models are told none here."""
        return None
