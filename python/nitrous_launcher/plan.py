"""How one host is confined, as the server has decided (src/executors/isolation)."""

from __future__ import annotations

import json
import os
import sys

from nitrous_launcher import namespaces
from nitrous_launcher.confinement import confine

LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")


class Plan:
    def __init__(
        self, level: str, temporary: str, readable: list[str], writable: list[str], environment: dict[str, str], memory: int
    ) -> None:
        self.level = level
        self.temporary = temporary
        self.readable = readable
        self.writable = [temporary, *writable]
        # Variables that the dynamic linker would obey in the launcher, which is not confined.
        self.environment = environment
        # Bytes that the host and what it starts may use together.
        self.memory = memory

    @property
    def has_first_process(self) -> bool:
        return self.level == "namespaces"

    def prepare(self) -> None:
        """In the launcher, before the host is there."""
        os.mkdir(self.temporary, 0o700)
        for folder in self.writable[1:]:
            os.makedirs(folder, exist_ok=True)
        if self.level == "namespaces":
            namespaces.leave_process_namespace()

    def confine(self, command: list[str]) -> list[str]:
        """In the process that becomes the host; gives the command to run."""
        os.environ.update(self.environment)
        if self.level == "bwrap":
            return self._bwrap(command)
        confine(self.level, self.readable, self.writable)
        return command

    def clean_up(self) -> None:
        """When the host and all that it started have ended."""
        import shutil

        shutil.rmtree(self.temporary, ignore_errors=True)

    def _bwrap(self, command: list[str]) -> list[str]:
        words = ["bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--dev", "/dev", "--proc", "/proc"]
        for path in sorted(set(self.readable)):
            if os.path.islink(path):
                words += ["--symlink", os.readlink(path), path]
            else:
                words += ["--ro-bind-try", path, path]
        for path in self.writable:
            words += ["--bind", path, path]
        words += ["--remount-ro", "/", "--chdir", os.getcwd(), "--"]
        return [*words, sys.executable, "-I", "-S", "-B", LAUNCH, "--filter", *command]


def read_plan(text: str) -> Plan:
    return Plan(**json.loads(text))
