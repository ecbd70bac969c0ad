"""
Runs a command as a model host, by the interpreter alone and without any package:

    python launch.py COMMAND ARGUMENTS...
    python launch.py --confine PLAN COMMAND ARGUMENTS...      confined, see plan.py
    python launch.py --probe                                  says as JSON what this machine can do
    python launch.py --server                                 runs a server of its own, see servers/server.py
    python launch.py --probe-server                           says why that cannot have namespaces here; nothing where it can

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

# What typing.TYPE_CHECKING is, without 10 ms for its import.
TYPE_CHECKING = False

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from nitrous_launcher import system  # noqa: E402
from nitrous_launcher.descendants import descendants, end_descendants, reap  # noqa: E402
from nitrous_launcher.first_process import Reports, be_first_process  # noqa: E402

CONNECTION = 3
LINE = 4
CANNOT_RUN = 127  # as a shell ends for a command that is not there
MEMORY_INTERVAL = 500  # milliseconds

if TYPE_CHECKING:
    from nitrous_launcher.plan import Plan


def main(command: list[str], plan: Plan | None) -> int:
    """Gives the wait status of the host."""
    # Before the first child: one that is orphaned earlier would get away.
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGTERM)
    wakeup = _wake_up_on_signals()
    statuses: dict[int, int] = {}
    first = Reports()
    child = 0
    try:
        if plan is not None:
            plan.prepare()
        child = _start(command, plan, first)
        os.close(CONNECTION)
        if plan is None or not plan.has_first_process:
            _tell(child)
        statuses.update(_until_end(child, wakeup, plan, first))
    except OSError as error:
        os.write(2, f"the launcher of the host failed: {error}\n".encode())
    finally:
        statuses.update(end_descendants(wakeup))
        if plan is not None:
            plan.clean_up()
    return first.status(otherwise=statuses.get(child, signal.SIGKILL))


def _tell(host: int) -> None:
    os.write(LINE, b"host %d\n" % host)


def _wake_up_on_signals() -> int:
    """A descriptor that is readable after a signal: a child has ended, or the launcher is to end."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return reading


def _start(command: list[str], plan: Plan | None, first: Reports) -> int:
    # The launcher has the only other end, which is closed when it dies: a parent in another namespace has no pid to look at.
    alive, launcher = os.pipe2(os.O_CLOEXEC)
    host = os.fork()
    if host != 0:
        os.close(alive)
        return host
    try:
        os.close(launcher)
        os.close(LINE)
        # Python ignores SIGPIPE, and what is ignored stays so in the next program.
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        if not select.select([alive], [], [], 0)[0]:
            if plan is not None:
                command = plan.confine(command)
                if plan.has_first_process:
                    be_first_process(command, CONNECTION, first)
            os.execvp(command[0], command)
    except BaseException as error:
        os.write(2, f"could not start {command[0]}: {error}\n".encode())
    finally:
        os._exit(CANNOT_RUN)


def _until_end(child: int, wakeup: int, plan: Plan | None, first: Reports) -> dict[int, int]:
    """Waits until the child has ended or everything is to end; gives the wait status of what has ended."""
    limit = None if plan is None else plan.memory
    poll = select.poll()
    poll.register(LINE, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    poll.register(first.reading, select.POLLIN)
    statuses: dict[int, int] = {}
    while child not in statuses:
        ready = {descriptor for descriptor, _ in poll.poll(None if limit is None else MEMORY_INTERVAL)}
        if limit is not None and _is_over(limit):
            break
        if first.reading in ready:
            # Its end is the end of the first process, which a signal tells too.
            poll.unregister(first.reading)
            for host in descendants(child)[:1] if first.has_started() else []:
                _tell(host)
        if LINE in ready and not os.read(LINE, 4096):
            break
        if wakeup in ready:
            signals = os.read(wakeup, 4096)
            statuses.update(reap()[1])
            if any(number != signal.SIGCHLD for number in signals):
                break
    return statuses


def _is_over(limit: int) -> bool:
    from nitrous_launcher import memory

    used = memory.used(descendants(os.getpid()), more_than=limit)
    if used > limit:
        os.write(2, f"killed for memory: it used {used >> 20} MiB and may use {limit >> 20} MiB\n".encode())
    return used > limit


def _end_as(status: int) -> None:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        # The host has left its core already, where one was wanted.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def _run(words: list[str]) -> None:
    if words[:1] == ["--probe"]:
        from nitrous_launcher.probe import probe

        print(probe())
    elif words[:1] == ["--server"]:
        from nitrous_launcher.servers.server import serve

        os.environ.pop("NODE_CHANNEL_FD", None)
        os.environ.pop("NODE_CHANNEL_SERIALIZATION_MODE", None)
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGTERM)
        _end_as(serve(_wake_up_on_signals()))
    elif words[:1] == ["--probe-server"]:
        from nitrous_launcher.servers.probe import probe as probe_server

        print(probe_server())
    elif words[:1] == ["--filter"]:
        from nitrous_launcher.confinement import confine

        confine("filter", [], [])
        os.execvp(words[1], words[1:])
    elif words[:1] == ["--confine"]:
        from nitrous_launcher.plan import read_plan

        _end_as(main(words[2:], read_plan(words[1])))
    else:
        _end_as(main(words, None))


if __name__ == "__main__":
    _run(sys.argv[1:])
