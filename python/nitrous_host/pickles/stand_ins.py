"""What the gate hands out instead of a class, so that no constructor runs with arguments that a file chooses."""

from __future__ import annotations

from typing import Any


class _StandIn(type):
    """The class of all stand-ins."""


def filled_by_state(real: type) -> type:
    """
    A stand-in for a class whose pickled instances are made empty and then filled by their state: calling it, or its
    __new__, gives an empty instance of the real class, whatever the arguments.
    """

    def make(_cls: type, *_arguments: Any, **_named: Any) -> Any:
        return real.__new__(real)

    return _StandIn(real.__name__, (), {"__new__": make, "__slots__": (), "__module__": real.__module__, "stands_for": real})


def real_class(value: Any) -> Any:
    """The class that a stand-in stands for; anything else as it is."""
    return value.stands_for if isinstance(value, _StandIn) else value


class NotLoaded:
    """
    In the place of an object that a fitted estimator may hold and that prediction never uses, such as the distributions
    of a randomised search: scipy's execute text that is part of their state.
    """

    def __init__(self, *_arguments: Any, **_named: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


def safe_bunch() -> type:
    """
    scikit-learn's Bunch, whose keys are its attributes, without those that numpy would ask it for: one of them says at
    which address an array's memory is.
    """
    from sklearn.utils import Bunch

    class SafeBunch(Bunch):
        def __getattr__(self, key: str) -> Any:
            if key.startswith("__"):
                raise AttributeError(key)
            return super().__getattr__(key)

        def __reduce__(self) -> Any:
            return Bunch, (), None, None, iter(self.items())

    SafeBunch.__name__ = SafeBunch.__qualname__ = "Bunch"
    return SafeBunch
