"""The interface of models: load, then for each request preprocess, predict or explain, postprocess."""

from __future__ import annotations

import inspect
from enum import Enum
from typing import Any

from kserve.constants.constants import PredictorProtocol
from kserve.errors import InvalidInput
from kserve.predictor_config import PredictorConfig
from kserve.protocol.infer_type import InferRequest, InferResponse

__all__ = ["BaseKServeModel", "InferRequest", "InferResponse", "InferenceModel", "InferenceVerb", "Model", "PredictorConfig", "PredictorProtocol"]


class InferenceVerb(Enum):
    EXPLAIN = 1
    PREDICT = 2


class BaseKServeModel:
    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = False
        self.engine = False

    async def healthy(self) -> bool:
        return self.ready

    def load(self) -> bool:
        self.ready = True
        return self.ready

    def start(self) -> None:
        self.ready = True

    async def start_engine(self) -> None:
        self.ready = True

    def stop(self) -> None:
        self.ready = False

    def stop_engine(self) -> None:
        self.ready = False


class InferenceModel(BaseKServeModel):
    def get_input_types(self) -> list[dict[str, Any]]:
        return []

    def get_output_types(self) -> list[dict[str, Any]]:
        return []


class Model(InferenceModel):
    def __init__(self, name: str, return_response_headers: bool = False) -> None:
        super().__init__(name)
        self.required_response_headers = return_response_headers
        self.explainer_host: str | None = None
        self.enable_latency_logging = False

    async def __call__(self, body: Any, headers: dict[str, str] | None = None, verb: InferenceVerb = InferenceVerb.PREDICT) -> Any:
        """The answer, and the response headers that the model has set."""
        response_headers: dict[str, str] = {}
        extra = (response_headers,) if self.required_response_headers else ()
        payload = self.validate(await _result_of(self.preprocess(body, headers)))
        if verb is InferenceVerb.EXPLAIN:
            response = await _result_of(self.explain(payload, headers))
        else:
            response = await _result_of(self.predict(payload, headers, *extra))
        return await _result_of(self.postprocess(response, headers, *extra)), response_headers

    def validate(self, payload: Any) -> Any:
        if isinstance(payload, dict):
            for key in ("instances", "inputs"):
                if key in payload and not isinstance(payload[key], (list, dict)):
                    raise InvalidInput(f'Expected "{key}" to be a list')
        return payload

    async def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        return payload

    async def postprocess(self, result: Any, headers: dict[str, str] | None = None, response_headers: dict[str, str] | None = None) -> Any:
        return result

    async def predict(self, payload: Any, headers: dict[str, str] | None = None, response_headers: dict[str, str] | None = None) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no method predict; to pass requests on to a predictor_host, add kserve to requirements.txt"
        )

    async def explain(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no method explain")


async def _result_of(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value
