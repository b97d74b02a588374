"""The codec against the fidelity table: exact means equal after a round trip through Nucleus's JSON."""

from __future__ import annotations

import msgspec
import nucleus
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Box, Item, Keypoint, Keypoints, Label, Model, Prediction, Survival, Whole
from dragoman.conformance import strategies
from dragoman.errors import InvalidData, PlatformError
from dragoman.fidelity import Keeper, allows, restore
from dragoman_nucleus import codec
from dragoman_nucleus.fidelity import ROWS

KEPT = {form: made for form, made in strategies.BY_FORM.items() if ROWS.geometry(form).survival is not Survival.DROPPED}
EXACT = {form: made for form, made in KEPT.items() if ROWS.geometry(form).survival is Survival.EXACT}


def over_the_wire(wire: dict) -> dict:
    """What Nucleus gives back of what it was sent."""
    return msgspec.json.decode(msgspec.json.encode(wire))


def anonymous(row: Label) -> Label:
    """The row without its provenance, which the codec fills in where there is none."""
    return msgspec.structs.replace(row, provenance=None)


@pytest.mark.parametrize("form", EXACT)
@given(data=st.data())
def test_exact_labels_come_back_as_they_were_kept(form: str, data: st.DataObject) -> None:
    kept = Keeper(ROWS, "drop").keep(data.draw(strategies.labels_with(EXACT[form])))
    if kept is not None:
        assert anonymous(codec.label_in(over_the_wire(codec.row_out(kept)))) == anonymous(kept)


@pytest.mark.parametrize("form", EXACT)
@given(data=st.data())
def test_exact_predictions_come_back_as_they_were_kept(form: str, data: st.DataObject) -> None:
    kept = Keeper(ROWS, "drop").keep(data.draw(strategies.predictions_with(EXACT[form])))
    if kept is not None:
        assert anonymous(codec.prediction_in(over_the_wire(codec.row_out(kept)))) == anonymous(kept)


@pytest.mark.parametrize("form", KEPT)
@given(data=st.data())
def test_rows_that_are_stored_come_back_whole(form: str, data: st.DataObject) -> None:
    row = data.draw(strategies.labels_with(KEPT[form]))
    if all(allows(ROWS, "store", loss) for loss in ROWS.losses(row)):
        kept = Keeper(ROWS, "store").keep(row)
        assert kept is not None
        assert anonymous(restore(codec.label_in(over_the_wire(codec.row_out(kept))))) == anonymous(row)


def test_the_table_and_the_codec_know_the_same_geometries() -> None:
    forms = {fidelity.to or form for form, fidelity in ROWS.geometries.items()}
    assert forms == {"box", "polygon", "polyline", "whole", "keypoints"}


@given(strategies.provenances)
def test_provenance_is_carried(provenance: object) -> None:
    label = Label("a", "car", Box(1, 2, 3, 4), provenance=provenance)
    assert codec.label_in(over_the_wire(codec.row_out(label))).provenance == provenance


def test_a_row_of_nucleus_own_says_where_it_comes_from() -> None:
    wire = {"type": "box", "label": "car", "geometry": {"x": 1, "y": 2, "width": 3, "height": 4}}
    label = codec.label_in({**wire, "reference_id": "a", "annotation_id": "x-1"})
    assert (label.provenance.platform, label.provenance.id) == ("nucleus", "x-1")


def test_visibility_becomes_visible_or_not() -> None:
    sent = Keypoints((Keypoint("seen", 1, 2, 2), Keypoint("hidden", 3, 4, 1), Keypoint("unlabelled", None, None, 0)))
    read = codec.label_in(over_the_wire(codec.row_out(Label("a", "pose", sent)))).geometry
    assert [point.visibility for point in read.points] == [2, 1, 1]


@given(strategies.items)
def test_items_keep_what_is_compared(item: Item) -> None:
    read = codec.item_in({**over_the_wire(codec.item_out(item)), "image_url": item.uri})
    for field in ("key", "width", "height", "split", "metadata", "uri"):
        assert getattr(read, field) == getattr(item, field)


def test_models_keep_task_and_features() -> None:
    model = Model(name="d", key="k", task="object_detection", features=("b", "a"), description="x", metadata={"lr": 1})
    sdk_model = nucleus.Model("prj_1", model.name, model.key, codec.model_metadata(model), None)
    assert codec.model_in(sdk_model) == model.model_copy(update={"id": "prj_1"})


@pytest.mark.parametrize(
    "encode",
    [
        lambda metadata: codec.row_out(Label("a", "car", Box(1, 2, 3, 4), metadata=metadata)),
        lambda metadata: codec.row_out(Label("a", "car", Whole(), metadata=metadata)),
        lambda metadata: codec.item_out(Item("a", metadata=metadata)),
        lambda metadata: codec.model_metadata(Model(name="m", metadata=metadata)),
    ],
)
def test_a_key_in_our_name_space_is_refused(encode) -> None:
    with pytest.raises(InvalidData, match="dragoman_id"):
        encode({"dragoman_id": "mine"})


def test_an_unknown_type_is_not_passed_over() -> None:
    with pytest.raises(PlatformError, match="hologram"):
        codec.label_in({"type": "hologram", "reference_id": "a", "label": "x"})


@given(strategies.predictions_with(strategies.boxes))
def test_boxes_are_what_the_sdk_itself_would_send(prediction: Prediction) -> None:
    prediction = msgspec.structs.replace(anonymous(prediction), frame=None, span=None, answer=None, attributes={})
    box = prediction.geometry
    theirs = nucleus.BoxPrediction(
        label=prediction.feature,
        x=box.x,
        y=box.y,
        width=box.width,
        height=box.height,
        reference_id=prediction.item,
        confidence=prediction.confidence,
        annotation_id=prediction.id,
        metadata=codec.row_out(prediction)["metadata"],
        class_pdf=prediction.class_pdf,
        track_reference_id=prediction.track_id,
    ).to_payload()
    assert codec.row_out(prediction) == {name: value for name, value in theirs.items() if value is not None}
