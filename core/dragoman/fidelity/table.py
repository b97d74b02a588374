"""What a platform or a file format keeps of rows, declared per geometry and field, in each direction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any

from dragoman.errors import PluginError
from dragoman.schema import GEOMETRIES, Label, Prediction


class Survival(StrEnum):
    """What becomes of a geometry or field; each value loses more than the one before it."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    STORED = "stored"
    """Kept as metadata, not honoured; Dragoman gives it back when it reads."""
    DROPPED = "dropped"


_ORDER = tuple(Survival)


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What survives of one geometry or field.

    Args:
        survival: How much of it.
        how: How it changes, where it is not exact.
        to: The form of geometry that the core converts an approximate one to before the adapter sees it, such as
            `"polygon"`; None where the platform itself rounds it.
    """

    survival: Survival
    how: str = ""
    to: str | None = None


EXACT = Fidelity(Survival.EXACT)


def approximate(how: str, *, to: str | None = None) -> Fidelity:
    """Declare that something close survives; see `Fidelity`."""
    return Fidelity(Survival.APPROXIMATE, how, to)


def stored(how: str = "kept in the metadata") -> Fidelity:
    """Declare a field that has no place of its own and travels in the row's metadata."""
    return Fidelity(Survival.STORED, how)


def dropped(how: str) -> Fidelity:
    """Declare that nothing survives, and why."""
    return Fidelity(Survival.DROPPED, how)


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing of a row that is not kept exactly: `"geometry keypoints"`, `"field attributes"`."""

    what: str
    fidelity: Fidelity

    def __str__(self) -> str:
        return f"{self.what} is {self.fidelity.survival}" + (f": {self.fidelity.how}" if self.fidelity.how else "")


NO_SUCH_GEOMETRY = dropped("there is no such geometry")
EMPTY: dict[str, Any] = {"attributes": {}, "metadata": {}, "interpolation": "none"}
"""What fields are when they say nothing, so that nothing is lost with them, where that is not None."""


_SAID = ("frame", "span", "interpolation", "answer", "attributes", "metadata")
"""Fields that `say_no_more` looks at."""

FORMS = (*(geometry.kind for geometry in GEOMETRIES), "polygon with holes", "polygon of parts")
"""All forms of geometry."""
FIELDS = frozenset((*Label.__struct_fields__, *Prediction.__struct_fields__))
"""All fields of rows."""


def say_no_more(rows: Sequence[Label]) -> bool:
    """Return whether no row is on a part of its item's frames, answers anything or has attributes or metadata.

    Most bulk writes are of such rows, which may still have a track, a provenance and a confidence.
    """
    # Written out: a field that is looked up by its name takes as long as all of these.
    return not [
        row
        for row in rows
        if row.frame is not None
        or row.span is not None
        or row.answer is not None
        or row.attributes
        or row.metadata
        or row.interpolation != "none"
    ]


def _forms(kind: str) -> frozenset[str]:
    """Return the forms that a kind of geometry may have."""
    return frozenset(form for form in FORMS if form.split(" ")[0] == kind)


class FidelityTable:
    """What is kept of rows in one direction.

    Args:
        geometries: Form of geometry (`Geometry.form`) to fidelity; a form that is not named is dropped.
        fields: Field of a row to fidelity; a field that is not named is exact.

    Raises:
        PluginError: There is no such form or field, which would be passed over without a word.
    """

    def __init__(self, geometries: Mapping[str, Fidelity], fields: Mapping[str, Fidelity] | None = None) -> None:
        self.geometries = dict(geometries)
        self.fields = dict(fields or {})
        _check("form of geometry", self.geometries, FORMS)
        _check("field of a row", self.fields, FIELDS)
        self._exact = frozenset(form for form, kept in geometries.items() if kept.survival is Survival.EXACT)
        self._lossy = tuple(name for name, kept in self.fields.items() if kept.survival is not Survival.EXACT)
        self._lossy_else = tuple(name for name in self._lossy if name not in _SAID)
        self._exact_kinds = frozenset(kind for kind in GEOMETRIES if _forms(kind.kind) <= self._exact)
        self._plain: dict[type, tuple[Callable[[Label], Any], Any]] = {}

    def geometry(self, form: str) -> Fidelity:
        """Return what survives of a form of geometry."""
        return self.geometries.get(form, NO_SUCH_GEOMETRY)

    def field(self, name: str) -> Fidelity:
        """Return what survives of a field."""
        return self.fields.get(name, EXACT)

    def losses(self, row: Label) -> list[Loss]:
        """Return what is not kept exactly of `row`."""
        form = row.geometry.form
        # One look for the common case, a row that loses nothing.
        lossy, plain = self._plain.get(type(row)) or self._look(type(row))
        if form in self._exact and lossy(row) == plain:
            return []
        lost = []
        if form not in self._exact:
            lost.append(Loss(f"geometry {form}", self.geometry(form)))
        for name in self._lossy:
            value = getattr(row, name, None)
            if value is not None and value != EMPTY.get(name):
                lost.append(Loss(f"field {name}", self.fields[name]))
        return lost

    def keeps_all(self, rows: Sequence[Label]) -> bool:
        """Return whether it is plain at a glance that no row loses anything, which most bulk writes begin with."""
        return (
            self._exact_kinds.issuperset({type(row.geometry) for row in rows})
            and say_no_more(rows)
            and all([getattr(row, name, None) for row in rows].count(None) == len(rows) for name in self._lossy_else)
        )

    def _look(self, kind: type[Label]) -> tuple[Callable[[Label], Any], Any]:
        """Return what gives the lossy fields of a kind of row, and what it gives of a row that has none of them."""
        names = [name for name in self._lossy if name in kind.__struct_fields__] or ["__class__"]
        lossy = attrgetter(*names)
        plain = tuple(kind if name == "__class__" else EMPTY.get(name) for name in names)
        self._plain[kind] = lossy, plain if len(names) > 1 else plain[0]
        return self._plain[kind]

    def then(self, after: FidelityTable) -> FidelityTable:
        """Return what is kept when a row passes through this table and then through `after`.

        A move is `source.label_reading.then(target.label_fidelity)`. What is approximated first loses what the
        second table takes from the form it has become.
        """
        forms = {*self.geometries, *after.geometries}
        names = {*self.fields, *after.fields}
        return FidelityTable(
            {form: self._through(form, after) for form in sorted(forms)},
            {name: _worse(self.field(name), after.field(name)) for name in sorted(names)},
        )

    def _through(self, form: str, after: FidelityTable) -> Fidelity:
        here = self.geometry(form)
        if here.survival is Survival.DROPPED:
            return here
        return _worse(here, after.geometry(here.to or form))


def _check(what: str, declared: Mapping[str, Fidelity], known: Collection[str]) -> None:
    for name, kept in declared.items():
        if name not in known:
            raise PluginError(f"There is no {what} {name!r}.", hint=f"There are: {', '.join(sorted(known))}.")
        if not isinstance(kept, Fidelity):
            raise PluginError(
                f"What survives of {name!r} is declared as {kept!r}.",
                hint="It is EXACT, or what approximate(), stored() or dropped() returns.",
            )
        if kept.to is not None and kept.to not in FORMS:
            hint = f"Forms are: {', '.join(FORMS)}."
            raise PluginError(f"{name!r} becomes {kept.to!r}, which is no form of geometry.", hint=hint)


def _worse(first: Fidelity, second: Fidelity) -> Fidelity:
    if first == second:
        return first
    worse = max(first, second, key=lambda fidelity: _ORDER.index(fidelity.survival))
    how = "; then ".join(fidelity.how for fidelity in (first, second) if fidelity.how)
    return Fidelity(worse.survival, how, second.to or first.to)


LOSSLESS = FidelityTable(dict.fromkeys(FORMS, EXACT))
"""Keeps everything."""
