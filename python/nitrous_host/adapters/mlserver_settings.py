"""model-settings.json: what makes a folder a model of MLServer."""

from __future__ import annotations

import os

SETTINGS_FILE = "model-settings.json"


def is_settings_file(path: str) -> bool:
    return os.path.basename(path) == SETTINGS_FILE
