"""The codec against the fidelity table: exact means equal after a round trip through Nucleus's JSON."""

from __future__ import annotations

from math import cos, sin
from typing import Any

import msgspec
import nucleus
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import (
    Box,
    Checklist,
    Cuboid,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Model,
    Number,
    Option,
    Prediction,
    Radio,
    Survival,
    Text,
    Whole,
)
from dragoman.conformance import strategies
from dragoman.errors import InvalidData
from dragoman.fidelity import Keeper, allows, restore
from dragoman_nucleus import codec
from dragoman_nucleus.fidelity import ROWS
from dragoman_nucleus.wire import Groups

FORMS = {
    form: made
    for form, made in strategies.BY_FORM.items()
    if ROWS.geometry(form).survival is not Survival.DROPPED and form != "mask"
}
"""Masks travel as images: see `test_nucleus_masks`."""
EXACT = {form: made for form, made in FORMS.items() if ROWS.geometry(form).survival is Survival.EXACT}

options = st.builds(
    Option, strategies.names, st.dictionaries(strategies.texts, st.builds(Text, strategies.texts), max_size=1)
)
answers = st.one_of(
    st.builds(Radio, options),
    st.lists(options, max_size=3, unique_by=lambda option: option.name).map(lambda found: Checklist(tuple(found))),
    st.builds(Text, strategies.texts),
    st.builds(Number, strategies.numbers),
)


def over_the_wire(row: Label) -> Any:
    """What Nucleus gives back of a row: a group of one."""
    sent = msgspec.to_builtins(codec.row_out(row))
    groups = msgspec.json.decode(msgspec.json.encode({sent["type"]: [sent]}), type=Groups)
    (found,) = groups.rows()
    return found


def label_again(row: Label) -> Label:
    return codec.label_in(*over_the_wire(row))


def prediction_again(row: Prediction) -> Prediction:
    return codec.prediction_in(*over_the_wire(row))


def anonymous(row: Label) -> Label:
    """The row without its provenance, which the codec fills in where there is none."""
    return msgspec.structs.replace(row, provenance=None)


@pytest.mark.parametrize("form", EXACT)
@given(data=st.data())
def test_exact_labels_come_back_as_they_were_kept(form: str, data: st.DataObject) -> None:
    kept = Keeper(ROWS, "drop").keep(data.draw(strategies.labels_with(EXACT[form])))
    if kept is not None:
        assert anonymous(label_again(kept)) == anonymous(kept)


@pytest.mark.parametrize("form", EXACT)
@given(data=st.data())
def test_exact_predictions_come_back_as_they_were_kept(form: str, data: st.DataObject) -> None:
    kept = Keeper(ROWS, "drop").keep(data.draw(strategies.predictions_with(EXACT[form])))
    if kept is not None:
        assert anonymous(prediction_again(kept)) == anonymous(kept)


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_rows_that_are_stored_come_back_whole(form: str, data: st.DataObject) -> None:
    row = data.draw(strategies.labels_with(FORMS[form]))
    if all(allows(ROWS, "store", loss) for loss in ROWS.losses(row)):
        kept = Keeper(ROWS, "store").keep(row)
        assert kept is not None
        assert anonymous(restore(label_again(kept))) == anonymous(row)


@given(answers, st.sampled_from([Whole(), Box(1, 2, 3, 4)]), strategies.metadata)
def test_answers_come_back_on_labels_and_predictions(answer: Any, geometry: Any, metadata: dict[str, Any]) -> None:
    label = Label("a", "weather", geometry, answer=answer, metadata=metadata)
    said = Prediction("a", "weather", geometry, answer=answer, metadata=metadata, confidence=0.5)
    assert anonymous(label_again(label)) == label
    assert anonymous(prediction_again(said)) == said


def test_an_option_is_a_category_of_its_question_and_several_are_a_multicategory() -> None:
    one = codec.row_out(Label("a", "weather", Whole(), answer=Radio.of("rain")))
    assert (one.type, one.label, one.taxonomy_name) == ("category", "rain", "weather")
    both = codec.row_out(Label("a", "weather", Whole(), answer=Checklist.of("rain", "fog")))
    assert (both.type, both.labels, both.taxonomy_name) == ("multicategory", ["rain", "fog"], "weather")
    said = codec.row_out(Prediction("a", "weather", Whole(), answer=Checklist.of("rain", "fog")))
    assert (said.type, said.label) == ("category", "weather"), "predictions have no multicategory"


def test_the_table_and_the_codec_know_the_same_geometries() -> None:
    forms = {fidelity.to or form for form, fidelity in ROWS.geometries.items()}
    assert forms == {"box", "polygon", "polyline", "whole", "keypoints", "cuboid", "mask"}


@given(strategies.provenances)
def test_provenance_is_carried(provenance: Any) -> None:
    label = Label("a", "car", Box(1, 2, 3, 4), provenance=provenance)
    assert label_again(label).provenance == provenance


def test_a_row_of_nucleus_own_says_where_it_comes_from() -> None:
    wire = {"label": "car", "geometry": {"x": 1, "y": 2, "width": 3, "height": 4}, "annotation_id": "x-1"}
    ((kind, found),) = msgspec.convert({"box": [wire]}, Groups).rows()
    label = codec.label_in(kind, found, "a")
    assert label.provenance is not None
    assert (label.item, label.provenance.platform, label.provenance.id) == ("a", "nucleus", "x-1")


