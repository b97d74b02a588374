"""XML in a stream: reads elements one at a time with their line numbers, and writes text that every parser accepts.

The parser is the standard library's expat with document types refused, so that no entity can be declared and neither
expansion bombs nor external files exist. defusedxml refuses the same but does not say on which line an element stands.
Encodings that expat does not know, such as gb2312, are decoded before it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from dragoman.errors import InvalidData

CHUNK = 1 << 16
DEEPEST = 100
"""Elements nested deeper than this are refused; the deepest format here needs six levels."""
_DECLARED = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]*)["']""")
_EXPATS = frozenset({"utf-8", "utf-16", "iso8859-1", "ascii"})
"""Encodings that expat reads by itself, by the names of Python's codecs."""
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEPT_AS_IT_IS = {"\r": "&#13;"}
_KEPT_IN_ATTRIBUTES = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;", '"': "&quot;"}


class Node:
    """One element with everything in it; `line` is where it starts."""

    __slots__ = ("attributes", "children", "line", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.tag = tag
        self.attributes = attributes
        self.line = line
        self.text = ""
        self.children: list[Node] = []

    def child(self, tag: str) -> Node | None:
        """Return the first child of that tag."""
        return next((node for node in self.children if node.tag == tag), None)

    def all(self, tag: str) -> Iterator[Node]:
        """Yield the children of that tag."""
        return (node for node in self.children if node.tag == tag)

    def text_of(self, tag: str) -> str | None:
        """Return the text of the first child of that tag, or None if there is none or it is blank."""
        node = self.child(tag)
        return node.text if node is not None and node.text.strip() else None

    def attribute(self, name: str) -> str:
        """Return an attribute that must be there.

        Raises:
            InvalidData: It is not there.
        """
        try:
            return self.attributes[name]
        except KeyError:
            raise InvalidData(f"<{self.tag}> has no {name!r}.", field=name) from None


def number(text: str | None, field: str) -> float:
    """Return the number that a text holds.

    Raises:
        InvalidData: There is none; `field` says where.
    """
    try:
        return float(text or "")
    except ValueError:
        raise InvalidData(f"{field} is {text!r}; it must be a number.", field=field) from None


def whole_number(text: str | None, field: str) -> int:
    """Return the integer that a text holds; see `number`."""
    value = number(text, field)
    if not value.is_integer():
        raise InvalidData(f"{field} is {text!r}; it must be a whole number.", field=field)
    return int(value)


def elements(path: Path, root: str, tags: Container[str], *, shown: str = "") -> Iterator[Node]:
    """Yield the children of the root element that have one of `tags`, each as soon as it has been read.

    Args:
        path: The file.
        root: Tag that the root element must have.
        tags: Tags of the children to yield; others are passed over.
        shown: What errors call the file; its path by default.

    Raises:
        InvalidData: The file is not such XML, or breaks off; the error names the line.
    """
    name = shown or str(path)
    gatherer = _Gatherer(root, tags)
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                gatherer.parse(chunk)
                yield from gatherer.take()
        gatherer.parse(b"", final=True)
        yield from gatherer.take()
    except expat.ExpatError as error:
        yield from gatherer.take()
        reason = expat.ErrorString(error.code)
        raise InvalidData(f"{name}, line {error.lineno}: the XML is broken: {reason}.") from error
    except InvalidData as error:
        raise InvalidData(f"{name}, line {gatherer.parser.CurrentLineNumber}: {error.message}") from error


def document(content: bytes, shown: str) -> Node:
    """Return the root element of a whole document with everything in it.

    Raises:
        InvalidData: It is not XML; the error names the line.
    """
    gatherer = _Gatherer("", ())
    try:
        gatherer.parse(content, final=True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise InvalidData(f"{shown}, line {error.lineno}: the XML is broken: {reason}.") from error
    except InvalidData as error:
        raise InvalidData(f"{shown}, line {gatherer.parser.CurrentLineNumber}: {error.message}") from error
    (root,) = gatherer.take()
    return root


class _Gatherer:
    """Builds nodes from expat's events: those of `tags` below `root`, or the whole document where `root` is empty."""

    def __init__(self, root: str, tags: Container[str]) -> None:
        self._root = root
        self._tags = tags
        self._depth = 0
        self._open: list[Node] = []
        self._done: list[Node] = []
        parser: Any = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self.parser = parser
        self._decode: Callable[[bytes, bool], str] | None = None
        self._started = False

    def parse(self, chunk: bytes, *, final: bool = False) -> None:
        """Take in the next bytes of the document, of which the first chunk has the whole XML declaration."""
        if not self._started:
            self._started, self._decode = True, _decoder(chunk)
        try:
            self.parser.Parse(self._decode(chunk, final) if self._decode else chunk, final)
        except InvalidData:
            raise
        except (ValueError, LookupError) as error:
            raise InvalidData(f"the text is not in the encoding that the XML declares: {error}.") from error

    def take(self) -> list[Node]:
        done, self._done = self._done, []
        return done

    def _doctype(self, name: str, *_: Any) -> None:
        raise InvalidData(f"the document type {name!r} is refused; it could declare entities.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._depth == 0 and tag != self._root and self._root:
            raise InvalidData(f"the root element is <{tag}>, not <{self._root}>.")
        self._depth += 1
        if self._depth > DEEPEST:
            raise InvalidData(f"elements are nested deeper than {DEEPEST}.")
        if self._open or not self._root or (self._depth == 2 and tag in self._tags):
            node = Node(tag, attributes, self.parser.CurrentLineNumber)
            if self._open:
                self._open[-1].children.append(node)
            self._open.append(node)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if self._open:
            node = self._open.pop()
            if not self._open:
                self._done.append(node)

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text


def _decoder(head: bytes) -> Callable[[bytes, bool], str] | None:
    """Return what decodes a document that begins so, or None where expat does so itself.

    Raises:
        InvalidData: The encoding that is declared is none that Python knows.
    """
    found = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    if found is None:
        return None
    name = found[1].decode("ascii")
    try:
        b" ".decode(name)  # which refuses codecs that are no encodings of text, and may unpack
        codec = codecs.lookup(name)
    except (LookupError, UnicodeError) as error:
        raise InvalidData(f"the encoding {name!r} is unknown.", hint="Save the file as UTF-8.") from error
    return None if codec.name in _EXPATS or codec.incrementaldecoder is None else codec.incrementaldecoder().decode


def writable(text: str) -> bool:
    """Whether XML can hold the text: most control characters have no place in it, not even escaped."""
    return _UNWRITABLE.search(text) is None


def element(tag: str, content: str | float | None = None, /, **attributes: object) -> str:
    """Return an element of text, on one line and escaped so that it reads back as it was.

    Raises:
        InvalidData: The text has a character that XML cannot hold.
    """
    opened = _opened(tag, attributes)
    return f"<{opened}/>" if content is None else f"<{opened}>{escaped(str(content))}</{tag}>"


def parent(tag: str, children: Iterable[str], /, **attributes: object) -> str:
    """Return an element of elements."""
    return f"<{_opened(tag, attributes)}>{''.join(children)}</{tag}>"


def escaped(text: str) -> str:
    """Return the text as it stands in XML.

    Raises:
        InvalidData: It has a character that XML cannot hold.
    """
    _check(text)
    return escape(text, _KEPT_AS_IT_IS)


def _opened(tag: str, attributes: dict[str, object]) -> str:
    pairs = []
    for name, value in attributes.items():
        text = str(value)
        _check(text)
        pairs.append(f' {name.rstrip("_")}="{escape(text, _KEPT_IN_ATTRIBUTES)}"')
    return tag + "".join(pairs)


def _check(text: str) -> None:
    if found := _UNWRITABLE.search(text):
        raise InvalidData(f"{text!r} has the character {found[0]!r}, which XML cannot hold.")
