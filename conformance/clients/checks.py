"""What every client's script needs: where the example models are, and how a check is reported."""

import json
from pathlib import Path
from typing import Callable

MODELS = Path(__file__).parents[2] / "examples" / "models"


def report(name: str, check: Callable[[], str]) -> None:
    """One JSON line for each check; an exception is a failure with its text."""
    try:
        detail = check() or ""
    except Exception as error:  # noqa: BLE001 - every failure is a result
        detail = f"{type(error).__name__}: {error}"
    print(json.dumps({"name": name, "ok": detail == "", "detail": detail}), flush=True)
