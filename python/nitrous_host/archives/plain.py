"""What handlers answer as JSON values."""

from __future__ import annotations

import base64
import math
from typing import Any

from nitrous_host.errors import HostError


def plain(value: Any) -> Any:
    """
    Arrays and tensors as lists, numbers of libraries as Python's, NaN and the infinities as null, bytes as text, or {"b64": ...} when
    they are none. Raises HostError INTERNAL for anything else.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise HostError("INTERNAL", f"the handler answered a {type(value).__name__}, which is no JSON")
