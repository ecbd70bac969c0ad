"""Exceptions that choose the status of an answer."""

from __future__ import annotations


class _WithReason(Exception):
    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "")
        self.reason = reason


class InvalidInput(_WithReason, ValueError):
    """The request does not fit: status 400."""


class InferenceError(_WithReason, RuntimeError):
    """The model cannot answer: status 500."""

    def __init__(self, reason: str | None, status: str | None = None, debug_details: object = None) -> None:
        super().__init__(reason if status is None else f"[{status}] {reason}")
        self.reason, self.status, self.debug_details = reason, status, debug_details


class ModelMissingError(Exception):
    """The artefact is not where it should be."""

    def __init__(self, path: object) -> None:
        super().__init__(str(path))
        self.path = path


class ModelNotFound(_WithReason):
    """Status 404."""

    def __init__(self, model_name: str | None = None) -> None:
        super().__init__(f"Model with name {model_name} does not exist.")


class ModelNotReady(RuntimeError):
    """Status 503."""

    def __init__(self, model_name: str, detail: str | None = None) -> None:
        super().__init__(f"Model with name {model_name} is not ready.{f' {detail}' if detail else ''}")
        self.model_name = model_name


class UnsupportedProtocol(_WithReason):
    """Status 501."""

    def __init__(self, protocol_version: str | None = None) -> None:
        super().__init__(f"Unsupported protocol {protocol_version}.")