def test_visibility_becomes_visible_or_not() -> None:
    sent = Keypoints((Keypoint("seen", 1, 2, 2), Keypoint("hidden", 3, 4, 1), Keypoint("unlabelled", None, None, 0)))
    read = label_again(Label("a", "pose", sent)).geometry
    assert isinstance(read, Keypoints)
    assert [point.visibility for point in read.points] == [2, 1, 1]


@given(st.floats(-3.1, 3.1))
def test_the_turn_of_a_cuboid_about_z_survives(yaw: float) -> None:
    sent = Cuboid((1, 2, 3), (4, 5, 6), (cos(yaw / 2), 0, 0, sin(yaw / 2)))
    assert codec.row_out(Label("a", "car", sent)).geometry.yaw == pytest.approx(yaw)
    read = label_again(Label("a", "car", sent)).geometry
    assert isinstance(read, Cuboid)
    assert read.quaternion == pytest.approx(sent.quaternion)


@given(st.sampled_from([Box(1, 2, 3, 4), Whole()]), st.lists(strategies.numbers, max_size=4))
def test_embeddings_have_their_field_and_come_back_in_the_metadata(geometry: Any, vector: list[float]) -> None:
    row = Label("a", "car", geometry, metadata={"embedding_vector": vector, "n": 1})
    sent = codec.row_out(row)
    embedded = bool(vector) and isinstance(geometry, Box)
    assert sent.embedding_vector == (vector if embedded else None)
    assert ("embedding_vector" in sent.metadata) is not embedded
    assert anonymous(label_again(row)) == row


@given(strategies.items)
def test_items_keep_what_is_compared(item: Item) -> None:
    read = codec.item_in({**msgspec.json.decode(msgspec.json.encode(codec.item_out(item))), "image_url": item.uri})
    for field in ("key", "width", "height", "split", "metadata", "uri", "orientation", "content_hash"):
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
def test_a_key_in_our_name_space_is_refused(encode: Any) -> None:
    with pytest.raises(InvalidData, match="dragoman_id"):
        encode({"dragoman_id": "mine"})


def test_an_unknown_type_is_not_passed_over() -> None:
    with pytest.raises(msgspec.ValidationError, match="hologram"):
        msgspec.json.decode(b'{"hologram": [{"label": "x"}]}', type=Groups)


# -- what the SDK itself would send -----------------------------------------------------------------------------------

rings = strategies.runs(3)


def vertices(run: tuple[float, ...]) -> list[nucleus.Point]:
    return [nucleus.Point(x, y) for x, y in zip(run[::2], run[1::2], strict=True)]


def shape_of(geometry: Any) -> dict[str, Any]:
    """The arguments that the SDK's class of a geometry takes for it."""
    match geometry.kind:
        case "box":
            return {name: getattr(geometry, name) for name in ("x", "y", "width", "height")}
        case "polygon":
            return {"vertices": vertices(geometry.parts[0][0])}
        case "polyline":
            return {"vertices": vertices(geometry.vertices)}
        case "keypoints":
            return {
                "keypoints": [nucleus.Keypoint(p.x, p.y, p.visibility == 2) for p in geometry.points],
                "names": [point.name for point in geometry.points],
                "skeleton": [list(edge) for edge in geometry.skeleton],
            }
        case "cuboid":
            yaw = codec.row_out(Label("a", "b", geometry)).geometry.yaw
            centre, size = nucleus.Point3D(*geometry.center), nucleus.Point3D(*geometry.size)
            return {"position": centre, "dimensions": size, "yaw": yaw}
    return {}


THEIRS = {
    "box": nucleus.BoxPrediction,
    "polygon": nucleus.PolygonPrediction,
    "polyline": nucleus.LinePrediction,
    "keypoints": nucleus.KeypointsPrediction,
    "cuboid": nucleus.CuboidPrediction,
    "whole": nucleus.CategoryPrediction,
}


@pytest.mark.parametrize("form", THEIRS)
@given(data=st.data())
def test_rows_are_what_the_sdk_itself_would_send(form: str, data: st.DataObject) -> None:
    kept = Keeper(ROWS, "drop").keep(data.draw(strategies.predictions_with(strategies.BY_FORM[form])))
    if kept is None:
        return
    row = anonymous(kept)
    assert isinstance(row, Prediction)
    ours = msgspec.json.decode(msgspec.json.encode(codec.row_out(row)))
    common = {"label": row.feature, "reference_id": row.item, "confidence": row.confidence, "class_pdf": row.class_pdf}
    common |= {"metadata": ours["metadata"], "track_reference_id": row.track_id}
    named = {} if form == "whole" else {"annotation_id": row.id}
    theirs = THEIRS[form](**common, **named, **shape_of(row.geometry)).to_payload()
    assert said(ours) == said(msgspec.json.decode(msgspec.json.encode(theirs)))


def said(body: dict[str, Any]) -> dict[str, Any]:
    """What a body says: absent and null are the same to Nucleus, and a cuboid leaves out what is empty."""
    return {
        name: value for name, value in body.items() if value not in (None, "") and (name, value) != ("metadata", {})
    }
