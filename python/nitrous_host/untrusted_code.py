"""What a loader says when an artefact carries code and nobody said that it may run."""

from __future__ import annotations

from nitrous_host.errors import HostError


def refuse_code(what: str, detail: str | None = None) -> HostError:
    """PERMISSION_DENIED; `what` is a sentence's beginning that names the code, such as "model.keras has a Lambda layer"."""
    return _refused(what, "annotation nitrous/trust: code, or serve its path from the command line", detail)


def refuse_pickle(what: str, model: str, detail: str | None = None) -> HostError:
    """PERMISSION_DENIED, for what runs while a file of data is read; `what` as above."""
    return _refused(what, f"annotation nitrous/trust: pickle, or nitrous serve --trust {model}", detail)


def _refused(what: str, way: str, detail: str | None) -> HostError:
    message = f"refused, and nothing of it ran: {what}. If you trust where the model comes from, allow it: {way}"
    return HostError("PERMISSION_DENIED", message, detail)
