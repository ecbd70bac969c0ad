"""The Python host: a process that loads models and answers for them in frames (docs/frames.md)."""

__version__ = "0.1.0"
