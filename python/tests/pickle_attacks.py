"""Pickles that would run code, write a file or load a further pickle, each through another name."""

from __future__ import annotations

import pickle
from typing import Any, Callable, Iterator

# In arguments, the place of the file that only a successful attack makes, and of a command that makes it.
MARKER = "{marker}"
COMMAND = "touch {marker}"
PYTHON = "open({marker!r}, 'w').close()"
FURTHER = b"cos\nsystem\n(V" + COMMAND.encode() + b"\ntR."

# Names by module, with the arguments of the call; those in RUNNING are known to make the file when nothing refuses them.
CALLS: dict[str, dict[str, tuple[Any, ...]]] = {
    "builtins": {
        "eval": (PYTHON,),
        "exec": (PYTHON,),
        "compile": (PYTHON, "file", "exec"),
        "__import__": ("os",),
        "setattr": ({}, "a", 1),
        "delattr": ({}, "a"),
        "vars": (),
        "globals": (),
        "open": (MARKER, "w"),
        "type": ("A", (), {}),
        "map": (len, []),
        "filter": (len, []),
        "iter": (len, 0),
        "input": (),
        "breakpoint": (),
        "memoryview": (b"",),
        "property": (),
        "print": (COMMAND,),
    },
    "__builtin__": {"eval": (PYTHON,), "execfile": (MARKER,), "apply": ()},
    "os": {
        "system": (COMMAND,),
        "popen": (COMMAND,),
        "mkdir": (MARKER,),
        "makedirs": (MARKER,),
        "execv": ("/bin/sh", ["sh", "-c", COMMAND]),
        "spawnv": (0, "/bin/sh", ["sh", "-c", COMMAND]),
        "posix_spawn": ("/bin/sh", ["sh", "-c", COMMAND], {}),
        "remove": (MARKER,),
        "symlink": ("a", MARKER),
        "putenv": ("A", "b"),
        "_exit": (0,),
    },
    "posix": {"system": (COMMAND,), "mkdir": (MARKER,), "open": (MARKER, 65)},
    "nt": {"system": (COMMAND,)},
    "subprocess": {
        "Popen": (["touch", MARKER],),
        "run": (["touch", MARKER],),
        "call": (["touch", MARKER],),
        "check_call": (["touch", MARKER],),
        "check_output": (["touch", MARKER],),
        "getoutput": (COMMAND,),
        "getstatusoutput": (COMMAND,),
    },
    "commands": {"getoutput": (COMMAND,)},
    "pty": {"spawn": (["touch", MARKER],)},
    "shutil": {"rmtree": (MARKER,), "copyfile": ("/dev/null", MARKER), "copy": ("/dev/null", MARKER), "move": (MARKER, "b")},
    "pathlib": {"Path.touch": (MARKER,), "PosixPath": (MARKER,)},
    "operator": {"attrgetter": ("a",), "methodcaller": ("a",), "itemgetter": (0,), "call": (len, "")},
    "functools": {"partial": (len,), "reduce": (len, [])},
    "itertools": {"starmap": (len, [])},
    "types": {"FunctionType": (), "CodeType": (), "ModuleType": ("a",), "MethodType": (len, 1), "SimpleNamespace": ()},
    "importlib": {"import_module": ("os",), "reload": ()},
    "importlib.util": {"module_from_spec": ()},
    "imp": {"load_source": ("a", MARKER)},
    "runpy": {"run_path": (MARKER,), "run_module": ("os",), "_run_code": (PYTHON, {})},
    "code": {"InteractiveInterpreter.runsource": (PYTHON,), "interact": ()},
    "codeop": {"compile_command": (PYTHON,)},
    "timeit": {"timeit": (PYTHON,), "main": ([PYTHON],)},
    "pdb": {"run": (PYTHON,)},
    "bdb": {"Bdb.run": (PYTHON,)},
    "cProfile": {"run": (PYTHON,)},
    "profile": {"run": (PYTHON,)},
    "doctest": {"debug_script": (PYTHON,)},
    "ctypes": {"CDLL": ("libc.so.6",), "cdll.LoadLibrary": ("libc.so.6",), "string_at": (1,)},
    "webbrowser": {"open": ("file:///",)},
    "socket": {"create_connection": (("127.0.0.1", 9),)},
    "urllib.request": {"urlopen": ("file:///etc/hostname",), "urlretrieve": ("file:///dev/null", MARKER)},
    "pickle": {"loads": (FURTHER,), "load": (), "_loads": (FURTHER,), "Unpickler": ()},
    "_pickle": {"loads": (FURTHER,)},
    "cPickle": {"loads": (FURTHER,)},
    "marshal": {"loads": (b"",)},
    "shelve": {"open": (MARKER,)},
    "dbm": {"open": (MARKER, "c")},
    "sqlite3": {"connect": (MARKER,)},
    "logging.config": {"dictConfig": ({"version": 1},), "fileConfig": (MARKER,)},
    "logging": {"FileHandler": (MARKER,)},
    "atexit": {"register": (len,)},
    "threading": {"Thread": ()},
    "multiprocessing.process": {"Process": ()},
    "concurrent.futures.thread": {"ThreadPoolExecutor": ()},
    "asyncio.runners": {"run": ()},
    "codecs": {"lookup": ("idna",), "open": (MARKER, "w"), "decode": (b"", "zip")},
    "_codecs": {"decode": (b"", "zip")},
    "copyreg": {"add_extension": ("os", "system", 1), "pickle": ()},
    "sys": {"modules": (), "path.append": ("a",), "setprofile": (len,)},
    "gc": {"get_objects": ()},
    "inspect": {"getmembers": ({},)},
    "site": {"addsitedir": (MARKER,)},
    "zipimport": {"zipimporter": (MARKER,)},
    "pip": {"main": ([],)},
    "pkgutil": {"resolve_name": ("os:system",)},
    "pydoc": {"pipepager": ("", COMMAND), "locate": ("os.system",)},
    "tempfile": {"mkdtemp": (), "NamedTemporaryFile": ()},
    "unittest.mock": {"_importer": ("os",)},
    "nitrous_host.pickles": {"load_trusted": (MARKER,)},
    "numpy": {
        "load": (MARKER,),
        "save": (MARKER, [1]),
        "savetxt": (MARKER, [1]),
        "savez": (MARKER, [1]),
        "fromfile": (MARKER,),
        "loadtxt": (MARKER,),
        "genfromtxt": (MARKER,),
        "fromregex": (MARKER, "a", "i4"),
        "frompyfunc": (len, 1, 1),
        "apply_along_axis": (len, 0, [1]),
        "piecewise": ([1], [True], [len]),
        "fromfunction": (len, (1,)),
        "show_config": (),
        "ndarray.tofile": (MARKER,),
        "ndarray.dump": (MARKER,),
        "lib.npyio.load": (MARKER,),
        "record": (1,),
    },
    "numpy.lib.npyio": {"load": (MARKER,), "save": (MARKER, [1]), "DataSource": ()},
    "numpy.lib._npyio_impl": {"load": (MARKER,), "NpzFile": (MARKER,)},
    "numpy.lib.format": {"open_memmap": (MARKER, "w+", "i4", (1,)), "read_array": ()},
    "numpy.lib._datasource": {"open": (MARKER,)},
    "numpy.f2py": {"compile": ("",), "main": ()},
    "numpy.f2py.diagnose": {"run_command": (COMMAND,)},
    "numpy.f2py.crackfortran": {"myeval": (PYTHON,)},
    "numpy.testing": {"rundocs": (MARKER,), "measure": (PYTHON,), "assert_raises": (ValueError, len)},
    "numpy.testing._private.utils": {"runstring": (PYTHON, {}), "rundocs": (MARKER,), "measure": (PYTHON,)},
    "numpy.distutils.exec_command": {"exec_command": (COMMAND,)},
    "numpy.ctypeslib": {"load_library": ("a", "b")},
    "numpy._core._internal": {"_ctypes": ()},
    "numpy.core._internal": {"_ctypes": ()},
    "numpy._core.memmap": {"memmap": (MARKER, "i4", "w+", 0, (1,))},
    "pandas": {
        "read_pickle": (MARKER,),
        "to_pickle": ([1], MARKER),
        "eval": (PYTHON,),
        "read_csv": (MARKER,),
        "read_sql": ("a", "b"),
        "read_hdf": (MARKER,),
        "HDFStore": (MARKER,),
        "DataFrame.query": ("a",),
        "DataFrame.eval": ("a",),
        "DataFrame.to_pickle": (MARKER,),
        "DataFrame.pipe": (len,),
        "Series.apply": (len,),
        "io.common.os.system": (COMMAND,),
    },
    "pandas.io.pickle": {"read_pickle": (MARKER,), "to_pickle": ([1], MARKER)},
    "pandas.io.common": {"get_handle": (MARKER, "w"), "urlopen": ("file:///",)},
    "pandas.io.clipboard": {"subprocess": (), "copy": ("a",)},
    "pandas.compat.pickle_compat": {"loads": (FURTHER,), "Unpickler": ()},
    "pandas.core.computation.eval": {"eval": (PYTHON,)},
    "pandas.core.computation.expr": {"Expr": (PYTHON,)},
    "pandas.core.frame": {"DataFrame.query": ("a",)},
    "scipy.io": {"loadmat": (MARKER,), "savemat": (MARKER, {}), "readsav": (MARKER,), "mmread": (MARKER,)},
    "scipy.io._netcdf": {"netcdf_file": (MARKER, "w")},
    "scipy.sparse": {"load_npz": (MARKER,), "save_npz": (MARKER,)},
    "scipy": {"LowLevelCallable": ()},
    "scipy.optimize": {"minimize": (len, [0.0]), "fsolve": (len, [0.0])},
    "scipy.integrate": {"quad": (len, 0, 1)},
    "scipy.stats": {"rv_continuous": ()},
    "scipy.stats._distn_infrastructure": {"rv_continuous": (), "argsreduce": ()},
    "scipy.stats._distribution_infrastructure": {"make_distribution": ()},
    "scipy.interpolate._interpolate": {"interp1d": ([0, 1], [0, 1])},
    "joblib": {"load": (MARKER,), "dump": ([1], MARKER), "Parallel": (), "delayed": (len,), "wrap_non_picklable_objects": (len,)},
    "joblib.numpy_pickle": {"load": (MARKER,), "dump": ([1], MARKER), "load_temporary_memmap": (MARKER, "r", False)},
    "joblib.numpy_pickle_compat": {"load_compatibility": (MARKER,), "read_zfile": ()},
    "joblib.parallel": {"BatchedCalls": (), "Parallel": ()},
    "joblib.memory": {"MemorizedFunc": (len,), "expires_after": (), "os.system": (COMMAND,)},
    "joblib._utils": {"eval_expr": ("1",)},
    "joblib.func_inspect": {"get_func_code": (len,)},
    "joblib.disk": {"mkdirp": (MARKER,), "delete_folder": (MARKER,)},
    "joblib.externals.cloudpickle": {"loads": (FURTHER,)},
    "joblib.externals.cloudpickle.cloudpickle": {"subimport": ("os",), "_make_function": (), "_builtin_type": ("CodeType",)},
    "joblib.externals.loky.cloudpickle_wrapper": {"_reconstruct_wrapper": (b"", False)},
    "joblib.externals.loky.backend.popen_loky_posix": {"Popen": ()},
    "cloudpickle.cloudpickle": {"subimport": ("os",), "_make_skeleton_class": ()},
    "sklearn": {"_config.threading.Thread": (), "linear_model.LogisticRegression": (), "show_versions": ()},
    "sklearn.datasets": {"load_files": (MARKER,), "fetch_openml": ("a",), "get_data_home": (MARKER,), "load_svmlight_file": (MARKER,)},
    "sklearn.datasets._base": {"get_data_home": (MARKER,), "urlretrieve": ("file:///dev/null", MARKER), "clear_data_home": (MARKER,)},
    "sklearn.utils._mocking": {"CheckingClassifier": (), "MockDataFrame": ([],)},
    "sklearn.utils._testing": {"_delete_folder": (MARKER,), "check_skip_network": ()},
    "sklearn.utils.estimator_checks": {"check_estimator": ()},
    "sklearn.utils.parallel": {"_FuncWrapper": (len,), "Parallel": (), "delayed": (len,)},
    "sklearn.utils.validation": {"check_memory": (MARKER,)},
    "sklearn.utils._set_output": {"check_library_installed": ("os",), "importlib.import_module": ("os",)},
    "sklearn.externals.joblib": {"load": (MARKER,)},
    "sklearn.ensemble._forest": {"Parallel": (), "threading.Thread": (), "_parallel_build_trees": ()},
    "sklearn.feature_extraction.text": {"partial": (len,), "re.compile": ("a",), "CountVectorizer.decode": ()},
    "sklearn.model_selection._search": {"partial": (len,), "reduce": (len, []), "ParameterSampler": ({}, 1)},
    "sklearn.svm._base": {"np.load": (MARKER,), "np": (), "libsvm": ()},
    "sklearn.tests.test_base": {"MyEstimator": ()},
    "sklearn.ensemble.tests.test_voting": {"ClassifierErrorFit": ()},
    "sklearn.callback._scoring_monitor": {"ScoringMonitor": ()},
    "sklearn.inspection": {"DecisionBoundaryDisplay.from_estimator": ()},
    "xgboost.core": {"ctypes.CDLL": ("libc.so.6",), "_load_lib": (), "DMatrix": (MARKER,)},
    "xgboost.callback": {"TrainingCheckPoint": (MARKER,)},
    "xgboost.dask": {"DaskXGBClassifier": ()},
    "lightgbm.basic": {"Dataset": (MARKER,), "ctypes.CDLL": ("libc.so.6",)},
    "lightgbm.engine": {"CVBooster": (MARKER,)},
    "a_package.that.is_missing": {"Thing": ()},
}

