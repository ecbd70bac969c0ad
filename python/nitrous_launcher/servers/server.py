"""
Runs one server: launch.py --server. Descriptor 3 is the line to nitrous (channel.py), whose first message is the plan. Its end
means that nitrous is gone, and ends everything; so does the program's own end.

nitrous says {"connect": N, "port"}, {"execute": N, "command"}, {"cancel": N}, {"listening": N} and {"end": MILLISECONDS}. Told
are {"started": true}, {"connected": N} with the socket or {"refused": N, "problem"}, {"executed": N, "code", "output"},
{"ports": N, "numbers"}, {"failed": why it could not be started} and {"killed": why it was}.
"""

from __future__ import annotations

import os
import select
import signal
import time

from nitrous_launcher import memory, namespaces, system
from nitrous_launcher.descendants import descendants, end_descendants, reap
from nitrous_launcher.servers.channel import Channel
from nitrous_launcher.servers.commands import Commands
from nitrous_launcher.servers.connections import Connections
from nitrous_launcher.servers.folders import Folders
from nitrous_launcher.servers.groups import Groups
from nitrous_launcher.servers.plan import Plan
from nitrous_launcher.servers.program import Starter
from nitrous_launcher.servers.reports import Reports
from nitrous_launcher.servers.sockets import listening

LINE = 3
INTERVAL = 0.5  # seconds between looks at what it uses


def serve(wakeup: int) -> int:
    """Gives the wait status of the program."""
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    os.set_inheritable(LINE, False)
    channel = Channel(LINE)
    message = channel.wait()
    if message is None:
        return signal.SIGKILL
    plan = Plan(**message["plan"])
    statuses: dict[int, int] = {}
    server = None
    groups = Groups(plan.groups, plan.memory, plan.processors)
    try:
        plan.prepare()
        server = Server(plan, groups, channel, wakeup)
        statuses.update(server.run())
    except OSError as error:
        channel.send({"failed": f"could not be started: {error}"})
    finally:
        statuses.update(end_descendants(wakeup))
        if groups.has_killed():
            channel.send({"killed": over_memory(plan)})
        groups.remove()
        plan.clean_up()
    return signal.SIGKILL if server is None else server.status(statuses)


def over_memory(plan: Plan, used: int | None = None) -> str:
    uses = "it" if used is None else f"it used {used >> 20} MiB and"
    return f"was killed for memory: {uses} may use {(plan.memory or 0) >> 20} MiB (resources.limits.memory)"


class Server:
    def __init__(self, plan: Plan, groups: Groups, channel: Channel, wakeup: int) -> None:
        self._plan = plan
        self._groups = groups
        self._channel = channel
        self._wakeup = wakeup
        self._poll = select.poll()
        self._reports = Reports()
        self._starter = Starter(plan, groups, channel)
        self._connections = Connections(channel, self._poll)
        self._commands = Commands(channel, self._poll)
        self._folders = Folders(plan.disk)
        self._child = 0
        # When everything is killed, once it was asked to end.
        self._deadline: float | None = None
        self._has_told = False
        self._next_look = time.monotonic()

    def run(self) -> dict[int, int]:
        """Until the program has ended or everything is to end; gives the wait status of what has ended."""
        if self._plan.namespaces:
            namespaces.leave_process_namespace()
            if self._plan.network == "private":
                namespaces.leave_network()
        self._child = self._starter.program(self._reports)
        self._reports.close_writing()
        for each in (self._channel, self._wakeup, self._reports.reading):
            self._poll.register(each, select.POLLIN)
        statuses: dict[int, int] = {}
        while not self._is_over(statuses):
            ready = {descriptor for descriptor, _ in self._poll.poll(self._timeout())}
            if self._reports.reading in ready:
                self._read_reports()
            for descriptor in ready - {self._channel.fileno(), self._wakeup, self._reports.reading}:
                self._connections.ready(descriptor) or self._commands.ready(descriptor)
            if self._wakeup in ready:
                signals = os.read(self._wakeup, 4096)
                ended = reap()[1]
                statuses.update(ended)
                self._commands.ended(ended)
                if any(number != signal.SIGCHLD for number in signals):
                    break
            for message in self._channel.read():
                self._obey(message)
            self._connections.expire()
            if self._channel.is_closed or self._must_be_killed():
                break
        self._read_reports()
        return statuses

    def status(self, statuses: dict[int, int]) -> int:
        self._reports.read()
        if self._reports.status is not None:
            return self._reports.status
        return statuses.get(self._child, signal.SIGKILL)

    def _is_over(self, statuses: dict[int, int]) -> bool:
        if self._child not in statuses:
            return False
        if self._deadline is None or self._plan.namespaces:
            return True
        # What it leaves behind gets the rest of the time.
        left = descendants(os.getpid())
        for pid in [] if self._has_told else left:
            _ask(pid)
        self._has_told = True
        return left == []

    def _timeout(self) -> float | None:
        moments = [self._deadline, self._connections.deadline(), self._next_look if self._must_look() else None]
        known = [moment for moment in moments if moment is not None]
        return max(0.0, min(known) - time.monotonic()) * 1000 + 1 if known else None

    def _must_look(self) -> bool:
        return self._plan.memory is not None or self._folders.are_watched

    def _read_reports(self) -> None:
        before = self._reports.has_started
        if not self._reports.read():
            try:
                self._poll.unregister(self._reports.reading)
            except KeyError:
                pass
        if self._reports.has_started and not before:
            self._channel.send({"started": True})
        if self._reports.problem is not None:
            self._channel.send({"failed": self._reports.problem})
            self._reports.problem = None

    def _obey(self, message: dict) -> None:
        if "connect" in message:
            self._connections.open(message["connect"], message["port"])
        elif "execute" in message:
            self._execute(message["execute"], message["command"])
        elif "cancel" in message:
            self._commands.cancel(message["cancel"])
        elif "listening" in message:
            pids = None if self._plan.namespaces and self._plan.network == "private" else descendants(os.getpid())
            self._channel.send({"ports": message["listening"], "numbers": listening(pids)})
        elif "end" in message:
            moment = time.monotonic() + message["end"] / 1000
            self._deadline = moment if self._deadline is None else min(moment, self._deadline)
            _ask(self._child)

    def _execute(self, number: int, command: list[str]) -> None:
        if self._reports.has_started:
            self._commands.start(number, lambda output: self._starter.beside(command, output))
        else:
            self._channel.send({"executed": number, "code": 126, "output": "the program has not started yet"})

    def _must_be_killed(self) -> bool:
        now = time.monotonic()
        problem = None
        if self._deadline is not None and now >= self._deadline:
            problem = "was killed: it had not ended in the time that it had for that"
        elif self._must_look() and now >= self._next_look:
            self._next_look = now + INTERVAL
            problem = self._memory_problem() or self._folders.look()
        if problem is not None:
            self._channel.send({"killed": problem})
        return problem is not None

    def _memory_problem(self) -> str | None:
        limit = self._plan.memory
        if limit is None:
            return None
        if "memory" in self._groups.kept:
            return over_memory(self._plan) if self._groups.has_killed() else None
        used = memory.used(descendants(os.getpid()), more_than=limit)
        return over_memory(self._plan, used) if used > limit else None


def _ask(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError:
        pass
