"""Rows merge into what is on a task: once each, replaced where that is wanted, and foreign results left as they are."""

from __future__ import annotations

from typing import Any

from dragoman import Box, Item, Label
from dragoman.formats.labelstudio.config import Config, read_config
from dragoman.formats.labelstudio.records import Annotation
from dragoman.schema import Feature, Ontology
from dragoman_labelstudio.codec import Encoder
from dragoman_labelstudio.configuration import written
from dragoman_labelstudio.merging import Merge, held_on, merge, without
from dragoman_labelstudio.wire import StoredTask

ITEM = Item("street", width=64, height=48)
FILM = Item("film", width=64, height=48, media="video", frames=100)
ONTOLOGY = Ontology(name="kit", features=(Feature(name="car", geometries=("box",)),))
RUBBISH = {"from_name": "ghost", "type": "nothing known", "value": {"x": 500}, "id": "ghost"}


def config_of(item: Item) -> Config:
    return read_config(written(ONTOLOGY, item.media).encode())


def row(number: int, **more: Any) -> Label:
    return Label("street", "car", Box(number, 1, 5.5, 5.25), id=f"row {number}", **more)


def results(item: Item, *rows: Label) -> list[Any]:
    return Encoder(config_of(item)).results(item, rows, set())


def merged(rows: list[Label], *stored: tuple[int, bool, list[Any]], update: bool = False, item: Item = ITEM) -> Merge:
    """What becomes of rows on a task with annotations of these numbers, owners and results."""
    task = StoredTask(7, {"image": "x"})
    contents = [(number, own, Annotation(content, number)) for number, own, content in stored]
    held = held_on(task, item, config_of(item), contents)
    return merge(7, item, held, rows, Encoder(config_of(item)), update=update)


def statuses(found: Merge) -> list[str]:
    return [outcome.status for outcome in found.outcomes]


def test_the_first_rows_of_a_task_make_an_annotation() -> None:
    found = merged([row(1), row(2)])
    assert statuses(found) == ["created", "created"]
    (written_one,) = found.written
    assert (written_one.task, written_one.number) == (7, None)
    assert [result["id"] for result in written_one.results] == ["row 1", "row 2"]


def test_further_rows_go_into_our_own_annotation() -> None:
    found = merged([row(2)], (31, False, results(ITEM, row(8))), (32, True, results(ITEM, row(1))))
    (written_one,) = found.written
    assert written_one.number == 32
    assert [result["id"] for result in written_one.results] == ["row 1", "row 2"]


def test_rows_that_are_there_are_ignored_whoever_made_them() -> None:
    found = merged([row(1), row(2)], (31, False, results(ITEM, row(1))), (32, True, results(ITEM, row(2))))
    assert statuses(found) == ["ignored", "ignored"]
    assert found.written == []


def test_an_update_replaces_the_row_where_it_is() -> None:
    there = results(ITEM, row(1), row(2))
    moved = Label("street", "car", Box(30, 1, 2, 2), id="row 2")
    found = merged([moved], (31, False, there), update=True)
    assert statuses(found) == ["updated"]
    (written_one,) = found.written
    assert written_one.number == 31
    assert written_one.results == [there[0], *results(ITEM, moved)]


def test_a_row_that_comes_twice_is_created_once() -> None:
    found = merged([row(1), row(1)])
    assert statuses(found) == ["created", "ignored"]
    assert len(found.written[0].results) == 1


def test_results_that_cannot_be_read_stay_as_they_are() -> None:
    found = merged([row(1)], (32, True, [RUBBISH, "text"]))
    assert sorted(map(str, found.written[0].results[:2])) == sorted(map(str, [RUBBISH, "text"]))
    assert len(found.written[0].results) == 3


def test_a_row_that_has_no_place_is_rejected_and_the_others_are_written() -> None:
    found = merged([row(1), Label("street", "tram", Box(1, 1, 2, 2)), row(2)])
    assert statuses(found) == ["created", "rejected", "created"]
    assert "tram" in str(found.outcomes[1].reason)
    assert len(found.written[0].results) == 2


def test_a_region_of_several_labels_is_parted_when_one_of_its_rows_is_replaced() -> None:
    (region,) = results(ITEM, row(1))
    region["value"]["rectanglelabels"] = ["car", "bus"]
    held = held_on(StoredTask(7), ITEM, config_of(ITEM), [(31, True, Annotation([region], 31))])
    first, second = held[0].groups[0].rows
    assert (first.feature, second.feature) == ("car", "bus")
    encoder = Encoder(read_config(written(_with_bus(), "image").encode()))
    moved = Label("street", "bus", Box(9, 9, 3, 3), id=second.id)
    (written_one,) = merge(7, ITEM, held, [moved], encoder, update=True).written
    assert [(result["id"], result["value"]["rectanglelabels"]) for result in written_one.results] == [
        ("row 1", ["car"]),
        (second.id, ["bus"]),
    ]


def test_rows_are_taken_out_and_the_rest_stays_as_it_is() -> None:
    there = [*results(ITEM, row(1), row(2)), RUBBISH]
    held = held_on(
        StoredTask(7),
        ITEM,
        config_of(ITEM),
        [(31, True, Annotation(there, 31)), (32, False, Annotation(results(ITEM, row(3)), 32))],
    )
    (left,) = without(7, ITEM, held, {"row 1"}, Encoder(config_of(ITEM)))
    assert (left.number, left.results) == (31, there[1:])
    assert [one.id for one in left.rows] == ["row 2"]


def test_nothing_is_left_of_an_annotation_whose_rows_are_all_taken_out() -> None:
    held = held_on(StoredTask(7), ITEM, config_of(ITEM), [(31, True, Annotation(results(ITEM, row(1)), 31))])
    (left,) = without(7, ITEM, held, {"row 1"}, Encoder(config_of(ITEM)))
    assert left.results == []


def _with_bus() -> Ontology:
    return ONTOLOGY.model_copy(update={"features": (*ONTOLOGY.features, Feature(name="bus", geometries=("box",)))})


def test_a_keyframe_joins_the_region_of_its_object() -> None:
    def key(frame: int) -> Label:
        return Label(
            "film", "car", Box(frame, 1, 5, 5), frame=frame, span=(0, 20), interpolation="linear", track_id="7"
        )

    other = Label("film", "car", Box(1, 1, 2, 2), frame=3, track_id="8")
    found = merged([key(10)], (32, True, results(FILM, key(0), key(20), other)), item=FILM)
    (written_one,) = found.written
    regions = {region["id"]: [at["frame"] for at in region["value"]["sequence"]] for region in written_one.results}
    assert regions == {"7": [1, 11, 21], "8": [4]}
