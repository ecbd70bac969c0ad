"""Archives (.mar, a zip; or .tar.gz) into a folder of the host's own, within limits."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import weakref
import zipfile
from typing import IO, Any, Iterator

from nitrous_host.errors import HostError

MOST_FILES = 20_000
# Bytes that all files together may have unpacked, and how much more than the archive has that may be: weights hardly compress.
MOST_BYTES = 64 << 30
MOST_EXPANSION = 200
ALWAYS_ALLOWED = 256 << 20
PIECE = 1 << 20


class Unpacked:
    """A folder with the files of an archive; a temporary one goes with this object, or with the process."""

    def __init__(self, folder: str, temporary: bool) -> None:
        self.folder = folder
        if temporary:
            self.remove = weakref.finalize(self, shutil.rmtree, folder, True)


def unpack(path: str) -> Unpacked:
    """
    The archive's files; a folder is used where it is. Raises HostError INVALID_ARGUMENT for what is no archive or is broken, for names
    that lead elsewhere, links and devices, and RESOURCE_EXHAUSTED for one that is larger than the limits.
    """
    if os.path.isdir(path):
        return Unpacked(path, temporary=False)
    unpacked = Unpacked(tempfile.mkdtemp(prefix="nitrous-mar-"), temporary=True)
    name = os.path.basename(path)
    try:
        budget = _Budget(name, os.path.getsize(path))
        for member, size, stream in _members(path, name):
            budget.take(member, size)
            _write(unpacked.folder, member, stream, budget)
    except HostError:
        unpacked.remove()
        raise
    except Exception as error:
        # Of archives that are broken in their own ways, the libraries raise whatever they come upon.
        unpacked.remove()
        raise HostError("INVALID_ARGUMENT", f"{name} is no readable archive of TorchServe, or is cut off: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from error
    return unpacked


class _Budget:
    """What an archive may still unpack; what its own directory says of sizes is not believed."""

    def __init__(self, name: str, packed: int) -> None:
        self._name = name
        self._files = MOST_FILES
        self._bytes = min(MOST_BYTES, max(ALWAYS_ALLOWED, packed * MOST_EXPANSION))

    def take(self, member: str, size: int) -> None:
        self._files -= 1
        if self._files < 0:
            raise HostError("RESOURCE_EXHAUSTED", f"{self._name} has more than {MOST_FILES} files")
        if size > self._bytes:
            raise self._too_large(member)

    def write(self, member: str, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0:
            raise self._too_large(member)

    def _too_large(self, member: str) -> HostError:
        return HostError("RESOURCE_EXHAUSTED", f"{self._name} unpacks to far more than its own size (at {member}); unpack it yourself and serve the folder")


def _members(path: str, name: str) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Names, sizes and contents of the files. Raises HostError INVALID_ARGUMENT for anything but files and folders."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                # The upper half are the mode of Unix systems, 0 where there was none.
                kind = (entry.external_attr >> 16) & 0o170000
                if kind not in (0, 0o100000, 0o040000):
                    raise HostError("INVALID_ARGUMENT", f"{name} holds a link or device, {entry.filename}: only files and folders are unpacked")
                if not entry.is_dir():
                    with archive.open(entry) as stream:
                        yield entry.filename, entry.file_size, stream
        return
    with tarfile.open(path, "r:*") as tar:
        for member in tar:
            if member.isdir():
                continue
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is None:
                raise HostError("INVALID_ARGUMENT", f"{name} holds a link or device, {member.name}: only files and folders are unpacked")
            yield member.name, member.size, stream


def _write(folder: str, member: str, stream: Any, budget: _Budget) -> None:
    parts = [part for part in member.replace("\\", "/").split("/") if part not in ("", ".")]
    if member.startswith(("/", "\\")) or ".." in parts or not parts or any(":" in part or "\0" in part for part in parts):
        raise HostError("INVALID_ARGUMENT", f"a file of the archive has the name {member!r}, which leads out of it")
    target = os.path.join(folder, *parts)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    # "x": a name that is there twice is no archive that a tool made.
    with open(target, "xb") as file:
        while piece := stream.read(PIECE):
            budget.write(member, len(piece))
            file.write(piece)
