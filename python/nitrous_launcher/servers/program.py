"""Starts the program, or another command beside it."""

from __future__ import annotations

import os
import select
import signal

from nitrous_launcher import namespaces, system
from nitrous_launcher.servers import file_system
from nitrous_launcher.servers.first_process import be_first_process
from nitrous_launcher.servers.identity import become

CANNOT_RUN = 127  # as a shell ends for a command that is not there
HANDLED = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from nitrous_launcher.servers.channel import Channel
    from nitrous_launcher.servers.groups import Groups
    from nitrous_launcher.servers.plan import Plan
    from nitrous_launcher.servers.reports import Reports


class Starter:
    """Starts the program and others beside it."""

    def __init__(self, plan: Plan, groups: Groups, channel: Channel) -> None:
        self._plan = plan
        self._groups = groups
        self._channel = channel
        # The launcher has the only end for writing, which is closed when it dies: a parent in another namespace has no pid to look at.
        self._alive, self._launcher = os.pipe2(os.O_CLOEXEC)
        self._first = 0

    def program(self, reports: Reports) -> int:
        """Gives its pid, or that of the first process of its namespace."""
        plan = self._plan

        def run() -> None:
            try:
                self._become()
                os.execvpe(plan.command[0], plan.command, plan.environment)
            except BaseException as error:
                reports.failed(f"could not be started: {_describe(plan, error)}")
            os._exit(CANNOT_RUN)

        def enter() -> None:
            if plan.namespaces:
                file_system.enter(plan)
                be_first_process(run, reports)
            reports.started()
            run()

        self._first = self._fork(enter, lambda error: reports.failed(f"could not be started: its file system could not be made: {error}"))
        return self._first

    def beside(self, command: list[str], output: int) -> int:
        """Runs a command where the program runs; gives its pid."""
        folders = os.open(f"/proc/{self._first}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC) if self._plan.namespaces else None

        def enter() -> None:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            if folders is not None:
                system.checked(system.libc.setns(folders, namespaces.NEWNS), "setns")
            self._become()
            os.execvpe(command[0], command, self._plan.environment)

        try:
            return self._fork(enter, lambda error: os.write(output, f"could not start {command[0]}: {error}\n".encode()))
        finally:
            if folders is not None:
                os.close(folders)

    def _become(self) -> None:
        become(self._plan, "processors" not in self._groups.kept)

    def _fork(self, enter: Callable[[], None], report: Callable[[BaseException], object]) -> int:
        child = os.fork()
        if child != 0:
            return child
        try:
            os.close(self._launcher)
            self._channel.close()
            # Python ignores SIGPIPE, and what is ignored stays so in the next program.
            signal.set_wakeup_fd(-1)
            for number in HANDLED:
                signal.signal(number, signal.SIG_DFL)
            system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
            if not select.select([self._alive], [], [], 0)[0]:
                self._groups.join()
                enter()
        except BaseException as error:
            report(error)
        finally:
            os._exit(CANNOT_RUN)


def _describe(plan: Plan, error: BaseException) -> str:
    command = plan.command[0]
    if isinstance(error, FileNotFoundError):
        if error.filename == plan.directory:
            return f"its working folder {plan.directory} is not there"
        where = "" if "/" in command else " in its PATH"
        return f"there is no program {command}{where}, or not the interpreter that it names"
    return f"{command}: {error}"
