"""
An evaluator of PMML (Predictive Model Markup Language, https://dmg.org/pmml/) in Python alone: trees, regressions, scorecards, clusters
by centre, and ensembles and chains of them, with their transformations, targets and outputs. What it does not cover it says when it
reads the document, so that nothing is answered wrongly.
"""

from nitrous_host.pmml.document import Malformed, Unsupported, read_document
from nitrous_host.pmml.evaluator import Evaluator
from nitrous_host.pmml.values import Misfit

__all__ = ["Evaluator", "Malformed", "Misfit", "Unsupported", "read_document"]
