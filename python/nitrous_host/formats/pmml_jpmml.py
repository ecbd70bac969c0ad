"""JPMML, the reference evaluator of PMML in Java, for documents that the one in Python does not cover."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from typing import Any

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.pmml import Misfit
from nitrous_host.pmml.evaluator import UNNAMED_TARGET

PACKAGE = "jpmml-evaluator"


@dataclass
class Field:
    name: str
    datatype: str


def what_is_missing() -> str | None:
    """What must be there for JPMML and is not, for people."""
    missing = []
    if importlib.util.find_spec("jpmml_evaluator") is None:
        missing.append(f"the package {PACKAGE} (add it to a requirements.txt in the model's folder)")
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        missing.append("a Java runtime (no `java` on the PATH, and no JAVA_HOME)")
    return " and ".join(missing) or None


class JpmmlEvaluator:
    """As nitrous_host.pmml.Evaluator, in a Java machine inside of this process. Raises HostError for a document that it refuses."""

    def __init__(self, file: str) -> None:
        java = shutil.which("java")
        if java is not None and not os.environ.get("JAVA_HOME"):
            os.environ["JAVA_HOME"] = os.path.dirname(os.path.dirname(os.path.realpath(java)))
        from jpmml_evaluator import JavaError, make_evaluator
        from jpmml_evaluator.jpype import JPypeBackend

        self._error = JavaError
        try:
            backend = JPypeBackend()
        except Exception as error:
            raise HostError("FAILED_PRECONDITION", f"the Java runtime for JPMML does not start: {summary(error)}", trace(error)) from error
        try:
            self._evaluator = make_evaluator(file, backend).verify()
        except Exception as error:
            name = os.path.basename(file)
            raise HostError("INVALID_ARGUMENT", f"{name} is no model for JPMML: {_text_of(error)}", trace(error)) from error
        self.inputs = [Field(field.getName(), field.getDataType()) for field in self._evaluator.getInputFields()]
        fields = [*self._evaluator.getTargetFields(), *self._evaluator.getOutputFields()]
        self.outputs: dict[str, str | None] = {_name(field.getName()): field.getDataType() for field in fields}

    def evaluate(self, row: dict[str, Any]) -> dict[str, Any]:
        """The answer to a row, by name of field. Raises Misfit."""
        try:
            answers = self._evaluator.evaluate(dict(row))
        except self._error as error:
            raise Misfit(_text_of(error)) from error
        named = {_name(name): value for name, value in answers.items()}
        return {name: named.get(name) for name in self.outputs}


def _name(name: Any) -> str:
    return UNNAMED_TARGET if name in (None, "None") else str(name)


def _text_of(error: Exception) -> str:
    """Without the name of a Java class, and on one line."""
    message = getattr(error, "message", None)
    return str(message or summary(error)).strip().partition("\n")[0]
