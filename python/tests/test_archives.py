from __future__ import annotations

import io
import json
import os
import stat
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))

from archives import write_archive  # noqa: E402

from nitrous_host.archives import unpack as unpacking  # noqa: E402
from nitrous_host.archives.entry_point import Handler  # noqa: E402
from nitrous_host.archives.manifest import read_manifest  # noqa: E402
from nitrous_host.archives.model_store import find_archive  # noqa: E402
from nitrous_host.archives.properties import read_properties  # noqa: E402
from nitrous_host.archives.unpack import unpack  # noqa: E402
from nitrous_host.errors import HostError  # noqa: E402
from nitrous_host.formats import load_model  # noqa: E402
from nitrous_host.model import LoadRequest  # noqa: E402


class FolderTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def refused(self, code: str, says: str) -> Any:
        test = self

        class Refused:
            def __enter__(self) -> None:
                self.context = test.assertRaisesRegex(HostError, says)
                self.context.__enter__()

            def __exit__(self, *details: Any) -> bool:
                if details[1] is not None and isinstance(details[1], HostError):
                    test.assertEqual(details[1].code, code)
                return bool(self.context.__exit__(*details))

        return Refused()


class Unpacking(FolderTest):
    def test_gives_the_files_as_long_as_they_are_wanted(self) -> None:
        archive = write_archive(self.folder / "a.mar", {"handler": "base_handler"}, {"deep/er/file.txt": b"content"})
        unpacked = unpack(str(archive))
        self.assertEqual((Path(unpacked.folder) / "deep" / "er" / "file.txt").read_bytes(), b"content")
        folder = unpacked.folder
        del unpacked
        self.assertFalse(os.path.exists(folder))

    def test_takes_a_tar_and_a_folder(self) -> None:
        with tarfile.open(self.folder / "a.tar.gz", "w:gz") as tar:
            entry = tarfile.TarInfo("one.txt")
            entry.size = 3
            tar.addfile(entry, io.BytesIO(b"one"))
        unpacked = unpack(str(self.folder / "a.tar.gz"))
        self.assertEqual((Path(unpacked.folder) / "one.txt").read_bytes(), b"one")
        self.assertEqual(unpack(str(self.folder)).folder, str(self.folder))

    def test_writes_nothing_elsewhere(self) -> None:
        for name in ("../escaped", "/escaped", "a/../../escaped", "..\\escaped", "C:\\escaped", ".", ""):
            with self.subTest(name=name), self.refused("INVALID_ARGUMENT", "leads out of it|no readable archive"):
                archive = self.folder / "a.mar"
                with zipfile.ZipFile(archive, "w") as stream:
                    stream.writestr(zipfile.ZipInfo("x"), b"")
                    entry = zipfile.ZipInfo("y")
                    entry.filename = name
                    stream.writestr(entry, b"out")
                unpack(str(archive))
        self.assertFalse((self.folder.parent / "escaped").exists())

    def test_makes_no_links(self) -> None:
        with zipfile.ZipFile(self.folder / "a.mar", "w") as archive:
            entry = zipfile.ZipInfo("link")
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, "/etc/passwd")
        with self.refused("INVALID_ARGUMENT", "a link or device, link"):
            unpack(str(self.folder / "a.mar"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            with tarfile.open(self.folder / "b.mar", "w") as tar:
                member = tarfile.TarInfo("thing")
                member.type = kind
                member.linkname = "/etc/passwd"
                tar.addfile(member)
            with self.subTest(kind=kind), self.refused("INVALID_ARGUMENT", "a link or device, thing"):
                unpack(str(self.folder / "b.mar"))

    def test_has_limits_that_the_archive_cannot_lie_about(self) -> None:
        with zipfile.ZipFile(self.folder / "a.mar", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", bytes(1 << 20))
        with mock.patch.object(unpacking, "ALWAYS_ALLOWED", 1000), mock.patch.object(unpacking, "MOST_EXPANSION", 2):
            with self.refused("RESOURCE_EXHAUSTED", "far more than its own size"):
                unpack(str(self.folder / "a.mar"))
        with mock.patch.object(unpacking, "MOST_FILES", 0), self.refused("RESOURCE_EXHAUSTED", "more than 0 files"):
            unpack(str(self.folder / "a.mar"))

    def test_refuses_what_is_no_archive_or_broken_wherever_it_is_cut(self) -> None:
        whole = write_archive(self.folder / "a.mar", {"handler": "base_handler"}, {"weights": os.urandom(3000)}).read_bytes()
        for length in range(0, len(whole), 97):
            (self.folder / "cut.mar").write_bytes(whole[:length])
            with self.subTest(length=length), self.refused("INVALID_ARGUMENT", "cut.mar is no readable archive"):
                unpack(str(self.folder / "cut.mar"))
        damaged = bytearray(whole)
        damaged[200] ^= 1
        (self.folder / "bad.mar").write_bytes(damaged)
        with self.refused("INVALID_ARGUMENT", "no readable archive"):
            unpack(str(self.folder / "bad.mar"))


class Manifests(FolderTest):
    def write(self, model: Any, **files: str) -> str:
        (self.folder / "MAR-INF").mkdir(exist_ok=True)
        text = model if isinstance(model, str) else json.dumps({"model": model})
        (self.folder / "MAR-INF" / "MANIFEST.json").write_text(text)
        for name, content in files.items():
            (self.folder / name).write_text(content)
        return str(self.folder)

    def test_say_what_an_archive_holds(self) -> None:
        folder = self.write({"modelName": "m", "modelVersion": "2.0", "handler": "h.py", "serializedFile": "weights"}, weights="")
        manifest = read_manifest(folder)
        self.assertEqual((manifest.name, manifest.version, manifest.handler, manifest.serialized_file), ("m", "2.0", "h.py", "weights"))
        self.assertEqual(manifest.configuration, {})

    def test_that_are_wrong_are_refused(self) -> None:
        for model, says in [
            ("{", "cannot be read"),
            ("[]", 'no object "model"'),
            ({"modelName": "m"}, 'names no "handler"'),
            ({"handler": 3}, "model.handler must be a text"),
            ({"handler": "h", "serializedFile": "nowhere.pt"}, "the archive has no nowhere.pt"),
            ({"handler": "h", "modelFile": "../../etc/passwd"}, "outside of the archive"),
            ({"handler": "h", "modelFile": "/etc/passwd"}, "outside of the archive"),
        ]:
            with self.subTest(says=says), self.refused("INVALID_ARGUMENT", says):
                read_manifest(self.write(model))
        with self.refused("INVALID_ARGUMENT", "no archive of TorchServe"):
            read_manifest(str(self.folder / "MAR-INF"))


class ModelStores(FolderTest):
    def store(self, names: list[str], properties: str | None = None) -> str:
        for folder in ("model-store", "config"):
            (self.folder / folder).mkdir(exist_ok=True)
        for name in names:
            (self.folder / "model-store" / name).write_bytes(b"")
        if properties is not None:
            (self.folder / "config" / "config.properties").write_text(properties)
        return str(self.folder)

    def found(self, path: str, model: str) -> str:
        return os.path.basename(find_archive(path, model).path)

    def test_of_one_archive_give_that_whatever_the_model_is_called(self) -> None:
        self.assertEqual(self.found(self.store(["a.mar"]), "other"), "a.mar")
        self.assertEqual(find_archive(str(self.folder / "model-store" / "a.mar"), "x").path, str(self.folder / "model-store" / "a.mar"))

    def test_of_several_give_the_one_that_the_name_or_the_configuration_means(self) -> None:
        path = self.store(["a.mar", "b.mar"])
        self.assertEqual(self.found(path, "b"), "b.mar")
        with self.refused("INVALID_ARGUMENT", "has a.mar, b.mar, and none of them is called c"):
            self.found(path, "c")
        self.assertEqual(self.found(self.store([], "load_models=b.mar"), "c"), "b.mar")
        self.assertEqual(self.found(self.store([], "load_models=c=a.mar, d=b.mar"), "c"), "a.mar")
        self.assertEqual(self.found(self.store([], 'models={"c": {"1.0": {"marName": "a.mar"}, "2.0": {"defaultVersion": true, "marName": "b.mar"}}}'), "c"), "b.mar")

    def test_bring_settings_and_say_what_has_no_effect(self) -> None:
        text = (
            "# a comment\ninference_address=http://0.0.0.0:8085\ninstall_py_dep_per_model=true\nmodel_store=/x\nservice_envelope=body\n"
            'models={\\\n  "a": {\\\n    "1.0": {"marName": "a.mar", "batchSize": 8}\\\n}}\n'
        )
        stored = find_archive(self.store(["a.mar"], text), "a")
        self.assertEqual((stored.settings["batchSize"], stored.envelope), (8, "body"))
        self.assertEqual(len(stored.warnings), 1)
        self.assertRegex(stored.warnings[0], "of config.properties, inference_address has no effect")

    def test_with_configurations_that_are_wrong_are_refused(self) -> None:
        for text, says in [("models={", "models is no JSON"), ('models=["a"]', "must be an object"), ('models={"a":{"1":{"marName":"z.mar"}}}', "names z.mar")]:
            with self.subTest(says=says), self.refused("INVALID_ARGUMENT", says):
                find_archive(self.store(["a.mar"], text), "a")

    def test_properties_go_on_behind_a_backslash(self) -> None:
        (self.folder / "p").write_text("a = 1\\\n   2\n! no\nnothing\n b=c=d\n")
        self.assertEqual(read_properties(str(self.folder / "p")), {"a": "12", "b": "c=d"})


class Handlers(FolderTest):
    def test_are_files_or_default_ones(self) -> None:
        (self.folder / "own.py").write_text("")
        for name, module, function, own in [
            ("own", "own", "handle", True),
            ("own.py", "own", "handle", True),
            ("own.py:answer", "own", "answer", True),
            ("/home/me/own.py", "own", "handle", True),
            ("image_classifier", "image_classifier", "handle", False),
        ]:
            with self.subTest(name=name):
                handler = Handler(str(self.folder), name)
                self.assertEqual((handler.module, handler.function, handler.file is not None), (module, function, own))
        with self.refused("INVALID_ARGUMENT", "the archive has no other.py; default handlers are"):
            Handler(str(self.folder), "other.py")

    def test_that_only_look_like_default_ones_are_code(self) -> None:
        (self.folder / "image_classifier.py").write_text("")
        self.assertIsNotNone(Handler(str(self.folder), "image_classifier").file)


class Trust(FolderTest):
    def test_is_needed_for_code_before_any_of_it_runs(self) -> None:
        mark = self.folder / "ran"
        code = f"open({str(mark)!r}, 'w').close()".encode()
        for model, settings in [
            ({"handler": "mine.py"}, {}),
            ({"handler": "mine:answer"}, {}),
            ({"handler": "base_handler", "modelFile": "mine.py"}, {}),
            ({"handler": "base_handler"}, {"handler": "mine.py"}),
        ]:
            archive = write_archive(self.folder / "a.mar", model, {"mine.py": code})
            request = LoadRequest("m", "1", "mar", str(archive), str(self.folder), trust="pickle", settings=settings)
            with self.subTest(model=model), self.refused("PERMISSION_DENIED", r"code of its own \(mine.py\).*nitrous/trust: code"):
                load_model(request, lambda step: None)
            self.assertFalse(mark.exists())
