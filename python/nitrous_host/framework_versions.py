"""Versions that artefacts record, beside the ones that are installed."""

from __future__ import annotations


def is_newer(recorded: str, installed: str) -> bool:
    """Whether the first two numbers of a recorded version are above those of the installed one; false for an empty version."""
    return _numbers(recorded) > _numbers(installed)


def newer_warning(framework: str, recorded: str, installed: str, package: str) -> str:
    """What a description says of a model that a newer framework made; without what follows "+" in versions of PyTorch."""
    requirement = f"{package}>={recorded.partition('+')[0]}"
    return f"made with {framework} {recorded}, served with the older {installed}; name {requirement} in requirements.txt"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
