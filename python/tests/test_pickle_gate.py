from __future__ import annotations

import io
import os
import pickle
import tempfile
import unittest
import warnings
import zlib
from pathlib import Path
from typing import Any

import joblib
import numpy
from pickle_attacks import CALLS, RUNNING, WAYS, all_calls, named, placed, pushed
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from nitrous_host.pickles import Refused, load_untrusted
from nitrous_host.pickles.gate import Gate
from nitrous_host.pickles.unpickler import GatedUnpickler

COMPRESSIONS = ["zlib", "gzip", "bz2", "lzma", "xz"]


class Call:
    """Is pickled as a call of its arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class GateTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.marker = self.folder / "marker"

    def load(self, data: bytes, name: str | None = None) -> Any:
        """Of a pickle, or of a file with the name."""
        if name is None:
            return GatedUnpickler(io.BytesIO(data), gate=Gate()).load()
        path = self.folder / name
        path.write_bytes(data)
        return load_untrusted(str(path))

    def refused(self, data: bytes, name: str | None = None) -> str:
        """What the refusal names."""
        with self.assertRaises(Refused) as caught, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.load(data, name)
        self.assertFalse(self.marker.exists())
        return caught.exception.name


class Calls(GateTest):
    def test_every_call_by_every_opcode_is_refused_by_its_name(self) -> None:
        self.assertGreater(sum(map(len, CALLS.values())), 200)
        renamed = {"__builtin__": "builtins", "numpy.core._internal": "numpy._core._internal"}
        for module, name, arguments in all_calls(str(self.marker)):
            shown = f"{renamed.get(module, module)}.{name}"
            for way, build in WAYS.items():
                with self.subTest(f"{module}.{name}", way=way):
                    found = self.refused(build(module, name, arguments))
                    if shown != "numpy._core.memmap.memmap":
                        self.assertEqual(found, shown)

    def test_without_the_gate_many_of_them_make_the_file(self) -> None:
        for module, name in RUNNING:
            with self.subTest(f"{module}.{name}"):
                arguments = placed(CALLS[module][name], str(self.marker))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    pickle.loads(WAYS["REDUCE"](module, name, arguments))
                made = list(self.folder.glob("marker*"))
                self.assertNotEqual(made, [])
                for path in made:
                    path.rmdir() if path.is_dir() else path.unlink()

    def test_a_reference_alone_is_refused(self) -> None:
        self.assertEqual(self.refused(named("os", "system") + b"."), "os.system")
        self.assertEqual(self.refused(b"\x80\x04" + pushed({"func": 1})[:-1] + named("os", "system") + b"s."), "os.system")
        self.assertEqual(self.refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93."), "os.system")

    def test_a_name_is_shown_short_and_in_one_line(self) -> None:
        name = self.refused(b"\x80\x04" + pushed("os") + pushed("a\nb\x1b" + "c" * 999) + b"\x93.")
        self.assertTrue(name.startswith("os.a?b?c") and len(name) <= 201, name)

    def test_values_are_not_called(self) -> None:
        for module, name in [("numpy", "mean"), ("numpy", "log1p"), ("numpy", "float64"), ("builtins", "str"), ("numpy", "memmap")]:
            for way, build in WAYS.items():
                with self.subTest(f"{module}.{name}", way=way):
                    self.assertIn("a call of ", self.refused(build(module, name, (str(self.marker),))))

    def test_constructors_of_estimators_do_not_see_arguments(self) -> None:
        for way, build in WAYS.items():
            with self.subTest(way):
                made = self.load(build("sklearn.linear_model._logistic", "LogisticRegression", (1, 2)))
                self.assertEqual((type(made), vars(made)), (LogisticRegression, {}))

    def test_what_is_made_is_not_called(self) -> None:
        kernel = WAYS["REDUCE"]("sklearn.gaussian_process.kernels", "RBF", ())[:-1]
        self.assertIn("RBF", self.refused(kernel + pushed((1,)) + b"R."))

    def test_objects_outside_of_the_file_and_extensions(self) -> None:
        for data in (b"Pidentifier\n.", pushed("identifier") + b"Q."):
            self.assertIn("persistent id", self.refused(data))
        for data in (b"\x80\x02\x82\x01.", b"\x80\x02\x83\x01\x00.", b"\x80\x02\x84\x01\x00\x00\x00."):
            self.assertIn("extension 1", self.refused(data))

    def test_functions_that_take_too_much_are_narrowed(self) -> None:
        self.assertIn("os.system", self.refused(WAYS["REDUCE"]("numpy._core", "_ufunc_reconstruct", ("os", "system"))))
        self.assertIn("numpy.load", self.refused(WAYS["REDUCE"]("numpy.core", "_ufunc_reconstruct", ("numpy", "load"))))
        self.assertIs(self.load(WAYS["REDUCE"]("numpy.core", "_ufunc_reconstruct", ("numpy", "log1p"))), numpy.log1p)
        for way in ("REDUCE", "STACK_GLOBAL", "INST", "OBJ"):
            self.assertEqual(self.refused(WAYS[way]("builtins", "getattr", ({}, "__class__"))), "builtins.getattr")
        self.assertIn("getattr", self.refused(WAYS["REDUCE"]("__builtin__", "getattr", ({}, "__class__"))))
        self.assertIn("an instance of", self.refused(WAYS["NEWOBJ"]("builtins", "getattr", ({}, "__class__"))))
        self.assertEqual(self.refused(pickle.dumps(numpy.vectorize(os.getcwd))), "posix.getcwd")
        self.assertIn("encoding zip", self.refused(WAYS["REDUCE"]("_codecs", "encode", ("a", "zip"))))


class States(GateTest):
    def test_distributions_that_execute_their_state_are_left_out(self) -> None:
        state = {"_parse_arg_template": placed("import os; open({marker!r}, 'w')", str(self.marker)), "_ctor_param": ()}
        data = named("scipy.stats._continuous_distns", "norm_gen") + b")\x81" + pushed(state) + b"b."
        self.load(data)
        self.assertFalse(self.marker.exists())
        with self.assertRaises(Exception):
            pickle.loads(data).shapes
        self.assertTrue(self.marker.exists(), "scipy no longer executes it: then the gate may let it in")

    def test_attributes_that_say_where_memory_is(self) -> None:
        interface = {"version": 3, "data": (4096, False), "shape": (8,), "typestr": "|u1"}
        estimator = WAYS["REDUCE"]("sklearn.linear_model._logistic", "LogisticRegression", ())[:-1]
        ordered = WAYS["REDUCE"]("collections", "OrderedDict", ())[:-1]
        for made in (estimator, ordered):
            for state in ({"__array_interface__": interface}, (None, {"__array_interface__": interface}), [("__array_interface__", interface)]):
                with self.subTest(made=made, state=state):
                    self.refused(made + pushed(state) + b"b.")
        xgboost = WAYS["REDUCE"]("xgboost.sklearn", "XGBClassifier", ())[:-1]
        self.refused(xgboost + pushed((("__array_interface__", interface), ("a", 1), ("b", 1))) + b"b.")
        bunch = self.load(named("sklearn.utils._bunch", "Bunch") + b")\x81" + pushed("__array_interface__") + pushed(interface) + b"s.")
        self.assertFalse(hasattr(bunch, "__array_interface__"))

    def test_vectorizers_that_read_the_files_that_requests_name(self) -> None:
        for read in ("filename", numpy.str_("filename")):
            self.assertIn("input='filename'", self.refused(pickle.dumps(CountVectorizer(input=read))))
        self.load(pickle.dumps(CountVectorizer(input="content")))

    def test_classes_and_functions_are_not_changed(self) -> None:
        for module, name in [("numpy", "mean"), ("pandas", "Index"), ("sklearn.linear_model", "LogisticRegression"), ("numpy", "log1p")]:
            for state in ({"a": 1}, (None, {"a": 1})):
                with self.subTest(name, state=state):
                    self.assertIn("a change of", self.refused(named(module, name) + pushed(state) + b"b."))

    def test_types_of_arrays_that_contradict_themselves(self) -> None:
        def described(text: str, state: tuple[Any, ...]) -> bytes:
            return WAYS["REDUCE"]("numpy", "dtype", (text, False, True))[:-1] + state_of(state) + b"b."

        def state_of(state: Any) -> bytes:
            return pickle.dumps(state, 2)[2:-1]

        field = numpy.dtype("i8")
        cases = [
            # Objects whose addresses would be read from bytes.
            ("O8", (3, "|", None, None, None, -1, -1, 0)),
            ("V8", (3, "|", None, ("a",), {"a": (numpy.dtype("O"), 0)}, 8, 1, 0)),
            ("V8", (3, "|", None, ("a",), {"a": (numpy.dtype("O"), 0)}, 8, 1, 27)),
            # Beyond the items.
            ("V8", (3, "|", None, ("a",), {"a": (field, 4096)}, 8, 1, 16)),
            ("V8", (3, "|", None, ("a",), {"a": (field, -8)}, 8, 1, 16)),
            ("V8", (3, "|", None, None, None, 4096, 1, 0)),
            # States of other forms, which numpy reads all the same, and dies of some.
            ("i8", (3, "N", None, -1, -1, 0)),
            ("i8", 3),
            ("V8", (3, "|", None, (1,), {1: (field, 0)}, 8, 1, 16)),
            ("V8", (3, "|", None, ("a",), {"a": 5}, 8, 1, 16)),
            ("V8", (3, "|", None, ("b",), {"a": (field, 0)}, 8, 1, 16)),
            ("V8", (3, "|", (1, 2), None, None, 8, 1, 16)),
        ]
        for text, state in cases:
            with self.subTest(text, state=state):
                self.refused(described(text, state))

    def test_an_array_is_filled_once(self) -> None:
        array = pickle.dumps(numpy.arange(3.0), 2)[:-1]
        self.assertIn("second state", self.refused(array + pushed((1, (1,), None, False, b"")) + b"b."))


class Files(GateTest):
    def attack(self) -> Call:
        return Call(os.system, f"touch {self.marker}")

    def test_objects_in_arrays(self) -> None:
        array = numpy.array([1, self.attack()], dtype=object)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            self.assertIn("system", self.refused(pickle.dumps({"a": [array]}, protocol), "model.pkl"))
            stream = io.BytesIO()
            joblib.dump({"a": [array]}, stream, protocol=protocol)
            self.assertIn("system", self.refused(stream.getvalue(), "model.joblib"))

    def test_compressed_files(self) -> None:
        compressions = [*COMPRESSIONS, *(["lz4"] if joblib.compressor.lz4 is not None else [])]
        for value in (self.attack(), numpy.array([self.attack()], dtype=object)):
            for compression in compressions:
                with self.subTest(compression):
                    path = self.folder / "attack.joblib"
                    joblib.dump(value, path, compress=(compression, 3))
                    self.assertIn("system", self.refused(path.read_bytes(), "model.joblib"))

    def test_compressed_files_with_more_behind_their_end(self) -> None:
        path = self.folder / "more.joblib"
        for compression in ("zlib", "gzip"):
            for value in (list(range(100)), None):
                with self.subTest(compression, value=value):
                    joblib.dump(value, path, compress=(compression, 3))
                    self.assertEqual(self.load(path.read_bytes(), "model.joblib"), value)
                    # What is not needed is not looked at; what is asked for and not there must not be asked for for ever.
                    stream = zlib.decompress(path.read_bytes(), 47)
                    for short in (stream[:-1], b""):
                        finishing = zlib.compressobj(3, zlib.DEFLATED, 31 if compression == "gzip" else 15)
                        broken = finishing.compress(short) + finishing.flush() + b"L"
                        with self.assertRaises((ValueError, EOFError)):
                            self.load(broken, "model.joblib")

    def test_arrays_in_files_beside_it(self) -> None:
        def wrapper(name: str, **state: Any) -> bytes:
            parts = b"".join(pushed(key) + pickle.dumps(value, 2)[2:-1] + b"s" for key, value in state.items())
            return named("joblib.numpy_pickle", name) + b")\x81}" + parts + b"b."

        numpy.save(self.folder / "model.joblib_01.npy", numpy.array([[self.attack()]], dtype=object), allow_pickle=True)
        numpy.save(self.folder / "model.joblib_02.npy", numpy.arange(3))
        numpy.save(self.folder / "model.joblib_03.npy", numpy.array([["a", None]], dtype=object), allow_pickle=True)
        beside = {"subclass": numpy.ndarray, "allow_mmap": True}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assertIn("system", self.refused(wrapper("NDArrayWrapper", filename="model.joblib_01.npy", **beside), "model.joblib"))
            whole = self.load(wrapper("NDArrayWrapper", filename="model.joblib_02.npy", **beside), "model.joblib")
            self.assertEqual(whole.tolist(), [0, 1, 2])
            whole = self.load(wrapper("NDArrayWrapper", filename="model.joblib_03.npy", **beside), "model.joblib")
            self.assertEqual(whole.tolist(), [["a", None]])
            for path in ("/etc/hostname", "../other.npy"):
                self.assertIn("not beside it", self.refused(wrapper("NDArrayWrapper", filename=path, **beside), "model.joblib"))
            with open(self.folder / "model.joblib_04.npy.z", "wb") as stream:
                joblib.numpy_pickle_compat.write_zfile(stream, numpy.arange(4.0).tobytes())
            state = (1, (2, 2), numpy.dtype("f8"), False)
            compressed = wrapper("ZNDArrayWrapper", filename="model.joblib_04.npy.z", init_args=(numpy.ndarray, (0,), b"b"), state=state)
            stream = io.BytesIO()
            joblib.numpy_pickle_compat.write_zfile(stream, compressed)
            self.assertEqual(self.load(stream.getvalue(), "model.joblib").tolist(), [[0, 1], [2, 3]])
            stream = io.BytesIO()
            joblib.numpy_pickle_compat.write_zfile(stream, pickle.dumps(self.attack()))
            self.assertIn("system", self.refused(stream.getvalue(), "model.joblib"))

    def test_joblib_reads_as_before_afterwards(self) -> None:
        self.refused(pickle.dumps(self.attack()), "model.joblib")
        joblib.dump(print, self.folder / "trusted.joblib")
        self.assertIs(joblib.load(self.folder / "trusted.joblib"), print)


if __name__ == "__main__":
    unittest.main()
