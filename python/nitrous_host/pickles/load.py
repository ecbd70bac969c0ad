"""The two ways to load a file: what it names is checked, or somebody trusts it."""

from __future__ import annotations

import pickle
from typing import Any

from nitrous_host.pickles.gate import Gate
from nitrous_host.pickles.unpickler import GatedUnpickler

JOBLIB_ENDING = ".joblib"


def load_untrusted(file: str) -> Any:
    """The object in a pickle or joblib file. Raises Refused, and what unpickling raises."""
    gate = Gate()
    if file.endswith(JOBLIB_ENDING):
        from nitrous_host.pickles.joblib_files import load_joblib

        return load_joblib(file, gate)
    with open(file, "rb") as stream:
        return GatedUnpickler(stream, gate=gate).load()


def load_trusted(file: str) -> Any:
    """The object in a pickle or joblib file, which may run whatever code it names."""
    if file.endswith(JOBLIB_ENDING):
        import joblib

        return joblib.load(file)
    with open(file, "rb") as stream:
        return pickle.load(stream)
