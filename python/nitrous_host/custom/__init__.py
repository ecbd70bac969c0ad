"""A user's own model: a plain class or plain functions in a Python file, with any methods (docs/custom-models-python.md)."""
