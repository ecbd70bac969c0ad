"""Whether a server can have namespaces of its own on this machine, tried out."""

from __future__ import annotations

import os
import tempfile

from nitrous_launcher import namespaces
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
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                file_system.enter(plan)
            except BaseException as error:
                os.write(writing, str(error).encode() or b"failed")
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            reason = file.read().decode()
        os.waitpid(child, 0)
        return reason
