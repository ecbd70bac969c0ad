"""A loaded MLflow model, as the host's loop knows it."""

from __future__ import annotations

from typing import Any, Callable, Iterator, NoReturn

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.mlflow_models.outputs import DEFAULT_NAME, to_payload
from nitrous_host.mlflow_models.parameters import read_parameters
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.mlflow_models.signature import Signature
from nitrous_host.payload import Call, Payload

STREAM = "predict_stream"
# A payload in the form that predict takes. Raises HostError INVALID_ARGUMENT.
Read = Callable[[Payload], Any]


class MlflowModel:
    """Its method `predict`, and `predict_stream` for a model that has one."""

    def __init__(self, predictor: Predictor, signature: Signature, read: Read, description: dict[str, Any]) -> None:
        self.description = description
        self._read = read
        self._predictor = predictor
        self._signature = signature
        outputs = signature.outputs
        self._output = (outputs[0].name if len(outputs) == 1 else None) or DEFAULT_NAME

    def infer(self, call: Call) -> Payload:
        parameters = read_parameters(self._signature.parameters, call.parameters)
        return self.answer(self._read(call.payload), parameters, call.outputs)

    def answer(self, data: Any, parameters: dict[str, Any], wanted: list[str] | None = None) -> Payload:
        """The answer to data in the form of the signature. Raises HostError INVALID_ARGUMENT for data that does not fit."""
        try:
            answer = self._predictor.predict(data, parameters)
        except self._predictor.misfits as error:
            _refuse(error)
        return to_payload(answer, self._output, wanted)

    def stream(self, call: Call) -> Iterator[Payload]:
        if self._predictor.stream is None or call.method != STREAM:
            raise HostError("UNIMPLEMENTED", f"method '{call.method}' does not stream")
        parameters = read_parameters(self._signature.parameters, call.parameters)
        data = self._read(call.payload)
        return (to_payload(part, self._output) for part in self._predictor.stream(data, parameters))


def _refuse(error: Exception) -> NoReturn:
    # What follows the first line is advice for whoever trains, or a stack trace of a library.
    message = str(error).strip().partition("\n")[0] or summary(error)
    raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
