"""Control groups of one server, for memory and processors: cgroups(7), of version 2 or 1."""

from __future__ import annotations

import os
import time

PERIOD = 100_000  # microseconds
PATIENCE = 1.0
NAMES = {"memory": "memory", "processors": "cpu"}


class Groups:
    def __init__(self, candidates: dict[str, list[dict]], memory: int | None, processors: float | None) -> None:
        """For each limit the folders that may become its group, the best first; each has its `version` and its `folder`."""
        self._folders: list[str] = []
        self._events: tuple[str, str] | None = None
        limits = {"memory": memory, "processors": processors}
        # Which limits are in force; the others must be kept otherwise.
        self.kept = {
            name
            for name, limit in limits.items()
            if limit is not None and any(self._make(name, limit, candidate) for candidate in candidates.get(name, []))
        }

    def join(self) -> None:
        """This process, and all that come from it."""
        for folder in self._folders:
            _write(folder, "cgroup.procs", "0")

    def has_killed(self) -> bool:
        """The kernel has killed one of them for memory."""
        if self._events is None:
            return False
        folder, name = self._events
        try:
            with open(os.path.join(folder, name)) as file:
                return any(line.startswith("oom_kill ") and int(line.split()[1]) > 0 for line in file)
        except (OSError, ValueError):
            return False

    def remove(self) -> None:
        give_up = time.monotonic() + PATIENCE
        for folder in self._folders:
            while not _removed(folder) and time.monotonic() < give_up:
                time.sleep(0.01)

    def _make(self, name: str, limit: float, candidate: dict) -> bool:
        folder, version = candidate["folder"], candidate["version"]
        is_new = folder not in self._folders
        # A process is in one group of version 2.
        if version == 2 and is_new and self._folders != []:
            return False
        try:
            if version == 2:
                _let(os.path.dirname(folder), NAMES[name])
            if is_new:
                os.mkdir(folder)
            for file, text, is_needed in _limits(name, limit, version):
                try:
                    _write(folder, file, text)
                except OSError:
                    # Such as swap, which not every kernel counts.
                    if is_needed:
                        raise
        except OSError:
            if is_new:
                _removed(folder)
            return False
        if is_new:
            self._folders.append(folder)
        if name == "memory":
            self._events = (folder, "memory.events" if version == 2 else "memory.oom_control")
        return True


def _limits(name: str, limit: float, version: int) -> list[tuple[str, str, bool]]:
    """Files, what goes into them, and whether the limit is none without it."""
    if name == "processors":
        quota = max(1000, round(limit * PERIOD))
        if version == 2:
            return [("cpu.max", f"{quota} {PERIOD}", True)]
        return [("cpu.cfs_period_us", str(PERIOD), True), ("cpu.cfs_quota_us", str(quota), True)]
    size = str(int(limit))
    if version == 2:
        return [("memory.max", size, True), ("memory.swap.max", "0", False), ("memory.oom.group", "1", False)]
    return [("memory.limit_in_bytes", size, True), ("memory.memsw.limit_in_bytes", size, False)]


def _let(parent: str, controller: str) -> None:
    """The groups below may have the controller; that fails where the parent has processes of its own and is not the first group."""
    with open(os.path.join(parent, "cgroup.subtree_control")) as file:
        if controller in file.read().split():
            return
    _write(parent, "cgroup.subtree_control", f"+{controller}")


def _write(folder: str, name: str, text: str) -> None:
    # At once: these files take one write.
    descriptor = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _removed(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
