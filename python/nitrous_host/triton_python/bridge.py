"""What the module triton_python_backend_utils asks of the host that runs the model; there is one such model in a process."""

from __future__ import annotations

from typing import Any

from nitrous_host import frames
from nitrous_host.errors import HostError
from nitrous_host.requests import write_outputs
from nitrous_host.server_link import Question, ServerLink

_current: Bridge | None = None


class Bridge:
    """`stream` is the load's, for whose sake is asked what no request has asked for."""

    def __init__(self, link: ServerLink, stream: int, model_directory: str) -> None:
        self.link = link
        self.stream = stream
        self.model_directory = model_directory

    def ask(self, meta: dict[str, Any], outputs: Any = (), notify: Any = None) -> Question:
        """Raises HostError for tensors that cannot be sent."""
        payload, blobs = write_outputs(outputs)
        return self.link.ask({**meta, **payload}, blobs, self.stream, notify)

    def ask_and_wait(self, meta: dict[str, Any], outputs: Any = ()) -> frames.Frame:
        """The one answer. Raises as `ask` does, and HostError CANCELLED when the connection ends."""
        blocking = {"blocking": True} if self.link.blocks_calls else {}
        return self.link.next_answer(self.ask({**meta, **blocking}, outputs))

    def log(self, level: str, message: str) -> None:
        self.link.log(level, message)

    def count(self, change: dict[str, Any]) -> None:
        self.link.count(change)

    def load_model(self, name: str, configuration: str, files: dict[str, bytes]) -> None:
        import numpy

        meta = {"action": "load", "model": name, **({"configuration": configuration} if configuration else {})}
        self._control(meta, [(path, numpy.frombuffer(data, numpy.uint8), None) for path, data in files.items()])

    def unload_model(self, name: str, dependents: bool) -> None:
        self._control({"action": "unload", "model": name, **({"dependents": True} if dependents else {})})

    def is_model_ready(self, name: str, version: str) -> bool:
        return bool(self._control({"action": "ready", "model": name, **({"version": str(version)} if version else {})}))

    def _control(self, meta: dict[str, Any], outputs: Any = ()) -> Any:
        from triton_python_backend_utils.errors import TritonModelException

        answer = self.ask_and_wait(meta, outputs)
        if answer.type == frames.ERROR:
            raise TritonModelException(answer.meta["message"])
        return answer.meta.get("json")


def bridge() -> Bridge:
    """Raises HostError FAILED_PRECONDITION where the module is used outside of a model."""
    if _current is None:
        raise HostError("FAILED_PRECONDITION", "triton_python_backend_utils works only in a model that this server runs")
    return _current


def connect(link: ServerLink, stream: int, model_directory: str) -> None:
    global _current
    _current = Bridge(link, stream, model_directory)
