"""What all facets share: the operation marker and the bridge from public methods to an adapter's translations.

A public method documents, validates and calls `self._call(...)`; an adapter's subclass writes the method with the same
name and a leading underscore. Where it writes none, a `Gap` stands and the call raises `Unsupported`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import ValidationError

from dragoman.calls.pipeline import Operation, Page
from dragoman.capability import Capability, Gap, Level
from dragoman.errors import InvalidData
from dragoman.schema import Status
from dragoman.schema.base import Control

if TYPE_CHECKING:
    from dragoman.adapter import Adapter

Method = TypeVar("Method", bound=Callable[..., Any])
T = TypeVar("T")
Thing = TypeVar("Thing", bound=Control)


def operation(*, repeatable: bool = True, composed_of: tuple[str, ...] = ()) -> Callable[[Method], Method]:
    """Mark a public method as an operation of its facet.

    Args:
        repeatable: Sending it twice does no more than sending it once.
        composed_of: `"facet.operation"` names that the core makes it of where an adapter does not translate it.
    """

    def mark(method: Method) -> Method:
        method.__operation__ = (repeatable, composed_of)  # type: ignore[attr-defined]
        return method

    return mark


class Facet:
    """Base of all facets. `name` is the attribute under which a backend has it."""

    name: ClassVar[str]
    operations: ClassVar[dict[str, Operation]] = {}

    def __init__(self, adapter: Adapter, gap: Gap | None = None) -> None:
        self._adapter = adapter
        self._gap = gap

    def __init_subclass__(cls, name: str | None = None) -> None:
        super().__init_subclass__()
        if name is None:
            return
        cls.name = name
        cls.operations = {}
        for attribute, method in list(vars(cls).items()):
            if marked := getattr(method, "__operation__", None):
                repeatable, composed_of = marked
                cls.operations[attribute] = Operation(name, attribute, repeatable, composed_of)
                if not hasattr(cls, f"_{attribute}"):
                    setattr(cls, f"_{attribute}", Gap.undeclared())

    @classmethod
    def declared(cls, operation: str) -> Capability:
        """Return what this class itself says of an operation, composition left aside."""
        translation = getattr_static(cls, f"_{operation}")
        return translation.capability if isinstance(translation, Gap) else Capability(Level.FULL)

    def supports(self, operation: str) -> bool:
        """Return whether the adapter translates an operation of this facet; composition by the core is left aside."""
        return self._gap is None and self.declared(operation).level is Level.FULL

    def _translation(self, operation: str) -> Callable[..., Any]:
        """Return the adapter's method for an operation.

        Raises:
            Unsupported: There is a gap in its place, or in the place of the whole facet.
        """
        gap = self._gap or getattr_static(type(self), f"_{operation}")
        if isinstance(gap, Gap):
            gap.refuse(self._adapter.name, f"{self.name}.{operation}")
        method: Callable[..., Any] = getattr(self, f"_{operation}")
        return method

    def _call(self, operation: str, *arguments: Any) -> Any:
        translation = self._translation(operation)
        return self._adapter.pipeline.call(self.operations[operation], translation, *arguments)

    def _stream(self, operation: str, *arguments: Any) -> Iterator[Any]:
        """Iterate over what a translation yields."""
        return self._adapter.pipeline.stream(self.operations[operation], self._translation(operation), *arguments)

    def _pages(self, operation: str, *arguments: Any, size: int | None = None) -> Iterator[Any]:
        """Iterate over a listing whose translation takes `(*arguments, cursor, size)` and returns a `Page`."""
        if size is not None and size < 1:
            raise InvalidData(f"page_size is {size}; it is at least 1.", field="page_size")
        translation = self._translation(operation)

        def fetch(cursor: str | None, size: int) -> Page[Any]:
            page: Page[Any] = translation(*arguments, cursor, size)
            return page

        return self._adapter.pipeline.pages(self.operations[operation], fetch, size)

    def __repr__(self) -> str:
        supported = [name for name in self.operations if self.supports(name)]
        return f"<{self._adapter.name} {self.name}: {', '.join(supported) or 'not supported'}>"


def ref(thing: Any) -> str:
    """Return the id of a control-plane object, or the string itself if it is an id already.

    Raises:
        InvalidData: It is neither, or an object that no platform has given an id.
    """
    if isinstance(thing, str):
        return thing
    id = getattr(thing, "id", None)
    if not id:
        raise InvalidData(f"{thing!r} is no id, and has none.")
    return str(id)


def chosen(values: Iterable[str] | None, field: str) -> list[str] | None:
    """Return the keys or ids that a caller named, None for all.

    Raises:
        InvalidData: It is a single one.
    """
    if isinstance(values, str):
        # Its letters are texts, too.
        raise InvalidData(f"{field} is a single text.", hint="Put it into a list.", field=field)
    return None if values is None else list(values)


def status_of(status: Status | str | None) -> Status | None:
    """Return a status that a caller named.

    Raises:
        InvalidData: It is none.
    """
    try:
        return Status(status) if status is not None else None
    except ValueError:
        hint = f"They are: {', '.join(Status)}."
        raise InvalidData(f"{status!r} is not a status.", hint=hint, field="status") from None


def thing_of(kind: type[Thing], **fields: Any) -> Thing:
    """Return an object of the control plane made of what a caller gave.

    Raises:
        InvalidData: A field breaks the schema; the error names it.
    """
    try:
        return kind(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise InvalidData(f"{kind.__name__} {field} is {first['input']!r}: {first['msg']}.", field=field) from error
