"""Models that are written for the Python backend of Triton: a class TritonPythonModel in a file model.py."""
