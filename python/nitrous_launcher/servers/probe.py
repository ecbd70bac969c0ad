"""Whether a server can have namespaces of its own on this machine, tried out."""

from __future__ import annotations

import os
import tempfile

from nitrous_launcher import namespaces
from nitrous_launcher.attempt import failure_of
from nitrous_launcher.servers import file_system
from nitrous_launcher.servers.plan import Plan


def probe() -> str:
    """Empty where they work, else why not."""
    with tempfile.TemporaryDirectory(prefix="nitrous-probe-") as temporary:
        os.mkdir(os.path.join(temporary, "root"))
        place = {"to": "/nitrous/probe", "from": temporary, "writable": True, "limit": None}
        view = {"places": [place], "devices": []}
        plan = Plan([], {}, "/", temporary, [], [], True, "private", view, None, None, None, None, {}, [], 1024)
        try:
            namespaces.leave_process_namespace()
            namespaces.leave_network()
        except OSError as error:
            return str(error)
        return failure_of(lambda: file_system.enter(plan))
