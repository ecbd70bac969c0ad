"""What this machine can do to confine a host, tried out rather than concluded from versions."""

from __future__ import annotations

import json
import os
import tempfile

from nitrous_launcher import confinement, landlock, namespaces, seccomp
from nitrous_launcher.attempt import failure_of


def probe() -> str:
    """JSON: `namespaces` is null where they work, else why not; `landlock` the version, 0 for none; `seccomp` whether it works."""
    answer = {"landlock": landlock.version(), "seccomp": seccomp.is_supported(), "namespaces": None}
    with tempfile.TemporaryDirectory(prefix="nitrous-probe-") as temporary:
        try:
            namespaces.leave_process_namespace()
            answer["namespaces"] = _tried(temporary)
        except OSError as error:
            answer["namespaces"] = str(error)
    return json.dumps(answer)


def _tried(temporary: str) -> str | None:
    def confine() -> None:
        os.chdir("/")
        confinement.confine("namespaces", ["/usr"], [temporary])

    return failure_of(confine) or None
