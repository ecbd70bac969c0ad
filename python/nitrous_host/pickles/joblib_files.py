"""joblib's files: pickles with arrays between the opcodes, compressed or not, and the older kinds with arrays in files beside them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Iterator

import joblib
import numpy
from joblib import compressor, numpy_pickle, numpy_pickle_compat

from nitrous_host.pickles.gate import Gate
from nitrous_host.pickles.refusal import Refused
from nitrous_host.pickles.stand_ins import filled_by_state
from nitrous_host.pickles.unpickler import GatedUnpickler, gated


def load_joblib(file: str, gate: Gate) -> Any:
    """The object in the file. Raises Refused, and what joblib and unpickling raise."""
    for name, wrapper in {
        "NumpyArrayWrapper": _array_wrapper(gate),
        "NDArrayWrapper": _array_beside(gate, numpy_pickle_compat.NDArrayWrapper),
        "ZNDArrayWrapper": _array_beside(gate, numpy_pickle_compat.ZNDArrayWrapper),
    }.items():
        for module in ("joblib.numpy_pickle", "joblib.numpy_pickle_compat"):
            gate.add(module, name, filled_by_state(wrapper))
    with _gated_readers(gate):
        return joblib.load(file)


@contextmanager
def _gated_readers(gate: Gate) -> Iterator[None]:
    """
    joblib with readers that ask the gate. joblib.load is left to find out the compression and the kind of file, for the
    rest of its code differs between versions.
    """
    readers = [(numpy_pickle, "NumpyUnpickler"), (numpy_pickle_compat, "ZipNumpyUnpickler")]
    originals = [getattr(module, name) for module, name in readers]
    fill = compressor.BinaryZlibFile._fill_buffer
    for (module, name), original in zip(readers, originals):
        setattr(module, name, _reader(gated(original), gate))
    compressor.BinaryZlibFile._fill_buffer = _fill_buffer
    try:
        yield
    finally:
        for (module, name), original in zip(readers, originals):
            setattr(module, name, original)
        compressor.BinaryZlibFile._fill_buffer = fill


def _fill_buffer(self: Any) -> bool:
    """In the place of joblib's own, which asks for ever for what follows bytes behind the end of a compressed file."""
    while self._mode != compressor._MODE_READ_EOF and self._buffer_offset == len(self._buffer):
        block = self._decompressor.unused_data or self._fp.read(compressor._BUFFER_SIZE)
        if not block:
            self._mode = compressor._MODE_READ_EOF
            self._size = self._pos
        elif self._decompressor.eof:
            raise ValueError("there are bytes behind the end of the compressed file")
        else:
            self._buffer = self._decompressor.decompress(block)
            self._buffer_offset = 0
    return self._mode != compressor._MODE_READ_EOF


def _reader(kind: Any, gate: Gate) -> Any:
    def make(*arguments: Any, **named: Any) -> Any:
        return kind(*arguments, gate=gate, **named)

    return make


def _array_wrapper(gate: Gate) -> type:
    """joblib's description of the array that follows it in the file."""

    class ArrayWrapper(numpy_pickle.NumpyArrayWrapper):
        def read_array(self, unpickler: Any, *order: Any) -> Any:
            if not isinstance(self.dtype, numpy.dtype) or not all(type(size) is int for size in self.shape):
                raise Refused("an array of joblib without a dtype or shape")
            if self.dtype.hasobject:
                # Versions of joblib before 1.6 read this pickle with pickle.load.
                return _array_in(unpickler.file_handle, gate)
            return super().read_array(unpickler, *order)

        def read(self, unpickler: Any, *order: Any) -> Any:
            return self.read_array(unpickler, *order)

    return ArrayWrapper


def _array_beside(gate: Gate, base: type) -> type:
    """Before 0.10 joblib wrote each array to a file beside the pickle, in numpy's format, or compressed."""

    class ArrayBeside(base):  # type: ignore[misc,valid-type]
        def read(self, unpickler: Any) -> Any:
            if not isinstance(self.filename, str) or os.path.basename(self.filename) != self.filename:
                raise Refused(f"the file {self.filename}, which is not beside it")
            if base is numpy_pickle_compat.ZNDArrayWrapper:
                return self._read_compressed(os.path.join(unpickler._dirname, self.filename))
            with open(os.path.join(unpickler._dirname, self.filename), "rb") as stream:
                return _read_npy(stream, gate)

        def _read_compressed(self, path: str) -> Any:
            with open(path, "rb") as stream:
                data = numpy_pickle_compat.read_zfile(stream)
            _version, shape, dtype, is_fortran = self.state
            if not isinstance(dtype, numpy.dtype) or dtype.hasobject:
                raise Refused("a compressed array of Python objects beside it")
            return numpy.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if is_fortran else "C")

    return ArrayBeside


def _read_npy(stream: Any, gate: Gate) -> Any:
    """As numpy.load, which reads arrays of objects with pickle.load."""
    version = numpy.lib.format.read_magic(stream)
    read_header = numpy.lib.format.read_array_header_1_0 if version == (1, 0) else numpy.lib.format.read_array_header_2_0
    shape, _is_fortran, dtype = read_header(stream)
    if dtype.hasobject:
        return _array_in(stream, gate).reshape(shape)
    stream.seek(0)
    return numpy.lib.format.read_array(stream, allow_pickle=False)


def _array_in(stream: Any, gate: Gate) -> Any:
    """An array of Python objects, which is a pickle of its own."""
    array = GatedUnpickler(stream, gate=gate).load()
    if not isinstance(array, numpy.ndarray):
        raise Refused(f"an array of joblib that is a {type(array).__name__}")
    return array
