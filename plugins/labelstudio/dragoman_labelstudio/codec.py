"""Pure translation of rows to results as a project's own configuration wants them.

The format writes results for a configuration of ours. A project may have another one: its controls have other names,
and a tag that only draws may stand beside one that names. Label Studio itself stores results for controls and labels
that are not there, and then shows nothing of them; so what the configuration has no place for is refused here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.labelstudio.config import BARE, CLASS, SHAPES, Config, Control
from dragoman.formats.labelstudio.records import PLATFORM
from dragoman.formats.labelstudio.results import KeyBox, key_of, results_of, video_regions
from dragoman.schema import Item, Label, Mask, Prediction, Whole

Result = dict[str, Any]
_BARE = {labelled: tag for tag, labelled in BARE.items() if tag != "videorectangle"}
"""Tags that draw and name at once to those that only draw."""
RATING = "rating"


class Encoder:
    """Makes the results of rows on one project's items.

    Args:
        config: The project's configuration.
        version: The model version of the prediction that the results go into, which says it of all of them.
    """

    def __init__(self, config: Config, version: str | None = None) -> None:
        self._config = config
        self._version = version

    def results(self, item: Item, rows: Iterable[Label], used: set[Any]) -> list[Result]:
        """Return the results of rows of one item.

        Args:
            item: The item.
            rows: The rows.
            used: Ids that other results of the annotation have; those of new regions of videos are added.

        Raises:
            InvalidData: The configuration, or Label Studio, has no place for a row, or the item's size is not known.
        """
        found: list[Result] = []
        objects: dict[tuple[str, str | None], list[KeyBox]] = {}
        for row in rows:
            native = self._is_native(row)
            if item.media == "video" and not isinstance(row.geometry, Whole):
                key = key_of(row, _size(item, row), native=native)
                objects.setdefault((row.feature, row.track_id), []).append(key)
                continue
            size = None if isinstance(row.geometry, Whole) else _size(item, row)
            found += results_of(row, item.media, size, native=native, asks=partial(self._asks, row))
        found += video_regions(item, ((*name, keys) for name, keys in objects.items()), used)
        return [fitted for result in found for fitted in self._fitted(result)]

    def _is_native(self, row: Label) -> bool:
        came = row.provenance
        said = (came.platform, came.version, came.id, came.author) if came else ()
        return self._version is not None and said == (PLATFORM, self._version, None, None)

    def _asks(self, row: Label, name: str, kind: str, value: dict[str, Any]) -> bool:
        """Whether the configuration asks a row that question, and takes that answer."""
        control = self._config.controls.get(name)
        if control is None or control.per_region == isinstance(row.geometry, Whole):
            return False
        if control.tag != kind and not (control.tag == RATING and _is_rating(kind, value)):
            return False
        if control.per_region and control.when and row.feature not in control.when:
            return False
        chosen = value.get("choices", [])
        return set(chosen) <= control.labels.keys() and (control.multiple or len(chosen) < 2)

    def _fitted(self, result: Result) -> Iterator[Result]:
        """Yield a result under the names of the project's own controls."""
        kind = result["type"]
        if kind == "relation":
            yield result
        elif kind == "videorectangle":
            drawn, _ = self._pair(kind, result["value"]["labels"][0])
            yield {**result, **_names(drawn)}
        elif kind in SHAPES:
            yield from self._shape(result, kind, result["value"][kind][0])
        else:
            yield _answered(result, self._question(result))

    def _shape(self, result: Result, kind: str, label: str) -> Iterator[Result]:
        for control in self._config.controls.values():
            if control.tag == kind and label in control.labels:
                yield {**result, **_names(control)}
                return
        drawn, named = self._pair(_BARE.get(kind, kind), label)
        shape = {name: value for name, value in result["value"].items() if name != kind}
        beside = {name: value for name, value in result.items() if name != "meta"}
        yield {**result, **_names(drawn), "type": drawn.tag, "value": shape}
        yield {**beside, **_names(named), "type": "labels", "value": {**shape, "labels": [label]}}

    def _pair(self, tag: str, label: str) -> tuple[Control, Control]:
        """Return a control that only draws, and the one beside it that names."""
        controls = self._config.controls.values()
        drawing = [control for control in controls if control.tag == tag]
        for named in controls:
            if named.tag == "labels" and label in named.labels:
                for drawn in drawing:
                    if drawn.to_name == named.to_name:
                        return drawn, named
        raise InvalidData(
            f"The project's configuration has no {tag.removesuffix('labels')} for {label!r}.",
            hint="Give it an ontology with that feature.",
            field="feature",
        )

    def _question(self, result: Result) -> Control:
        name = result["from_name"]
        control = self._config.controls.get(name)
        missing = name
        if name == CLASS:
            missing = result["value"]["choices"][0]
            control = control if control and missing in control.labels else None
        if control is None:
            raise InvalidData(
                f"The project's configuration has no class or question {missing!r}.",
                hint="Give it an ontology with that feature.",
                field="feature",
            )
        return control


def _is_rating(kind: str, value: dict[str, Any]) -> bool:
    return kind == "number" and value["number"] >= 0 and float(value["number"]).is_integer()


def _answered(result: Result, control: Control) -> Result:
    """Return an answer as its control says it: a rating is a whole number under another name."""
    if control.tag == RATING and result["type"] == "number":
        rating = {"type": RATING, "value": {RATING: int(result["value"]["number"])}}
        return {**result, **_names(control), **rating}
    return {**result, **_names(control)}


def _names(control: Control) -> dict[str, str]:
    return {"from_name": control.name, "to_name": control.to_name.split(",")[0]}


def _size(item: Item, row: Label) -> tuple[int, int]:
    """Return the item's size; a mask has its own."""
    if item.width and item.height:
        return item.width, item.height
    if isinstance(row.geometry, Mask):
        return row.geometry.width, row.geometry.height
    raise InvalidData(
        f"Item {item.key!r} has no width and height, of which Label Studio's coordinates are percent.",
        hint="Write the item with both.",
        field="item",
    )


def score_of(rows: Iterable[Label]) -> float | None:
    """Return the score of a prediction, by which Label Studio sorts tasks: the mean of its rows' if all have one.

    A row that has none would be read with that of the prediction.
    """
    scores = [row.confidence if isinstance(row, Prediction) else None for row in rows]
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known and len(known) == len(scores) else None


def without_media(item: Item) -> Item:
    """Return an item as it is kept in a task's meta: where the media is, the task's data says."""
    return msgspec.structs.replace(item, data=None, uri=None, id="")