# Without a gate, and in this process, these make the file.
RUNNING = [
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "open"),
    ("os", "system"),
    ("os", "mkdir"),
    ("posix", "system"),
    ("subprocess", "call"),
    ("subprocess", "getoutput"),
    ("shutil", "copyfile"),
    ("timeit", "timeit"),
    ("pickle", "loads"),
    ("numpy", "savetxt"),
    ("numpy.lib.format", "open_memmap"),
    ("numpy._core.memmap", "memmap"),
    ("numpy.testing", "measure"),
    ("pandas.io.pickle", "to_pickle"),
    ("scipy.io", "savemat"),
    ("joblib.numpy_pickle", "dump"),
    ("joblib.disk", "mkdirp"),
    ("sklearn.datasets", "get_data_home"),
]


def all_calls(marker: str) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    for module, names in CALLS.items():
        for name, arguments in names.items():
            yield module, name, placed(arguments, marker)


def placed(value: Any, marker: str) -> Any:
    """The arguments with the file in its place. Builtin functions become texts, as nothing comes to call them."""
    if isinstance(value, str):
        return value.replace("{marker!r}", repr(marker)).replace("{marker}", marker)
    if isinstance(value, bytes):
        return value.replace(b"{marker}", marker.encode())
    if isinstance(value, (tuple, list)):
        return type(value)(placed(item, marker) for item in value)
    return "len" if callable(value) else value


