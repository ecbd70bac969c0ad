"""Files of PyTorch: what they answer, and that none of them runs code that nobody trusts."""

from __future__ import annotations

import io
import json
import os
import pickle
import unittest
import zipfile
from pathlib import Path
from typing import Any, Callable

import numpy
import torch

from loads import LoadTest, answers, failure

POINTS = numpy.arange(4, dtype="f4").reshape(2, 2)


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(2, 3)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"scores": self.linear(x), "sum": x.sum(1)}


class Makes:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def exported(module: torch.nn.Module = Network()) -> dict[str, bytes]:
    """The entries of a program by name."""
    content = io.BytesIO()
    batch = torch.export.Dim("batch", min=1, max=64)
    torch.export.save(torch.export.export(module.eval(), (torch.ones(2, 2),), dynamic_shapes=({0: batch},)), content)
    with zipfile.ZipFile(content) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def saved(value: Any) -> bytes:
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


class ExportTest(LoadTest):
    @classmethod
    def setUpClass(cls) -> None:
        cls.entries = exported()

    def write(self, **changes: bytes) -> Path:
        """The program with other entries; `_` in their names stands for `/`, and two of them for itself."""
        file = self.folder / "model.pt2"
        renamed = {name.replace("__", "\0").replace("_", "/").replace("\0", "_"): content for name, content in changes.items()}
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in {**self.entries, **renamed}.items():
                archive.writestr(f"model/{name}", content)
        return file

    def change(self, change: Callable[[Any], None]) -> Path:
        program = json.loads(self.entries["models/model.json"])
        change(program)
        return self.write(**{"models_model.json": json.dumps(program).encode()})

    def test_answers_with_its_names_and_shapes(self) -> None:
        model = self.load("pytorch", self.write())
        method = model.description["methods"]["predict"]
        self.assertEqual(method["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}])
        self.assertEqual([(each["name"], each["shape"]) for each in method["outputs"]], [("scores", [-1, 3]), ("sum", [-1])])
        self.assertTrue(method["batchable"])
        self.assertEqual(answers(model, {"x": POINTS})["sum"].tolist(), [1, 5])
        self.assertIn("input", failure(self, model, {"x": POINTS[:, :1]}))

    def test_pickles_in_it_are_not_read(self) -> None:
        weights = json.dumps({"config": {"c": {"path_name": "tensor_0", "is_param": False, "use_pickle": True, "tensor_meta": None}}})
        opaque = weights.replace("tensor_0", "opaque_obj_0")
        evil = Makes(self.mark)
        for what, changes in {
            "sample inputs": {"data_sample__inputs_model.pt": saved(((evil,), {}))},
            "legacy weights": {"data_weights_model.pt": saved({"linear.weight": evil})},
            "a pickled constant": {
                "data_constants_model__constants__config.json": weights.encode(),
                "data_constants_tensor__0": saved(evil),
            },
            "an opaque object": {
                "data_constants_model__constants__config.json": opaque.encode(),
                "data_constants_opaque__obj__0": pickle.dumps(evil),
            },
        }.items():
            with self.subTest(what):
                file = self.write(**changes)
                self.refused("pytorch", file, "pickle")
                self.runs_when_trusted("pytorch", file)
                self.mark.rmdir()

    def test_texts_in_it_do_not_become_python(self) -> None:
        command = f"__import__('os').mkdir('{self.mark}')"

        def expression(program: Any) -> None:
            program["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][0]["as_expr"]["expr_str"] = command

        with self.subTest("an expression"):
            file = self.change(expression)
            self.refused("pytorch", file, "expr_str")
            self.runs_when_trusted("pytorch", file)
            self.mark.rmdir()
        with self.subTest("a name"):
            text = (
                self.entries["models/model.json"]
                .decode()
                .replace('"name": "x"', f'"name": "x={command}"')
                .replace('"x":', f'"x={command}":')
            )
            file = self.write(**{"models_model.json": text.encode()})
            self.refused("pytorch", file, "has the (name|key)")
            self.runs_when_trusted("pytorch", file)
            self.mark.rmdir()

        def guards(program: Any) -> None:
            program["guards_code"] = [command]

        with self.subTest("guards"):
            self.assertEqual(answers(self.load("pytorch", self.change(guards)), {"x": POINTS})["sum"].tolist(), [1, 5])
            self.assertFalse(self.mark.exists())

    def test_operations_are_of_libraries_that_compute(self) -> None:
        for target in (
            "torch.os.mkdir",
            "torch.ops.load_library",
            "torch.ops.aten.from_file.default",
            "torch.load",
            "_operator.attrgetter",
            "#x",
            "os.mkdir",
        ):

            def change(program: Any) -> None:
                program["graph_module"]["graph"]["nodes"][0]["target"] = target

            with self.subTest(target):
                self.refused("pytorch", self.change(change), "has the target")

    def test_machine_code_is_refused(self) -> None:
        self.refused("pytorch", self.write(**{"data_aotinductor_model_x.so": b"ELF"}), "machine code")
        self.refused("pytorch", self.write(**{"extra_x.so": b"ELF"}), "machine code")

    def test_ordinary_networks_pass(self) -> None:
        layer = torch.nn.TransformerEncoderLayer(2, 1, 4, batch_first=True)
        for module in (
            torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.GELU(), torch.nn.LayerNorm(4)),
            torch.nn.TransformerEncoder(layer, 1),
        ):
            self.entries = exported(module)
            self.load("pytorch", self.write())


class ScriptTest(LoadTest):
    def test_names_and_shapes_come_from_the_example(self) -> None:
        file = self.folder / "model.pt"
        torch.jit.script(Network().eval()).save(file)
        example = self.folder / "example.json"
        example.write_text(json.dumps({"instances": [[1, 2], [3, 4]]}))
        method = self.load("pytorch", file, example=str(example)).description["methods"]["predict"]
        self.assertEqual(method["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}])
        self.assertTrue(method["batchable"])

    def test_sizes_that_may_vary_are_found(self) -> None:
        class Mean(torch.nn.Module):
            def forward(self, x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
                return (x * weights.unsqueeze(-1)).sum(1) @ torch.ones(3, 2)

        file = self.folder / "model.pt"
        torch.jit.script(Mean()).save(file)
        example = self.folder / "example.json"
        inputs = [
            {"name": name, "datatype": "FP32", "shape": shape, "data": [1.0] * int(numpy.prod(shape))}
            for name, shape in (("x", [1, 5, 3]), ("weights", [1, 5]))
        ]
        example.write_text(json.dumps({"inputs": inputs}))
        method = self.load("pytorch", file, example=str(example)).description["methods"]["predict"]
        self.assertEqual([entry["shape"] for entry in method["inputs"]], [[-1, -1, 3], [-1, -1]])

    def test_without_an_example_tensors_come_by_name_or_in_order(self) -> None:
        file = self.folder / "model.pt"
        torch.jit.script(Network().eval()).save(file)
        model = self.load("pytorch", file)
        for name in ("x", "anything"):
            self.assertEqual(answers(model, {name: POINTS})["sum"].tolist(), [1, 5])
        self.assertIn("takes x", failure(self, model, {"a": POINTS, "b": POINTS}))

    def test_operations_that_write_files_are_refused(self) -> None:
        mark = str(self.mark)

        class Writes(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.path = mark

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                torch.save(x, self.path)
                return x

        file = self.folder / "model.pt"
        torch.jit.script(Writes()).save(file)
        self.refused("pytorch", file, "torch.save")
        answers(self.load("pytorch", file, code=True), {"x": POINTS})
        self.assertTrue(self.mark.exists())


class SavedTest(LoadTest):
    CLASS = "import torch\nclass Network(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.linear = torch.nn.Linear(2, 3)\n    def forward(self, x):\n        return self.linear(x)\n"

    def test_a_pickled_module_needs_trust(self) -> None:
        file = self.folder / "model.pt"
        file.write_bytes(saved(Makes(self.mark)))
        self.refused("pytorch", file, r"pickle that names \w+\.mkdir.*trust: pickle")
        self.refused("pytorch", file, "pickle", code=True)
        self.runs_when_trusted("pytorch", file)

    def test_a_model_file_needs_trust(self) -> None:
        file = self.folder / "model.pt"
        file.write_bytes(saved({"state_dict": Network().state_dict(), "epoch": 3}))
        (self.folder / "network.py").write_text(f"open({str(self.mark)!r}, 'w')\n{self.CLASS}")
        self.refused("pytorch", file, "needs the class in network.py.*trust: code")
        self.refused("pytorch", file, "needs the class in network.py", trust="pickle")
        self.assertEqual(answers(self.load("pytorch", file, code=True), {"x": POINTS})["output-0"].shape, (2, 3))
        self.assertTrue(self.mark.exists())

    def test_weights_alone_and_other_contents_are_no_model(self) -> None:
        file = self.folder / "model.pt"
        file.write_bytes(saved(Network().state_dict()))
        self.refused("pytorch", file, "holds weights and not the model that they belong to", "INVALID_ARGUMENT")
        file.write_bytes(saved([1]))
        self.refused("pytorch", file, "holds a list and neither a model nor its weights", "INVALID_ARGUMENT")

    def test_settings_are_checked(self) -> None:
        file = self.folder / "model.pt"
        file.write_bytes(saved(Network().state_dict()))
        (self.folder / "network.py").write_text(self.CLASS)
        for settings, says in (
            ({"model_class": "Other"}, "no nn.Module called Other, only Network"),
            ({"device": "tpu"}, "expected auto, cpu"),
        ):
            self.refused("pytorch", file, says, "INVALID_ARGUMENT", code=True, settings=settings)
        model = self.load("pytorch", file, code=True, settings={"model_class_name": "Network", "other": "1"})
        self.assertIn("--other has no effect", model.description["warnings"][0])


if __name__ == "__main__":
    unittest.main()
