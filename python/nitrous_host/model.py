"""What the host's loop knows of a model, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Protocol

from nitrous_host.payload import Call, Payload

# Tells people what the host is doing while a model loads.
Progress = Callable[[str], None]


@dataclass
class LoadRequest:
    """
    What a load frame says. `file` is a folder for formats that are folders; `example` is the path of example.json; with `trust`
    "pickle" and not "none", pickles may run what they name; with `code`, code that the artefact carries may run. `settings` is
    what the model's resource says to the loader: text or True from arguments, any JSON from files.
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


class Model(Protocol):
    """A loaded model that has answered its warm-up."""

    # As in docs/frames.md, "The description of a model".
    description: dict[str, Any]

    def infer(self, call: Call) -> Payload:
        """Answers a call of a method that does not stream. Raises HostError, or whatever the model's own code raises."""

    def stream(self, call: Call) -> Iterator[Payload]:
        """
        The answers of a streaming method. Arguments that do not fit are refused before the first answer is asked for.
        Closing the generator stops the model's.
        """
