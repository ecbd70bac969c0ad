"""What models answer as payloads: as from a custom model."""

from __future__ import annotations

from nitrous_host.custom.results import _plain as plain
from nitrous_host.custom.results import to_payload

__all__ = ["plain", "to_payload"]
