"""What a program has written to its own folders. A look at all files, as the kubelet has it: no file system's quota is needed."""

from __future__ import annotations

import os
import time

BLOCK = 512
INTERVAL = 1.0
# A look takes at most one part in so many of the time.
SHARE = 20


class Folders:
    def __init__(self, rules: list[dict]) -> None:
        """Each has the paths of its `folders`, a `limit` in bytes, and a `title` for its message."""
        self._rules = rules
        self._next = time.monotonic()

    @property
    def are_watched(self) -> bool:
        return self._rules != []

    def look(self) -> str | None:
        """Why the program is to be killed."""
        started = time.monotonic()
        if started < self._next:
            return None
        problem = None
        for rule in self._rules:
            used = sum(bytes_in(folder) for folder in rule["folders"])
            if used > rule["limit"]:
                problem = f"{rule['title']}: it holds {_shown(used)} and may hold {_shown(rule['limit'])}"
        ended = time.monotonic()
        self._next = ended + max(INTERVAL, (ended - started) * SHARE)
        return problem


def bytes_in(folder: str) -> int:
    """Blocks that its files take; what goes away meanwhile counts nothing."""
    total = 0
    unseen = [folder]
    while unseen:
        try:
            with os.scandir(unseen.pop()) as entries:
                for entry in entries:
                    try:
                        total += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                        if entry.is_dir(follow_symlinks=False):
                            unseen.append(entry.path)
                    except OSError:
                        continue
        except OSError:
            continue
    return total


def _shown(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 10 << 20 else f"{size >> 10} KiB"
