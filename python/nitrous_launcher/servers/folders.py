"""What a program has written to its own folders. A look at all files, as the kubelet has it: no file system's quota is needed."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

BLOCK = 512
# Seconds that one look may take, because the launcher has other work too; it goes on at the next one.
SLICE = 0.02
ENTRIES = 64


class Folders:
    def __init__(self, rules: list[dict]) -> None:
        """Each has the paths of its `folders`, a `limit` in bytes, and a `title` for its message."""
        self._rules = rules
        self._looking = self._look_at_all()

    @property
    def are_watched(self) -> bool:
        return self._rules != []

    def look(self) -> str | None:
        """Why the program is to be killed."""
        end = time.monotonic() + SLICE
        for problem in self._looking:
            if problem is not None:
                return problem
            if time.monotonic() >= end:
                return None
        self._looking = self._look_at_all()
        return None

    def _look_at_all(self) -> Iterator[str | None]:
        """Gives None every few files, and the problem where there is one."""
        for rule in self._rules:
            used = 0
            for size in (size for folder in rule["folders"] for size in sizes_in(folder)):
                used += size
                if used > rule["limit"]:
                    yield f"{rule['title']}: it holds more than the {_shown(rule['limit'])} that it may"
                yield None


def sizes_in(folder: str) -> Iterator[int]:
    """Blocks that its files take, a few files at a time; what goes away meanwhile counts nothing."""
    unseen = [folder]
    while unseen:
        size = 0
        try:
            with os.scandir(unseen.pop()) as entries:
                for count, entry in enumerate(entries, 1):
                    try:
                        size += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                        if entry.is_dir(follow_symlinks=False):
                            unseen.append(entry.path)
                    except OSError:
                        continue
                    if count % ENTRIES == 0:
                        yield size
                        size = 0
        except OSError:
            pass
        yield size


def _shown(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 10 << 20 else f"{size >> 10} KiB"
