"""A tensor with its name; the array in it is not copied."""

from __future__ import annotations

from typing import Any

import numpy

from triton_python_backend_utils.datatypes import BF16, BYTES, numpy_to_triton_type
from triton_python_backend_utils.errors import TritonModelException


class Tensor:
    __slots__ = ("_array", "_dtype", "_name")

    def __init__(self, name: str, numpy_array: numpy.ndarray) -> None:
        if numpy_array is None or not isinstance(name, str):
            raise TypeError("a Tensor needs a text and a numpy array")
        if name == "":
            raise TritonModelException("Tensor name cannot be an empty string.")
        if type(numpy_array) is not numpy.ndarray:
            numpy_array = numpy.asarray(numpy_array)
        self._name = name
        self._array = numpy_array if numpy_array.flags.c_contiguous else numpy.ascontiguousarray(numpy_array)
        self._dtype: int | None = None

    @classmethod
    def received(cls, name: str, datatype: str, array: numpy.ndarray) -> Tensor:
        """One that the server has sent; of BF16 it has the uint16 values that numpy can hold."""
        tensor = cls.__new__(cls)
        tensor._name = name
        tensor._array = array
        tensor._dtype = BF16 if datatype == "BF16" else None
        return tensor

    @staticmethod
    def from_dlpack(name: str, tensor: Any) -> Tensor:
        """A view of what another library holds. Raises TritonModelException for memory of a GPU, and for datatypes that numpy has not."""
        if not hasattr(tensor, "__dlpack__"):
            tensor = _Capsule(tensor)
        device = tensor.__dlpack_device__()[0]
        if int(device) != _CPU:
            raise TritonModelException(f"the DLPack tensor is on device type {int(device)}; here only tensors in the memory of the CPU can be used")
        try:
            return Tensor(name, numpy.from_dlpack(tensor))
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise TritonModelException(f"the DLPack tensor cannot be used: {error}") from error

    def sent(self) -> tuple[str, numpy.ndarray, str | None]:
        """What the server gets of it."""
        return (self._name, self._array, None if self._dtype is None else "BF16")

    def name(self) -> str:
        return self._name

    def as_numpy(self) -> numpy.ndarray:
        if self._dtype == BF16:
            raise TritonModelException("Tensor dtype is BF16 and cannot be converted to NumPy.")
        return self._array

    def triton_dtype(self) -> int | None:
        return self._dtype or numpy_to_triton_type(self._array.dtype)

    def shape(self) -> list[int]:
        return list(self._array.shape)

    def is_cpu(self) -> bool:
        return True

    def to_dlpack(self) -> Any:
        return self.__dlpack__()

    def __dlpack__(self, stream: Any = None, **_: Any) -> Any:
        if self.triton_dtype() == BYTES:
            raise TritonModelException("DLPack does not have support for string tensors.")
        if self._dtype == BF16:
            raise TritonModelException("numpy has no BF16, so tensors of it cannot be handed on")
        return self._array.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (_CPU, 0)


_CPU = 1


class _Capsule:
    """A bare DLPack capsule as an object that has the protocol's methods; nobody can ask it where it is."""

    def __init__(self, capsule: Any) -> None:
        if type(capsule).__name__ != "PyCapsule":
            raise TritonModelException(
                "Provided tensor is not supported. Tensor must be a DLPack capsule or have `__dlpack__` and `__dlpack_device__` attributes"
            )
        self._capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (_CPU, 0)
