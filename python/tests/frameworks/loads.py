"""Loads of models in this process, without confinement: what runs would leave its mark."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.formats import load_model
from nitrous_host.model import LoadRequest, Model
from nitrous_host.payload import Call, Payload


class LoadTest(unittest.TestCase):
    """`self.folder` is an empty folder, and `self.mark` a path in it that code of a model would make."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.mark = self.folder / "ran"

    def load(self, format: str, file: Path, **request: Any) -> Model:
        return load_model(LoadRequest("test", "1", format, str(file), str(file.parent), **request), lambda step: None)

    def refused(self, format: str, file: Path, says: str, status: str = "PERMISSION_DENIED", **request: Any) -> None:
        """Loading must fail with the code and a message, and nothing may have run."""
        with self.assertRaises(HostError) as raised:
            self.load(format, file, **request)
        self.assertEqual(raised.exception.code, status, raised.exception.message)
        self.assertRegex(raised.exception.message, says)
        self.assertFalse(self.mark.exists(), "code of the model ran")

    def runs_when_trusted(self, format: str, file: Path) -> None:
        """The proof that a file of the tests would run what it carries."""
        try:
            model = self.load(format, file, trust="pickle", code=True)
            method = model.description["methods"]["predict"]
            model.infer(
                Call("predict", Payload("tensors", {entry["name"]: __import__("numpy").ones((1, 2), "f4") for entry in method["inputs"]}))
            )
        except HostError:
            pass
        self.assertTrue(self.mark.exists(), "the file of the test carries no code that runs")


def answers(model: Model, tensors: dict[str, Any], method: str | None = None) -> dict[str, Any]:
    """Outputs by name."""
    return model.infer(Call(method or model.description.get("defaultMethod", "predict"), Payload("tensors", tensors))).value


def failure(test: unittest.TestCase, model: Model, tensors: dict[str, Any], method: str | None = None) -> str:
    """The message of a call that must fail as INVALID_ARGUMENT."""
    with test.assertRaises(HostError) as raised:
        answers(model, tensors, method)
    test.assertEqual(raised.exception.code, "INVALID_ARGUMENT")
    return raised.exception.message
