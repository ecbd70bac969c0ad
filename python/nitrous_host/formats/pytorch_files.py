"""What a PyTorch file holds, told from the names of its entries without loading any of it."""

from __future__ import annotations

import os
import zipfile

from nitrous_host.errors import HostError, summary, trace

# How a file begins that torch.save wrote before it wrote archives: with a pickle.
PICKLE = b"\x80"
# Entries of the present and of the first form of torch.export's archives.
EXPORTED = {"archive_format", "serialized_exported_program.json"}


def kind_of(file: str) -> str:
    """
    "script" (TorchScript), "export" (torch.export and AOTInductor) or "saved" (torch.save: weights or a pickled module).
    Raises HostError INVALID_ARGUMENT for anything else, and for archives that are cut off.
    """
    name = os.path.basename(file)
    with open(file, "rb") as content:
        head = content.read(2)
    if head[:1] == PICKLE:
        return "saved"
    try:
        entries = entry_names(file)
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        message = f"{name} is not a whole PyTorch file ({summary(error)[:200]}): copy it again, or write it again"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    if any(entry.startswith("MAR-INF/") for entry in zipfile.ZipFile(file).namelist()):
        raise HostError("INVALID_ARGUMENT", f"{name} is a TorchServe archive: give it the ending .mar")
    if EXPORTED.intersection(entries) or any(entry.startswith("data/aotinductor/") for entry in entries):
        return "export"
    if "constants.pkl" in entries and any(entry.startswith("code/") for entry in entries):
        return "script"
    if "data.pkl" in entries:
        return "saved"
    message = f"{name} is an archive, and neither TorchScript, nor of torch.export, nor of torch.save: write it again with one of them"
    raise HostError("INVALID_ARGUMENT", message)


def entry_names(file: str) -> list[str]:
    """Names in an archive without the folder that PyTorch puts around them; of torch.export's first form, which has none, as they are."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    if len(set(names)) != len(names):
        raise ValueError("two of its entries have one name")
    return [without_root(name) for name in names]


def without_root(name: str) -> str:
    """An entry's name without the archive's own folder."""
    return name.partition("/")[2] or name
