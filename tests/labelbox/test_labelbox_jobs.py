"""What Labelbox does by itself and for people, over the emulator: imports, jobs, handoff; and failures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

import dragoman
from dragoman import (
    AuthenticationError,
    Box,
    Feature,
    InvalidData,
    Item,
    Label,
    Ontology,
    PermissionDenied,
    PlatformError,
    Prediction,
    Timeout,
    Unavailable,
)
from dragoman.emulate import Answer, DropAfter, Live
from dragoman_labelbox.models import ONTOLOGY

URL = "https://example.com"


def boxes(count: int, item: str = "a", **fields: Any) -> list[Prediction]:
    """Predictions that differ in their place."""
    return [Prediction(item, "car", Box(n, 1, 5, 5), confidence=0.5, **fields) for n in range(count)]


class TestImports:
    def test_an_import_is_found_again_by_another_connection(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        backend.predictions.write(boxes(3), version=version, dataset=dataset)
        run = emulated.state.runs[version.id]
        assert [name.startswith("dragoman-") for name in run.imports] == [True]
        settings = {"endpoint": f"{emulated.url}/graphql", "rest_endpoint": f"{emulated.url}/api/v1"}
        with dragoman.connect("labelbox", **settings, **emulated.credentials) as again:
            assert again.predictions.write(boxes(3), version=version, dataset=dataset).counts == {"ignored": 3}
            assert again.predictions.write(boxes(5), version=version, dataset=dataset).counts == {
                "ignored": 3,
                "created": 2,
            }

    def test_rows_that_were_deleted_since_are_imported_again(self, backend: Any, dataset: Any, version: Any) -> None:
        backend.predictions.write(boxes(3), version=version, dataset=dataset)
        backend.predictions.delete(version, dataset=dataset)
        assert backend.predictions.write(boxes(3), version=version, dataset=dataset).counts == {"created": 3}
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 3

    def test_where_ids_are_not_kept_the_import_s_name_prevents_doubles(
        self, backend: Any, dataset: Any, emulated: Live[Any]
    ) -> None:
        tools = {"tools": [{"tool": "rectangle", "name": "car"}], "classifications": []}
        ontology = backend.client.create_ontology("by hand", tools).uid
        model = backend.models.create("m", task="object_detection", features=["car"], metadata={ONTOLOGY: ontology})
        version = backend.versions.create(model, name="v")
        settings = {"endpoint": f"{emulated.url}/graphql", "rest_endpoint": f"{emulated.url}/api/v1"}
        options = {"version": version, "dataset": dataset, "on_loss": "convert"}
        assert backend.predictions.write(boxes(2), **options).counts == {"created": 2}
        with dragoman.connect("labelbox", **settings, **emulated.credentials) as again:
            assert again.predictions.write(boxes(2), **options).counts == {"ignored": 2}
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 2

    def test_an_import_that_failed_says_so_and_is_made_anew(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        emulated.state.jobs.fail_next("import")
        with pytest.raises(PlatformError, match="does not say why") as failure:
            backend.predictions.write(boxes(2), version=version, dataset=dataset)
        assert failure.value.report.counts == {"unknown": 2}
        assert backend.predictions.write(boxes(2), version=version, dataset=dataset).counts == {"created": 2}
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 2

    def test_an_import_that_failed_as_a_whole_still_says_which_rows_were_bad(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        """The SDK fetches nothing of an import in state FAILED."""
        emulated.settings.job_polls = 3

        def spoilt(seconds: float) -> None:
            for made in emulated.state.runs[version.id].imports.values():
                made.failed = True

        backend.sleep = spoilt
        large = Prediction("a", "car", Box(5, 5, 5, 5), metadata={"text": "x" * 1_100_000})
        good, bad = backend.predictions.write([*boxes(1), large], version=version, dataset=dataset)
        assert (bad.status, "are the limit" in (bad.reason or "")) == ("rejected", True)
        assert (good.status, "look-up" in (good.reason or "")) == ("created", True)

    def test_jobs_that_last_are_waited_for(self, backend: Any, model: Any, emulated: Live[Any]) -> None:
        emulated.settings.job_polls = 3
        dataset = backend.datasets.create("slow")
        backend.datasets.write_items([Item("a", uri=f"{URL}/a.jpg")], dataset=dataset).raise_for_problems()
        version = backend.versions.create(model, name="v", dataset=dataset)
        assert backend.predictions.write(boxes(2), version=version, dataset=dataset).counts == {"created": 2}
        assert backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset).ok
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 2
        assert len(backend.waited) > 9

    def test_a_job_that_does_not_end_is_a_timeout(self, emulated: Live[Any]) -> None:
        settings = {"endpoint": f"{emulated.url}/graphql", "rest_endpoint": f"{emulated.url}/api/v1"}
        with dragoman.connect("labelbox", job_timeout=0.01, **settings, **emulated.credentials) as backend:
            backend.sleep = lambda seconds: None
            dataset = backend.datasets.create("stuck")
            emulated.settings.job_polls = 1_000_000
            with pytest.raises(Timeout, match="look-up of global keys"):
                backend.datasets.write_items([Item("a", uri=f"{URL}/a.jpg")], dataset=dataset)

    def test_a_registration_that_fails_says_why(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        backend.datasets.write_items([Item("new", uri=f"{URL}/new.jpg")], dataset=dataset).raise_for_problems()
        emulated.state.jobs.fail_next("registration", "No room.")
        (outcome,) = backend.predictions.write(boxes(1, "new"), version=version, dataset=dataset)
        assert (outcome.status, "No room." in (outcome.reason or "")) == ("rejected", True)


class TestRowsInLabelboxsOwnForm:
    BOX = {"dataRow": {"globalKey": "a"}, "bbox": {"top": 1, "left": 2, "height": 3, "width": 4}}
    ROWS = ({"uuid": "u1", "name": "car", **BOX}, {"uuid": "u2", "name": "tree", **BOX})

    @pytest.fixture
    def content(self) -> bytes:
        """The rows as NDJSON."""
        return b"\n".join(map(msgspec.json.encode, self.ROWS))

    def outcomes(self, report: Any) -> list[tuple[str, str]]:
        """The key and status of each row."""
        return [(outcome.key, outcome.status) for outcome in report]

    def test_a_file_is_imported_once(
        self, backend: Any, dataset: Any, version: Any, tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "rows.ndjson"
        path.write_bytes(content)
        report = backend.predictions.write_from(path, version=version.id)
        assert self.outcomes(report) == [("u1", "created"), ("u2", "rejected")]
        assert "tree" in (next(report.problems()).reason or "")
        again = backend.predictions.write_from(str(path), version=version.id)
        assert self.outcomes(again) == [("u1", "ignored"), ("u2", "rejected")]
        assert [row.geometry for row in backend.predictions.read(version, dataset=dataset)] == [Box(2, 1, 4, 3)]

    def test_a_file_at_an_address_is_fetched_by_labelbox(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any], content: bytes
    ) -> None:
        url = f"{emulated.url}/files/{emulated.state.files.put(content)}"
        emulated.faults.add(DropAfter(), path="*/graphql/createMEAPredictionImportByUrlPyApi")
        report = backend.predictions.write_from(url, version=version.id)
        assert self.outcomes(report) == [("u1", "created"), ("u2", "rejected")]
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 1

    def test_a_source_that_is_not_there_is_bad_input(
        self, backend: Any, version: Any, emulated: Live[Any], tmp_path: Path
    ) -> None:
        (tmp_path / "empty").write_bytes(b"\n")
        for source in (tmp_path / "none", tmp_path / "empty", f"{emulated.url}/files/none"):
            with pytest.raises(InvalidData):
                backend.predictions.write_from(source, version=version.id)


class TestHandoff:
    def test_predictions_become_labels_to_begin_with(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        backend.predictions.write(boxes(2), version=version, dataset=dataset).raise_for_problems()
        other = backend.datasets.create("target")
        features = (Feature(name="car", geometries=("box",)),)
        backend.ontologies.create(Ontology(name="o", features=features), dataset=other)
        project = backend.projects.of(other.id).uid
        backend.handoff.send_predictions(version, dataset=dataset, project=project)
        drafts = emulated.state.projects[project].drafts
        assert [len(draft.rows) for draft in drafts.values()] == [2]
        assert emulated.state.projects[project].labels == {}

    @pytest.fixture
    def target(self, backend: Any) -> str:
        """The id of a project with an ontology."""
        other = backend.datasets.create("target")
        backend.ontologies.create(Ontology(name="o", features=(Feature(name="car"),)), dataset=other)
        return str(backend.projects.of(other.id).uid)

    def test_predictions_are_written_and_sent_at_once(
        self, backend: Any, dataset: Any, version: Any, target: str, emulated: Live[Any]
    ) -> None:
        rows = [*boxes(2), Prediction("nowhere", "car", Box(1, 1, 1, 1))]
        sent = backend.handoff.write_and_send(rows, version=version.id, dataset=dataset.id, project=target)
        assert (sent.predictions.counts, sent.batch, sent.drafts) == ({"created": 2, "rejected": 1}, None, None)
        project = emulated.state.projects[target]
        assert [len(draft.rows) for draft in project.drafts.values()] == [2]
        again = backend.handoff.write_and_send(boxes(2), version=version.id, dataset=dataset.id, project=target)
        assert (again.ok, again.predictions.counts) == (True, {"ignored": 2})
        assert [len(draft.rows) for draft in project.drafts.values()] == [2]

    def test_each_of_the_three_steps_may_fail_alone(
        self, backend: Any, dataset: Any, version: Any, target: str, emulated: Live[Any]
    ) -> None:
        options = {"version": version.id, "dataset": dataset.id, "project": target}
        nothing = backend.handoff.write_and_send([Prediction("nowhere", "car", Box(1, 1, 1, 1))], **options)
        assert (nothing.ok, nothing.predictions.counts, nothing.batch) == (False, {"rejected": 1}, None)
        emulated.faults.add(Answer(403), path="*/graphql/createBatchV2PyApi")
        assert isinstance(backend.handoff.write_and_send(boxes(1), **options).batch, PermissionDenied)
        emulated.faults.add(Answer(403), path="*/graphql/createMalPredictionImportForModelRunDataRowsPyApi")
        sent = backend.handoff.write_and_send(boxes(1), **options)
        assert (sent.predictions.ok, sent.batch, type(sent.drafts)) == (True, None, PermissionDenied)
        emulated.state.jobs.fail_next("import")
        sent = backend.handoff.write_and_send(boxes(1), **options)
        assert (sent.predictions.ok, sent.batch, type(sent.drafts)) == (True, None, PlatformError)
        assert (sent.ok, "drafts from a run failed" in str(sent.drafts)) == (False, True)

    def test_drafts_that_the_project_does_not_take_are_told(
        self, backend: Any, dataset: Any, version: Any, target: str, emulated: Live[Any]
    ) -> None:
        rows = [*boxes(2), Prediction("a", "person", Box(1, 1, 1, 1))]
        sent = backend.handoff.write_and_send(rows, version=version.id, dataset=dataset.id, project=target)
        assert (sent.ok, sent.predictions.ok, sent.batch) == (False, True, None)
        assert "refused 1 of 3 drafts: UnknownFeature: There is no 'person'." in str(sent.drafts)
        assert [len(draft.rows) for draft in emulated.state.projects[target].drafts.values()] == [2]

    def test_labels_to_begin_with_are_no_ground_truth(
        self, backend: Any, dataset: Any, target: str, emulated: Live[Any]
    ) -> None:
        rows = [Label("a", "car", Box(1, 2, 3, 4)), Label("a", "tree", Box(1, 2, 3, 4))]
        report = backend.handoff.write_drafts(rows, dataset=dataset.id, project=target)
        assert [outcome.status for outcome in report] == ["created", "rejected"]
        project = emulated.state.projects[target]
        assert ([len(draft.rows) for draft in project.drafts.values()], project.labels) == ([1], {})

    def test_chosen_items_are_sent(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        other = backend.datasets.create("target")
        backend.ontologies.create(Ontology(name="o", features=(Feature(name="car"),)), dataset=other)
        project = backend.projects.of(other.id).uid
        backend.handoff.send_items(dataset, project=project, items=["b"])
        (batch,) = emulated.state.projects[project].batches.values()
        assert [emulated.state.rows[row].global_key for row in batch.row_ids] == ["b"]


class TestFailures:
    def test_a_missing_key_says_how_to_give_one(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("LABELBOX_API_KEY", raising=False)
        monkeypatch.setenv("DRAGOMAN_CONFIG", str(tmp_path / "none.toml"))
        with pytest.raises(AuthenticationError, match="DRAGOMAN_LABELBOX_API_KEY"):
            dragoman.connect("labelbox")

    def test_nobody_listens(self) -> None:
        backend = dragoman.connect("labelbox", endpoint="http://127.0.0.1:9/graphql", api_key="k")
        backend.sleep = lambda seconds: None
        with pytest.raises(Unavailable, match="refused"):
            backend.datasets.create("street")

    def test_the_key_is_in_no_log(self, backend: Any, emulated: Live[Any], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        backend.datasets.create("street")
        assert emulated.credentials["api_key"] not in caplog.text + repr(backend) + repr(backend.settings)
