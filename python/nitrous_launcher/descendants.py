"""Finds and ends the descendants of this process, which must be their subreaper."""

from __future__ import annotations

import os
import select
import signal
import time

# A process that the kernel does not let go, in the middle of a read from a dead disk, say, must not keep the launcher for ever.
PATIENCE = 10.0


def descendants(ancestor: int) -> list[int]:
    """Pids of all processes below the ancestor, in no particular order."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            parent = _parent_of(name)
            if parent is not None:
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    unseen = [ancestor]
    while unseen:
        below = children.get(unseen.pop(), [])
        found += below
        unseen += below
    return found


def _parent_of(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command in parentheses may hold anything, also parentheses.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def end_descendants(wakeup: int) -> dict[int, int]:
    """
    Kills until no child is left: what loses its parent becomes a child of this process, so nothing gets away. `wakeup` becomes
    readable when a child ends. Gives the wait status of each child that ended.
    """
    statuses: dict[int, int] = {}
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        has_children, ended = reap()
        statuses.update(ended)
        if not has_children:
            break
        if select.select([wakeup], [], [], 0.05)[0]:
            os.read(wakeup, 4096)
    return statuses


def reap() -> tuple[bool, dict[int, int]]:
    """Takes leave of the children that have ended: whether others are left, and the wait status of each."""
    statuses: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False, statuses
        if pid == 0:
            return True, statuses
        statuses[pid] = status
