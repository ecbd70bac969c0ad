"""What the processes that become the program tell the launcher, as lines in a pipe that the program itself does not have."""

from __future__ import annotations

import os


class Reports:
    def __init__(self) -> None:
        self.reading, self._writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.reading, False)
        self.has_started = False
        # The program's wait status.
        self.status: int | None = None
        # Why it could not be started.
        self.problem: str | None = None
        self._rest = b""

    def started(self) -> None:
        os.write(self._writing, b"started\n")

    def ended(self, status: int) -> None:
        os.write(self._writing, b"ended %d\n" % status)

    def failed(self, problem: str) -> None:
        os.write(self._writing, b"failed " + problem.replace("\n", " ").encode()[:2000] + b"\n")

    def close_writing(self) -> None:
        os.close(self._writing)

    def read(self) -> bool:
        """Takes what has come; whether more may come."""
        while True:
            try:
                chunk = os.read(self.reading, 4096)
            except BlockingIOError:
                return True
            if chunk == b"":
                return False
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                self._take(*line.decode("utf-8", "replace").partition(" ")[::2])

    def _take(self, name: str, value: str) -> None:
        if name == "started":
            self.has_started = True
        elif name == "ended":
            self.status = int(value)
        elif name == "failed":
            self.problem = value
