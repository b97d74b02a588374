"""What survives of rows: declared, composed over a move, and dealt with as the caller chose."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory import LOSSY

from dragoman import (
    Box,
    InvalidData,
    Keypoint,
    Keypoints,
    Label,
    Point,
    Polyline,
    Prediction,
    RotatedBox,
    Whole,
    WouldLose,
)
from dragoman.conformance import strategies
from dragoman.fidelity import (
    EXACT,
    LOSSLESS,
    FidelityTable,
    Keeper,
    LossPolicy,
    Survival,
    allows,
    approximate,
    dropped,
    restore,
    stored,
)
from dragoman.fidelity.policy import KEY
from dragoman.schema import GEOMETRIES, Radio

TABLE = FidelityTable(
    {
        "box": EXACT,
        "polygon": EXACT,
        "whole": EXACT,
        "rotated_box": approximate("four corners", to="polygon"),
        "keypoints": approximate("visibility becomes visible or not"),
        "point": stored(),
        "polyline": dropped("there are no lines"),
    },
    {
        "attributes": stored(),
        "class_pdf": approximate("two digits"),
        "track_id": dropped("an image has no tracks"),
        "frame": dropped("an image has no frames"),
    },
)
BOX = Box(0, 0, 1, 1)
TURNED = RotatedBox(5, 5, 4, 2, 30)
POSE = Keypoints((Keypoint("nose", 1, 2, 1),))
LINE = Polyline((0, 0, 1, 1))
POLICIES: tuple[LossPolicy, ...] = ("raise", "convert", "store", "drop")


def losses(row: Label) -> list[str]:
    return [str(loss) for loss in TABLE.losses(row)]


def kept(row: Label, policy: LossPolicy) -> Any:
    return Keeper(TABLE, policy).keep(row)


# -- declared ---------------------------------------------------------------------------------------------------------


@given(strategies.rows)
def test_a_lossless_platform_loses_nothing(row: Label) -> None:
    assert LOSSLESS.losses(row) == []
    assert Keeper(LOSSLESS, "raise").keep(row) is row


def test_a_lossless_platform_has_every_geometry() -> None:
    assert {geometry.kind for geometry in GEOMETRIES} <= set(LOSSLESS.geometries)


def test_what_is_exact_is_no_loss() -> None:
    assert losses(Label("a", "cat", BOX, metadata={"n": 1})) == []


def test_losses_name_the_geometry_and_how_it_changes() -> None:
    assert losses(Label("a", "cat", TURNED)) == ["geometry rotated_box is approximate: four corners"]
    assert losses(Label("a", "cat", Point(1, 1))) == ["geometry point is stored: kept in the metadata"]


def test_a_geometry_that_the_table_does_not_name_is_dropped() -> None:
    (loss,) = FidelityTable({"box": EXACT}).losses(Label("a", "cat", TURNED))
    assert str(loss) == "geometry rotated_box is dropped: there is no such geometry"


def test_fields_are_lost_only_where_they_hold_something() -> None:
    assert losses(Label("a", "cat", BOX, attributes={})) == []
    assert losses(Label("a", "cat", BOX, attributes={"color": "red"}, track_id="7", frame=0)) == [
        "field attributes is stored: kept in the metadata",
        "field track_id is dropped: an image has no tracks",
        "field frame is dropped: an image has no frames",
    ]


def test_a_text_that_says_none_says_something() -> None:
    table = FidelityTable({"box": EXACT}, {"track_id": dropped("no tracks"), "interpolation": dropped("no keyframes")})

    losses = table.losses(Label("a", "cat", Box(1, 2, 3, 4), track_id="none"))

    assert [loss.what for loss in losses] == ["field track_id"]


def test_one_table_serves_labels_and_predictions() -> None:
    assert losses(Label("a", "cat", BOX)) == []
    assert losses(Prediction("a", "cat", BOX, class_pdf={"cat": 1.0})) == ["field class_pdf is approximate: two digits"]


# -- composed ---------------------------------------------------------------------------------------------------------


def test_a_move_loses_what_either_side_loses() -> None:
    reading = FidelityTable({"box": approximate("whole pixels"), "whole": EXACT}, {"metadata": dropped("unread")})
    moved = reading.then(TABLE)
    assert moved.geometry("box") == approximate("whole pixels")
    assert moved.geometry("whole") == EXACT
    assert moved.geometry("rotated_box").survival is Survival.DROPPED
    assert moved.field("metadata") == dropped("unread")
    assert moved.field("attributes") == stored()


def test_what_is_converted_first_meets_the_second_table_in_its_new_form() -> None:
    reading = FidelityTable({"mask": approximate("outlines", to="polyline")})
    moved = reading.then(TABLE).geometry("mask")
    assert moved.survival is Survival.DROPPED
    assert moved.how == "outlines; then there are no lines"


@given(strategies.rows)
def test_a_lossless_side_changes_nothing(row: Label) -> None:
    for table in (LOSSY, TABLE):
        alone = {loss.what: loss.fidelity.survival for loss in table.losses(row)}
        for moved in (LOSSLESS.then(table), table.then(LOSSLESS)):
            assert {loss.what: loss.fidelity.survival for loss in moved.losses(row)} == alone


# -- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        Label("a", "cat", TURNED),
        Label("a", "cat", Point(1, 1)),
        Label("a", "cat", BOX, attributes={"color": "red"}),
        Label("a", "cat", LINE),
    ],
)
def test_the_policy_raise_refuses_every_loss(row: Label) -> None:
    with pytest.raises(WouldLose) as caught:
        kept(row, "raise")
    assert "on_loss" in str(caught.value)
    assert caught.value.field in ("geometry rotated_box", "geometry point", "field attributes", "geometry polyline")


@pytest.mark.parametrize("policy", ["raise", "convert", "store"])
def test_a_geometry_without_any_place_is_refused_unless_it_may_be_dropped(policy: LossPolicy) -> None:
    with pytest.raises(WouldLose, match="geometry polyline is dropped"):
        kept(Label("a", "cat", LINE), policy)


def test_convert_refuses_a_field_without_any_place() -> None:
    with pytest.raises(WouldLose, match="field track_id is dropped"):
        kept(Label("a", "cat", BOX, track_id="7"), "convert")


def test_nothing_is_stored_where_metadata_do_not_survive() -> None:
    table = FidelityTable({"box": EXACT}, {"metadata": dropped("there is none"), "track_id": dropped("no tracks")})
    with pytest.raises(WouldLose, match="track_id"):
        Keeper(table, "store").keep(Label("a", "cat", BOX, track_id="7"))


@pytest.mark.parametrize("policy", POLICIES)
def test_metadata_that_use_our_key_are_refused_rather_than_mixed_up(policy: LossPolicy) -> None:
    with pytest.raises(InvalidData, match="'dragoman' is kept") as caught:
        kept(Label("a", "cat", BOX, metadata={KEY: 1}), policy)
    assert caught.value.field == "metadata.dragoman"


# -- converted, stored, dropped ---------------------------------------------------------------------------------------


def test_a_stored_field_travels_in_the_metadata_and_comes_back() -> None:
    row = Label("a", "cat", BOX, attributes={"color": "red", "size": Radio.of("big")}, metadata={"n": 1})
    written = kept(row, "convert")
    assert written.attributes == {}
    assert written.metadata["n"] == 1
    assert restore(over_json(written)) == row


def test_a_stored_geometry_is_written_as_a_classification() -> None:
    row = Label("a", "cat", Point(1, 2))
    written = kept(row, "convert")
    assert written.geometry == Whole()
    assert restore(over_json(written)) == row


def test_what_the_platform_itself_rounds_passes_as_it_is() -> None:
    assert kept(Label("a", "cat", POSE), "convert") == Label("a", "cat", POSE)


def test_store_keeps_the_original_beside_what_is_written() -> None:
    row = Prediction("a", "cat", POSE, track_id="7", confidence=0.0, class_pdf={"cat": 1 / 3})
    written = kept(row, "store")
    assert written.track_id is None
    assert restore(over_json(written)) == row


def test_what_is_kept_may_depend_on_the_row() -> None:
    poor = FidelityTable({"box": EXACT}, {"metadata": dropped("no place for it"), "id": approximate("named anew")})
    keeper = Keeper(lambda row: poor if row.feature == "cat" else LOSSLESS, "store")
    other = Label("a", "dog", Box(1, 2, 3, 4), metadata={"by": "me"}, id="mine")
    assert keeper.keep(other) is other
    # An id has no place beside the row, and neither has anything where metadata have none.
    assert keeper.keep(msgspec.structs.replace(other, feature="cat", metadata={})).metadata == {}
    assert [loss.what for loss in keeper.losses()] == ["field id"]
    with pytest.raises(WouldLose, match="metadata"):
        keeper.keep(msgspec.structs.replace(other, feature="cat"))


def test_drop_leaves_a_field_out_and_the_row_in() -> None:
    row = Label("a", "cat", BOX, track_id="7", id="x")
    assert kept(row, "drop") == Label("a", "cat", BOX, id="x")


@pytest.mark.parametrize("row", [Label("a", "cat", LINE), Label("a", "cat", BOX, frame=3)])
def test_drop_leaves_a_row_out_that_would_be_nowhere_or_elsewhere(row: Label) -> None:
    assert kept(row, "drop") is None


def test_a_row_without_anything_beside_it_is_restored_as_it_is() -> None:
    row = Label("a", "cat", BOX, metadata={"n": 1})
    assert restore(row) is row


@pytest.mark.parametrize("foreign", [1, {"geometry": {"type": "hexagon"}}, {"attributes": 3}])
def test_what_others_put_under_our_key_is_an_error_not_data(foreign: object) -> None:
    with pytest.raises(InvalidData, match="holds something else"):
        restore(Label("a", "cat", BOX, metadata={KEY: foreign}))


def test_losses_are_counted_by_what_was_lost() -> None:
    keeper = Keeper(TABLE, "drop")
    for row in (
        Label("a", "cat", LINE),
        Label("b", "cat", LINE),
        Label("c", "cat", BOX, track_id="7", attributes={"n": 1}),
        Label("d", "cat", BOX),
    ):
        keeper.keep(row)
    assert [(loss.what, loss.survival, loss.rows) for loss in keeper.losses()] == [
        ("field attributes", "stored", 1),
        ("field track_id", "dropped", 1),
        ("geometry polyline", "dropped", 2),
    ]


@given(strategies.rows)
def test_no_row_passes_unless_all_its_losses_may(row: Label) -> None:
    for policy in POLICIES:
        may = all(allows(TABLE, policy, loss) for loss in TABLE.losses(row))
        try:
            kept(row, policy)
        except WouldLose:
            assert not may
        else:
            assert may


@given(strategies.rows)
def test_what_was_kept_is_kept_again_without_loss_but_for_what_the_platform_rounds(row: Label) -> None:
    written = kept(row, "drop")
    if written is not None:
        again = [loss for loss in TABLE.losses(written) if loss.fidelity.survival is not Survival.APPROXIMATE]
        assert again == []


@given(strategies.rows)
def test_under_store_every_row_that_passes_comes_back_whole(row: Label) -> None:
    try:
        written = kept(row, "store")
    except WouldLose:
        return
    assert restore(over_json(written)) == row


def over_json(row: Any) -> Any:
    """What a platform that keeps JSON gives back."""
    return msgspec.json.decode(msgspec.json.encode(row), type=type(row))


@given(st.lists(strategies.rows, max_size=4), st.sampled_from(["raise", "convert", "store", "drop"]))
def test_what_passes_at_a_glance_is_kept_as_it_is(rows: list[Any], policy: LossPolicy) -> None:
    keeper = Keeper(TABLE, policy)
    if keeper.passes(rows):
        assert [keeper.keep(row) for row in rows] == rows
        assert keeper.losses() == ()


def test_plain_rows_of_one_kind_pass_at_a_glance() -> None:
    plain = [Label("a", "cat", Box(1, 2, 3, 4), id=str(number)) for number in range(3)]
    turned = Label("a", "cat", RotatedBox(1, 2, 3, 4, 5))
    assert Keeper(TABLE, "raise").passes(plain)
    assert not Keeper(TABLE, "raise").passes([*plain, turned])
    assert not Keeper(TABLE, "raise").passes([*plain, Label("a", "cat", Box(1, 2, 3, 4), metadata={KEY: 1})])


def test_rows_of_features_that_keep_less_do_not_pass_at_a_glance() -> None:
    poor = FidelityTable(LOSSLESS.geometries, {"track_id": dropped("no tracks")})
    keeper = Keeper(lambda row: poor if row.feature == "cat" else LOSSLESS, "raise")
    dogs = [Label("a", "dog", BOX, track_id=str(number)) for number in range(3)]
    assert keeper.passes(dogs)
    assert keeper.passes([*dogs, Label("a", "cat", BOX)]) is False, "a glance is at all rows in each of their tables"
    assert keeper.passes([Label("a", "cat", BOX)])
    assert not keeper.passes([Label("a", "cat", BOX, track_id="7")])
    assert not keeper.passes([Label("a", "dog", BOX, attributes={"n": 1})]), "what rows say may decide on their table"
