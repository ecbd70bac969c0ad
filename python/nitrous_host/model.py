"""What the host's loop knows of a model, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Protocol

from nitrous_host.payload import Call, Payload
from nitrous_host.server_link import ServerLink

# Tells people what the host is doing while a model loads.
Progress = Callable[[str], None]


@dataclass
class LoadRequest:
    """
    What a load frame says. `file` is a folder for formats that are folders; `example` is the path of example.json; with `trust`
    "pickle" and not "none", pickles may run what they name; with `code`, code that the artefact carries may run. `settings` is
    what the model's resource says to the loader: text or True from arguments, any JSON from files. A model of a Triton model
    repository has a `configuration`, and `instance` is what it is called among its replicas. `link` is the way to ask the server for
    something, for the sake of the load of this `stream`.
    """

    model: str
    version: str
    format: str
    file: str
    directory: str
    example: str | None = None
    threads: int = 1
    trust: str = "none"
    code: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    instance: str = ""
    stream: int = 0
    link: ServerLink | None = None


class Model(Protocol):
    """
    A loaded model that has answered its warm-up. One with methods that are `together` has `infer_together(requests)`, which returns for
    each request its outputs by name or a HostError. One that answers in its own time has `reply(request, reply)` instead of `stream`. One
    with methods of a `concurrency` does so too, in `step()`, for as long as it `has_step`. One that has something to tidy up has `close()`.
    """

    # As in docs/frames.md, "The description of a model".
    description: dict[str, Any]

    def infer(self, call: Call) -> Payload:
        """Answers a call of a method that does not stream. Raises HostError, or whatever the model's own code raises."""

    def stream(self, call: Call) -> Iterator[Payload]:
        """
        The answers of a streaming method. Arguments that do not fit are refused before the first answer is asked for.
        Closing the generator stops the model's.
        """
