"""Exceptions that choose the status of an answer."""

from __future__ import annotations


class MLServerError(Exception):
    def __init__(self, msg: str, status_code: int = 400) -> None:
        super().__init__(msg)
        self.status_code = status_code


class InvalidModelURI(MLServerError):
    def __init__(self, name: str, model_uri: str | None = None) -> None:
        super().__init__(f"Invalid URI specified for model {name}{f' ({model_uri})' if model_uri else ''}", 422)


class ModelNotFound(MLServerError):
    def __init__(self, name: str, version: str | None = None) -> None:
        super().__init__(f"Model {name}{f' with version {version}' if version else ''} not found", 404)


class ModelNotReady(MLServerError):
    def __init__(self, name: str, version: str | None = None) -> None:
        super().__init__(f"Model {name}{f' with version {version}' if version else ''} is not ready yet.")


class InferenceError(MLServerError):
    pass


class ModelParametersMissing(MLServerError):
    def __init__(self, model_name: str) -> None:
        super().__init__(f"Parameters missing for model {model_name}")
