"""Commands that run beside the program, such as probes."""

from __future__ import annotations

import os
import select
import signal

# Bytes of output that are told, the last ones.
KEPT = 4096

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from nitrous_launcher.servers.channel import Channel


class Command:
    def __init__(self, number: int, pid: int, reading: int) -> None:
        self.number = number
        self.pid = pid
        self.reading = reading
        self.output = b""
        self.is_open = True

    def read(self) -> None:
        while self.is_open:
            try:
                chunk = os.read(self.reading, 1 << 16)
            except BlockingIOError:
                return
            self.is_open = chunk != b""
            self.output = (self.output + chunk)[-KEPT:]


class Commands:
    def __init__(self, channel: Channel, poll: select.poll) -> None:
        self._channel = channel
        self._poll = poll
        self._running: dict[int, Command] = {}

    def start(self, number: int, start: Callable[[int], int]) -> None:
        """`start` runs the command with this descriptor for its output. Told as {"executed": number, "code", "output"} when it ends."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reading, False)
        try:
            command = Command(number, start(writing), reading)
        except OSError as error:
            os.close(reading)
            return self._tell(number, 126, f"could not start it: {error}")
        finally:
            os.close(writing)
        self._running[command.pid] = command
        self._poll.register(reading, select.POLLIN)

    def cancel(self, number: int) -> None:
        for command in self._running.values():
            if command.number == number:
                try:
                    os.killpg(command.pid, signal.SIGKILL)
                except OSError:
                    # Too early for a session of its own.
                    os.kill(command.pid, signal.SIGKILL)

    def ready(self, descriptor: int) -> bool:
        """Whether it is the output of one of these."""
        for command in self._running.values():
            if command.reading == descriptor:
                command.read()
                if not command.is_open:
                    self._poll.unregister(descriptor)
                return True
        return False

    def ended(self, statuses: dict[int, int]) -> None:
        for pid, status in statuses.items():
            command = self._running.pop(pid, None)
            if command is None:
                continue
            was_open = command.is_open
            # Not to its end, which what it has started may put off.
            command.read()
            if was_open:
                self._poll.unregister(command.reading)
            os.close(command.reading)
            code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self._tell(command.number, code, command.output.decode("utf-8", "replace"))

    def _tell(self, number: int, code: int, output: str) -> None:
        self._channel.send({"executed": number, "code": code, "output": output})
