"""Tensors of the protocol as numpy arrays: raw bytes, and the lists of JSON. Pure; no network.

Raw tensors are row by row and little-endian; elements of type BYTES are each led by their length in four bytes.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from dragoman.errors import InvalidData, Unsupported

Array = npt.NDArray[Any]
TYPES: dict[str, str] = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
"""Datatype to the letters by which numpy knows it; BYTES has none, and BF16 is not known."""
BYTES = "BYTES"
DIMENSIONS = 32
"""Dimensions that a tensor may have: as many as every release of numpy takes."""


@dataclass(frozen=True)
class Tensor:
    """A named array of a datatype of the protocol; one of type BYTES holds `bytes` objects."""

    name: str
    datatype: str
    array: Array

    @property
    def shape(self) -> list[int]:
        """Lengths of its dimensions."""
        return list(self.array.shape)

    @classmethod
    def of_texts(cls, name: str, values: Iterable[bytes | str]) -> Tensor:
        """Return a tensor of type BYTES with one dimension."""
        encoded = [value.encode() if isinstance(value, str) else value for value in values]
        array = np.empty(len(encoded), object)
        array[:] = encoded
        return cls(name, BYTES, array)

    def texts(self) -> list[str]:
        """Return the elements of a tensor of type BYTES as texts."""
        return [value.decode("utf-8", "replace") for value in self.array.ravel()]


def is_whole(datatype: str) -> bool:
    """Return whether a datatype is one of integers."""
    return "INT" in datatype


def raw(tensor: Tensor) -> bytes:
    """Return a tensor as bytes."""
    if tensor.datatype == BYTES:
        return b"".join(struct.pack("<I", len(value)) + value for value in tensor.array.ravel())
    return np.ascontiguousarray(tensor.array, _type(tensor.datatype)).tobytes()


def of_raw(name: str, datatype: str, shape: Iterable[int], content: bytes | memoryview) -> Tensor:
    """Read a tensor from bytes.

    Raises:
        InvalidData: They do not fill the shape.
        Unsupported: The datatype is not known.
    """
    lengths = tuple(map(int, shape))
    if datatype == BYTES:
        return shaped(Tensor.of_texts(name, _elements(name, bytes(content))), lengths)
    kind = np.dtype(_type(datatype))
    if len(content) != math.prod(lengths) * kind.itemsize:
        raise InvalidData(f"Tensor {name!r} of shape {list(lengths)} has {len(content)} bytes.", field=name)
    return shaped(Tensor(name, datatype, np.frombuffer(content, kind)), lengths)


def listed(tensor: Tensor) -> list[Any]:
    """Return a tensor as the flat list of JSON.

    Raises:
        Unsupported: Its bytes are no text, for which JSON has no place.
    """
    if tensor.datatype != BYTES:
        found: list[Any] = tensor.array.ravel().tolist()
        return found
    try:
        return [value.decode() for value in tensor.array.ravel()]
    except UnicodeDecodeError as error:
        raise Unsupported(
            f"Tensor {tensor.name!r} holds bytes that are no text, and this server takes them as JSON only.",
            hint="Use its gRPC endpoint.",
        ) from error


def of_list(name: str, datatype: str, shape: Iterable[int], data: Any) -> Tensor:
    """Read a tensor from the flat or nested list of JSON.

    Raises:
        InvalidData: It does not fill the shape, or has other values than its datatype.
        Unsupported: The datatype is not known.
    """
    lengths = tuple(map(int, shape))
    if datatype == BYTES:
        return shaped(Tensor.of_texts(name, map(str, _flat(data))), lengths)
    try:
        return shaped(Tensor(name, datatype, _array(datatype, data)), lengths)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidData(f"Tensor {name!r} holds something else than {datatype}.", field=name) from error


def shaped(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor with its elements in a shape.

    Raises:
        InvalidData: They do not fill it.
    """
    if len(shape) > DIMENSIONS or min(shape, default=0) < 0 or math.prod(shape) != tensor.array.size:
        raise InvalidData(
            f"Tensor {tensor.name!r} of shape {list(shape)} has {tensor.array.size} elements.", field=tensor.name
        )
    return Tensor(tensor.name, tensor.datatype, tensor.array.reshape(shape))


def _array(datatype: str, data: Any) -> Array:
    """Return a list as an array. Numpy cuts the fractions off that are among whole numbers; here they are refused."""
    kind = np.dtype(_type(datatype))
    if not is_whole(datatype):
        return np.asarray(data, kind)
    leaves = _leaves(data)
    try:
        return np.asarray(array(kind.char, leaves))
    except TypeError:
        # There are numbers such as 1.0.
        found = np.asarray(leaves, kind)
    if not np.array_equal(found, np.asarray(leaves, np.float64)):
        raise ValueError("There are fractions among whole numbers.")
    return found


def _leaves(data: Any) -> Any:
    """Return the elements of a flat or nested list."""
    while isinstance(data, list) and data and isinstance(data[0], list):
        if len(set(map(len, data))) > 1:
            raise ValueError("The lists in the list are not of one length.")
        data = list(chain.from_iterable(data))
    return data


def _type(datatype: str) -> str:
    if datatype not in TYPES:
        raise Unsupported(f"Tensors of type {datatype} cannot be read or written here.")
    return TYPES[datatype]


def _elements(name: str, content: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(content):
        start = position + 4
        length = int.from_bytes(content[position:start], "little")
        position = start + length
        if position > len(content):
            raise InvalidData(f"Tensor {name!r} ends in the middle of an element.", field=name)
        yield content[start:position]


def _flat(data: Any) -> Iterator[Any]:
    for value in data if isinstance(data, list) else [data]:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value
