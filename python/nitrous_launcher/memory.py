"""How much memory processes use together."""

from __future__ import annotations

import os

PAGE = os.sysconf("SC_PAGE_SIZE")


def used(pids: list[int], more_than: int) -> int:
    """
    Bytes, with pages that several processes share counted in parts (PSS). That takes the kernel milliseconds for large processes, so
    it is only asked when the sum with shared pages counted in full, which is never less, is more than `more_than`.
    """
    resident = sum(_resident(pid) for pid in pids)
    return resident if resident <= more_than else sum(_proportional(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return _resident(pid)
