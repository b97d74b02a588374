"""Kit tests of fidelity: the tables are the oracle, in both ways. What is declared lost and is not is a fault, too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.adapter import Adapter
from dragoman.conformance.difficult import GEOMETRIES, METADATA, feature_of
from dragoman.conformance.rules import Kit, needs
from dragoman.errors import DragomanError, WouldLose
from dragoman.fidelity import FidelityTable, Survival
from dragoman.schema import Box, Dataset, Item, Label, Prediction, Radio, Version, Whole

FIELDS: dict[str, Any] = {
    "track_id": "track Größe",
    "attributes": {"colour": "rot\u2028", "count": 0, "sure": False},
    "metadata": METADATA,
    "answer": Radio.of("yes"),
}


class BaseFidelity(Kit):
    """Round trips of every form of geometry and every field, as the table declares them."""

    @needs("labels.write", "labels.read")
    @pytest.mark.parametrize("form", GEOMETRIES)
    def test_labels_keep_what_the_table_says(
        self, backend: Adapter, dataset: Dataset, items: list[Item], form: str
    ) -> None:
        rows = [Label(items[0].key, feature_of(form), geometry) for geometry in GEOMETRIES[form]]
        # A platform may hold one classification of a kind per item.
        rows = rows[:1] if form == "whole" else rows

        def write(rows: list[Label], **options: Any) -> Any:
            return backend.labels.write(rows, dataset=dataset, **options)

        self._check(backend.label_fidelity, form, rows, write, lambda: list(backend.labels.read(dataset)))

    @needs("predictions.write", "predictions.read")
    @pytest.mark.parametrize("form", GEOMETRIES)
    def test_predictions_keep_what_the_table_says(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item], form: str
    ) -> None:
        rows = [Prediction(items[0].key, feature_of(form), geometry, confidence=0.5) for geometry in GEOMETRIES[form]]
        rows = rows[:1] if form == "whole" else rows

        def write(rows: list[Prediction], **options: Any) -> Any:
            return backend.predictions.write(rows, version=version, dataset=dataset, **options)

        def read() -> list[Prediction]:
            return list(backend.predictions.read(version, dataset=dataset))

        self._check(backend.prediction_fidelity, form, rows, write, read)

    @needs("labels.write", "labels.read")
    @pytest.mark.parametrize("field", FIELDS)
    def test_fields_of_labels_survive_as_the_table_says(
        self, backend: Adapter, dataset: Dataset, items: list[Item], field: str
    ) -> None:
        fidelity = backend.label_fidelity.field(field)
        asks = field == "answer" and backend.label_fidelity.geometry("whole").survival is not Survival.DROPPED
        geometry = Whole() if asks else Box(1, 2, 30, 20)
        row = Label(items[0].key, feature_of(geometry.form), geometry, **{field: FIELDS[field]})
        if fidelity.survival is not Survival.EXACT:
            with pytest.raises(WouldLose, match=field):
                backend.labels.write([row], dataset=dataset)
        policy = {Survival.EXACT: "raise", Survival.DROPPED: "drop"}.get(fidelity.survival, "convert")
        backend.labels.write([row], dataset=dataset, on_loss=policy).raise_for_problems()  # type: ignore[arg-type]
        (read,) = backend.labels.read(dataset)
        kept = getattr(read, field) == FIELDS[field]
        assert kept is (fidelity.survival in (Survival.EXACT, Survival.STORED)), fidelity

    def _check(self, table: FidelityTable, form: str, rows: list[Any], write: Any, read: Any) -> None:
        fidelity = table.geometry(form)
        if fidelity.survival is Survival.EXACT:
            write(rows).raise_for_problems()
            assert shapes(read()) == shapes(rows)
            return
        with pytest.raises(WouldLose, match=form):
            write(rows)
        assert read() == [], "nothing was written"
        if fidelity.survival is Survival.DROPPED:
            assert dict(write(rows, on_loss="drop").counts) == {"ignored": len(rows)}
            assert read() == []
            return
        report = write(rows, on_loss="convert").raise_for_problems()
        assert [loss.what for loss in report.losses] == [f"geometry {form}"]
        if fidelity.survival is Survival.STORED:
            assert shapes(read()) == shapes(rows)
        else:
            assert shapes(read()) != shapes(rows), f"{form} is declared approximate and comes back exactly"

    @needs("labels.write", "labels.read")
    @pytest.mark.parametrize("form", GEOMETRIES)
    def test_what_is_declared_dropped_would_be_lost_indeed(
        self, backend: Adapter, dataset: Dataset, items: list[Item], form: str
    ) -> None:
        if backend.label_fidelity.geometry(form).survival is not Survival.DROPPED:
            return
        rows = [Label(items[0].key, feature_of(form), GEOMETRIES[form][0])]
        # Around the core's check, straight to the adapter's translation: it must not be able to.
        try:
            backend.labels._translation("write")(dataset.id, rows, False)
            read = list(backend.labels.read(dataset))
        except (DragomanError, KeyError, TypeError, ValueError, AttributeError):
            return
        assert shapes(read) != shapes(rows), f"{form} is declared dropped and comes back exactly"

    @needs("labels.write", "labels.read")
    def test_what_is_stored_beside_a_row_comes_back(
        self, backend: Adapter, dataset: Dataset, items: list[Item]
    ) -> None:
        if backend.label_fidelity.field("metadata").survival is not Survival.EXACT:
            pytest.skip(f"metadata: {backend.label_fidelity.field('metadata').how}")
        row = Label(items[0].key, feature_of("box"), Box(1, 2, 30, 20), attributes={"n": 1}, track_id="7")
        backend.labels.write([row], dataset=dataset, on_loss="store").raise_for_problems()
        (read,) = backend.labels.read(dataset)
        assert msgspec.structs.replace(read, provenance=None) == row


def shapes(rows: list[Any]) -> list[tuple[str, str, str]]:
    """What is compared of rows: id, feature and shape, in any order."""
    return sorted((row.id, row.feature, msgspec.json.encode(row.geometry).decode()) for row in rows)
