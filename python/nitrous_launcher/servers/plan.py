"""How a server is to run, as nitrous has decided (src/executors/servers/plan.ts, where each field is described)."""

from __future__ import annotations

import base64
import os
import shutil


class Plan:
    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        directory: str,
        temporary: str,
        folders: list[str],
        files: list[dict],
        namespaces: bool,
        network: str,
        view: dict,
        user: int | None,
        group: int | None,
        memory: int | None,
        processors: float | None,
        groups: dict,
        disk: list[dict],
        open_files: int,
    ) -> None:
        self.command = command
        self.environment = environment
        self.directory = directory
        self.temporary = temporary
        self.folders = folders
        self.files = files
        self.namespaces = namespaces
        self.network = network
        self.view = view
        self.user = user
        self.group = group
        self.memory = memory
        self.processors = processors
        self.groups = groups
        self.disk = disk
        self.open_files = open_files

    def prepare(self) -> None:
        """Makes the folders and the files of objects, for the user that the program runs as."""
        os.mkdir(self.temporary, 0o700)
        self._give(self.temporary)
        for folder in self.folders:
            os.makedirs(folder, 0o700)
            self._give(folder)
        for file in self.files:
            os.makedirs(os.path.dirname(file["path"]), 0o700, exist_ok=True)
            descriptor = os.open(file["path"], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(base64.b64decode(file["content"]))
            self._give(file["path"])
            self._give(os.path.dirname(file["path"]))

    def clean_up(self) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)

    def _give(self, path: str) -> None:
        if os.getuid() == 0 and (self.user is not None or self.group is not None):
            os.chown(path, -1 if self.user is None else self.user, -1 if self.group is None else self.group)
