"""
The first process of a process namespace. It cannot be killed by signals from within and inherits all orphans, so it is not the host
itself: it starts the host, buries what has ended, and ends with the host and with everything else in the namespace.
"""

from __future__ import annotations

import os
import signal

from nitrous_launcher import system

STARTED = b"started\n"


class Reports:
    """What the first process tells the launcher: that the host has started, and its wait status."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.reading, False)
        self._text = b""

    def has_started(self) -> bool:
        self._read()
        return self._text.startswith(STARTED)

    def status(self, otherwise: int) -> int:
        """The host's wait status, or the other one where the first process has not told it or there is none."""
        self._read()
        told = self._text[len(STARTED) :]
        return int(told) if told else otherwise

    def _read(self) -> None:
        try:
            self._text += os.read(self.reading, 64)
        except BlockingIOError:
            pass


def be_first_process(command: list[str], connection: int, reports: Reports) -> None:
    """Does not return."""
    host = os.fork()
    if host == 0:
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.execvp(command[0], command)
    os.close(connection)
    os.write(reports.writing, STARTED)
    while True:
        pid, status = os.wait()
        if pid == host:
            os.write(reports.writing, b"%d" % status)
            os._exit(0)
