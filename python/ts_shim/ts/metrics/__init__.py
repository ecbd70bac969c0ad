"""Metrics that handlers add."""
