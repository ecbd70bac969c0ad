"""
Runs a command as a model host: `python launch.py COMMAND ARGUMENTS...`, by the interpreter alone and without any package.

Descriptor 3 is the host's connection, and only the host keeps it. Descriptor 4 is the launcher's line to the server: it says
"host PID" there, and its end means that the server is gone or wants everything to end. When the host ends or the line does,
every descendant is killed, also those that left its session and lost their parents; then the launcher ends as the host did.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from nitrous_launcher import system  # noqa: E402
from nitrous_launcher.descendants import end_descendants, reap  # noqa: E402

CONNECTION = 3
LINE = 4
CANNOT_RUN = 127  # as a shell ends for a command that is not there


def main(command: list[str]) -> int:
    """Gives the wait status of the host."""
    # Before the first child: one that is orphaned earlier would get away.
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGTERM)
    wakeup = _wake_up_on_signals()
    launcher = os.getpid()
    host = os.fork()
    if host == 0:
        _become_host(command, launcher)
    os.close(CONNECTION)
    statuses: dict[int, int] = {}
    try:
        os.write(LINE, b"host %d\n" % host)
        statuses.update(_until_end(host, wakeup))
    except OSError as error:
        # The line is broken in some other way than by its end.
        os.write(2, f"the launcher lost the server: {error}\n".encode())
    statuses.update(end_descendants(wakeup))
    return statuses.get(host, signal.SIGKILL)


def _wake_up_on_signals() -> int:
    """A descriptor that is readable after a signal: a child has ended, or the launcher is to end."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return reading


def _become_host(command: list[str], launcher: int) -> None:
    try:
        os.close(LINE)
        # Python ignores SIGPIPE, and what is ignored stays so in the next program.
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == launcher:
            os.execvp(command[0], command)
    except BaseException as error:
        os.write(2, f"could not start {command[0]}: {error}\n".encode())
    finally:
        os._exit(CANNOT_RUN)


def _until_end(host: int, wakeup: int) -> dict[int, int]:
    """Waits until the host has ended or everything is to end; gives the wait status of what has ended."""
    poll = select.poll()
    poll.register(LINE, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    statuses: dict[int, int] = {}
    while host not in statuses:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if LINE in ready and not os.read(LINE, 4096):
            break
        if wakeup in ready:
            signals = os.read(wakeup, 4096)
            statuses.update(reap()[1])
            if any(number != signal.SIGCHLD for number in signals):
                break
    return statuses


def _end_as(status: int) -> None:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        # The host has left its core already, where one was wanted.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    _end_as(main(sys.argv[1:]))
