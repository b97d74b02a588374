"""Reads a JSON array one element at a time, so that an export of any size takes the memory of its largest task."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from dragoman.errors import InvalidData

CHUNK = 1 << 18
MOST_CHARACTERS = 1 << 28
"""Characters of one element beyond which a file is refused."""
_SPACE = " \t\r\n"


def elements(path: Path) -> Iterator[Any]:
    """Yield the elements of the JSON array that a file is.

    Raises:
        InvalidData: The file is something else or breaks off; the error names the element and the byte.
    """
    with path.open("rb") as file:
        text = _Text(path, file.read)
        if text.next_character() != "[":
            text.refuse("it is no JSON array")
        text.pass_over()
        if text.next_character() == "]":
            return
        while True:
            yield text.value()
            follower = text.next_character()
            if follower not in (",", "]"):
                text.refuse("it breaks off" if not follower else f"there is {follower!r} where ',' or ']' should be")
            text.pass_over()
            if follower == "]":
                break
        if text.next_character():
            text.refuse("there is more after its end")


def _whole(digits: str) -> int | float:
    """Return a whole number, or, of more digits than Python reads, infinity, which is refused where it is used."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


class _Text:
    """The part of the file that has been read and not yet taken."""

    def __init__(self, path: Path, read: Any) -> None:
        self._path = path
        self._read = read
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._at = 0
        self._bytes = 0
        self._element = 0
        self._json = json.JSONDecoder(parse_constant=self._constant)
        self._any_length = json.JSONDecoder(parse_constant=self._constant, parse_int=_whole)

    def next_character(self) -> str:
        """Return the next character that is no space; an empty text at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(CHUNK):
                return ""

    def pass_over(self) -> None:
        self._at += 1

    def value(self) -> Any:
        self.next_character()
        size = CHUNK
        while True:
            try:
                value, end = self._decoded()
                # A number could go on in the next chunk.
                if end < len(self._text) or not self._more(size):
                    self._at = end
                    self._element += 1
                    return value
            except json.JSONDecodeError as error:
                if not self._more(size):
                    self._at = error.pos
                    self.refuse(f"the JSON is broken: {error.msg}")
            except RecursionError:
                self.refuse("values are nested too deeply")
            size *= 2
            if len(self._text) > MOST_CHARACTERS:
                self.refuse(f"the element has more than {MOST_CHARACTERS} characters")

    def _decoded(self) -> tuple[Any, int]:
        try:
            return self._json.raw_decode(self._text, self._at)
        except (json.JSONDecodeError, InvalidData):
            raise
        except ValueError:  # a whole number of more digits than Python reads, which looking at each of them tells
            return self._any_length.raw_decode(self._text, self._at)

    def refuse(self, reason: str) -> NoReturn:
        place = self._bytes + len(self._text[: self._at].encode(errors="replace"))
        raise InvalidData(f"{self._path}, task {self._element}, byte {place}: {reason}.", row=self._element)

    def _constant(self, name: str) -> NoReturn:
        self.refuse(f"{name} is no JSON")

    def _forget(self) -> None:
        self._bytes += len(self._text[: self._at].encode(errors="replace"))
        self._text = self._text[self._at :]
        self._at = 0

    def _more(self, size: int) -> bool:
        """Read on; say whether there was anything."""
        self._forget()
        chunk = self._read(size)
        try:
            self._text += self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            self.refuse(f"the text is no UTF-8: {error.reason}")
        return bool(chunk)
