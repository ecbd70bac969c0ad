"""Pickle and joblib files of estimators, loaded through an allow-list: nothing that a file names can run code of its choice."""

from nitrous_host.pickles.load import load_trusted, load_untrusted
from nitrous_host.pickles.refusal import Refused

__all__ = ["Refused", "load_trusted", "load_untrusted"]