def pushed(value: Any) -> bytes:
    """The opcodes that put a plain value on the stack."""
    return pickle.dumps(value, 2)[2:-1]


def named(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def by_stack_global(module: str, name: str, arguments: tuple[Any, ...]) -> bytes:
    return b"\x80\x04" + pushed(module) + pushed(name) + b"\x93" + pushed(arguments) + b"R."


def by_inst(module: str, name: str, arguments: tuple[Any, ...]) -> bytes:
    return b"(" + b"".join(map(pushed, arguments)) + b"i" + named(module, name)[1:] + b"."


def by_obj(module: str, name: str, arguments: tuple[Any, ...]) -> bytes:
    return b"(" + named(module, name) + b"".join(map(pushed, arguments)) + b"o."


# The opcodes that call something.
WAYS: dict[str, Callable[[str, str, tuple[Any, ...]], bytes]] = {
    "REDUCE": lambda module, name, arguments: named(module, name) + pushed(arguments) + b"R.",
    "STACK_GLOBAL": by_stack_global,
    "INST": by_inst,
    "OBJ": by_obj,
    "NEWOBJ": lambda module, name, arguments: named(module, name) + pushed(arguments) + b"\x81.",
    "NEWOBJ_EX": lambda module, name, arguments: named(module, name) + pushed(arguments) + pushed({}) + b"\x92.",
}
