"""Archives of TorchServe for tests."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any


def write_archive(path: Path, model: dict[str, Any] | None, files: dict[str, bytes] | None = None) -> Path:
    """A .mar with these files, and a manifest unless `model` is None."""
    contents = dict(files or {})
    if model is not None:
        contents["MAR-INF/MANIFEST.json"] = json.dumps({"runtime": "python", "model": model}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path
