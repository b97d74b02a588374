"""What goes wrong between us and Encord: nothing lost, nothing doubled, one clear error each."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import dragoman
from dragoman import (
    AuthenticationError,
    Box,
    Conflict,
    InvalidData,
    Item,
    Label,
    NotFound,
    OutcomeUnknown,
    Prediction,
    Unavailable,
)
from dragoman.emulate import Answer, Delay, DropAfter, DropBefore, Live, ManualClock, running
from dragoman_encord.emulator import create


def boxes(count: int, item: str = "a") -> list[Label]:
    """Labels that differ in their place."""
    return [Label(item, "car", Box(n, 1, 5, 5)) for n in range(count)]


def pem(key: Any) -> str:
    """A private key as text."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def sent(emulated: Live[Any], method: str, end: str) -> int:
    """How often something was sent."""
    return sum(seen.method == method and seen.path.endswith(end) for seen in emulated.journal.entries())


class TestModels:
    @pytest.mark.parametrize("fault", [DropAfter(), Answer(502)])
    def test_a_lost_answer_is_looked_up_and_not_sent_again(self, backend: Any, emulated: Live[Any], fault: Any) -> None:
        emulated.faults.add(fault, method="POST", path="*/ml-models")
        if isinstance(fault, DropAfter):
            made = backend.models.create("once", task="classification", features=["x"], key="k-1")
            assert backend.models.get(made.id).key == "k-1"
        else:
            with pytest.raises(OutcomeUnknown):
                backend.models.create("once", task="classification", features=["x"], key="k-1")
        assert sent(emulated, "POST", "/ml-models") == 1

    def test_a_slow_answer_is_not_asked_for_again(self) -> None:
        clock = ManualClock()
        with running(create(clock=clock)) as live:
            live.faults.add(Delay(3600), method="POST", path="*/ml-models")
            backend = dragoman.connect("encord", domain=live.url, timeout=1, **live.credentials)
            with pytest.raises(OutcomeUnknown):
                backend.models.create("slow", task="classification", features=["x"])
            assert sent(live, "POST", "/ml-models") == 1

    def test_a_lost_training_is_unknown_and_not_started_twice(
        self, backend: Any, dataset: Any, model: Any, emulated: Live[Any]
    ) -> None:
        backend.labels.write(boxes(1), dataset=dataset)
        emulated.faults.add(DropAfter(), method="POST", path="*/trainings")
        with pytest.raises(OutcomeUnknown):
            backend.training.submit(model, dataset=dataset)
        assert len(emulated.state.models[model.id].trainings) == 1

    def test_429_is_waited_out(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(429, headers={"Retry-After": "7"}), path="*/ml-models")
        assert list(backend.models.list()) == []
        assert backend.waited == [7.0]

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_reads_are_tried_again_by_us_alone(self, backend: Any, emulated: Live[Any], status: int) -> None:
        emulated.faults.add(Answer(status), path="*/ml-models", times=2)
        assert list(backend.models.list()) == []
        assert (len(backend.waited), emulated.journal.count) == (2, 3)

    def test_a_server_error_that_stays_is_unavailable(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(503, body='{"message": "maintenance"}'), path="*/ml-models", times=None)
        with pytest.raises(Unavailable, match="maintenance"):
            list(backend.models.list())

    def test_nobody_listens(self, emulated: Live[Any]) -> None:
        backend = dragoman.connect("encord", domain="http://127.0.0.1:9", **emulated.credentials)
        backend.sleep = lambda seconds: None
        with pytest.raises(Unavailable, match="refused"):
            list(backend.models.list())


class TestLabels:
    @pytest.mark.parametrize("fault", [DropAfter(), DropBefore(), Answer(500, body="{}"), Answer(429)])
    @pytest.mark.parametrize("step", range(5))
    def test_a_fault_at_any_step_leaves_every_row_once(
        self, backend: Any, dataset: Any, emulated: Live[Any], fault: Any, step: int
    ) -> None:
        backend.labels.write(boxes(1, "b"), dataset=dataset)
        backend.listings.clear()
        emulated.faults.add(fault, path="/public", skip=step)
        rows = [*boxes(3), *boxes(4, "b")]
        report = backend.labels.write(rows, dataset=dataset)
        assert report.ok, list(report.problems())
        held = [label.id for label in backend.labels.read(dataset)]
        assert sorted(held) == sorted(row.id for row in rows)

    def test_answers_that_stay_lost_leave_rows_unknown(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        backend.labels.write(boxes(1), dataset=dataset)
        # The row and the check before the save are answered; nothing is from then on.
        emulated.faults.add(DropAfter(), path="/public", skip=2, times=None)
        with pytest.raises(Unavailable) as failure:
            backend.labels.write([Label("a", "car", Box(n, 9, 5, 5)) for n in range(3)], dataset=dataset)
        assert failure.value.report.counts == {"unknown": 3}
        emulated.faults.clear()
        assert len(list(backend.labels.read(dataset))) == 4

    def test_a_row_that_somebody_changes_meanwhile_is_left_to_them(
        self, backend: Any, dataset: Any, emulated: Live[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backend.labels.write([*boxes(1, "a"), *boxes(1, "b")], dataset=dataset)
        (project,) = emulated.state.projects.values()
        theirs = next(row for row in project.rows.values() if row.data_hash == _data_hash(backend, dataset, "a"))
        places = backend.projects.places

        def interrupted(*arguments: Any, **options: Any) -> Any:
            if options.get("labels"):
                theirs.edited += timedelta(seconds=5)
            return places(*arguments, **options)

        monkeypatch.setattr(backend.projects, "places", interrupted)
        rows = [Label("a", "car", Box(9, 9, 9, 9)), Label("b", "car", Box(9, 9, 9, 9))]
        outcomes = list(backend.labels.write(rows, dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["rejected", "created"]
        assert "Somebody changed" in outcomes[0].reason
        assert len(list(backend.labels.read(dataset))) == 3

    def test_a_delete_that_somebody_crosses_is_a_conflict(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [Prediction("a", "car", Box(1, 2, 3, 4), confidence=0.5)]
        backend.predictions.write(rows, version=version, dataset=dataset)
        places = backend.projects.places

        def interrupted(*arguments: Any, **options: Any) -> Any:
            if options.get("labels"):
                for row in next(iter(emulated.state.projects.values())).rows.values():
                    row.edited += timedelta(seconds=5)
            return places(*arguments, **options)

        monkeypatch.setattr(backend.projects, "places", interrupted)
        with pytest.raises(Conflict, match="meanwhile"):
            backend.predictions.delete(version, dataset=dataset)
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 1

    def test_a_body_that_is_too_large_is_halved(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        # 60 rows make some 20 kB; the label row that grows under them has to fit, too.
        emulated.state.body_limit = 24_000
        rows = [*boxes(30, "a"), *boxes(30, "b")]
        report = backend.labels.write(rows, dataset=dataset)
        assert report.counts == {"created": 60}
        emulated.state.body_limit = 1_500
        report = backend.labels.write([Label("a", "car", Box(40, 1, 2, 2))], dataset=dataset)
        (problem,) = report.problems()
        assert problem.status == "rejected"
        assert len(list(backend.labels.read(dataset))) == 60

    def test_a_value_that_is_no_number_never_gets_to_the_wire(self) -> None:
        for value in (float("nan"), float("inf")):
            with pytest.raises(InvalidData):
                Label("a", "car", Box(value, 1, 2, 3))
        with pytest.raises(InvalidData):
            Prediction("a", "car", Box(1, 1, 2, 3), confidence=7.5)


def _data_hash(backend: Any, dataset: Any, key: str) -> str:
    return next(item.id for item in backend.datasets.read_items(dataset) if item.key == key)


class TestItems:
    @pytest.mark.parametrize(
        "path", ["*/upload-signed-urls", "/objects/*", "*/data-upload-jobs", "*/data-upload-jobs/*"]
    )
    @pytest.mark.parametrize("fault", [DropAfter(), DropBefore(), Answer(503)])
    def test_a_fault_at_any_step_makes_no_item_twice(
        self, backend: Any, pictures: list[Item], emulated: Live[Any], path: str, fault: Any
    ) -> None:
        dataset = backend.datasets.create("street")
        emulated.faults.add(fault, path=path)
        report = backend.datasets.write_items(pictures, dataset=dataset)
        assert set(report.counts) <= {"created", "ignored", "unknown"}
        backend.datasets.write_items(pictures, dataset=dataset)
        assert sorted(item.key for item in backend.datasets.read_items(dataset)) == ["a", "b"]

    def test_media_that_cannot_be_fetched_now_are_fetched_again(
        self, backend: Any, dataset: Any, emulated: Live[Any]
    ) -> None:
        linked = [item for item in backend.datasets.read_items(dataset) if item.media == "image"]
        with dragoman.connect("encord", domain=emulated.url, **emulated.credentials) as plain:
            plain.sleep = lambda seconds: None
            copy = plain.datasets.create("copy")
            emulated.faults.add(Answer(503), method="GET", path="/objects/*")
            emulated.faults.add(DropBefore(), method="GET", path="/objects/*")
            assert plain.datasets.write_items(linked, dataset=copy).counts == {"created": 2}

    def test_a_job_whose_start_is_unclear_is_unknown(
        self, backend: Any, pictures: list[Item], emulated: Live[Any]
    ) -> None:
        emulated.settings.job_polls = 3
        dataset = backend.datasets.create("street")
        emulated.faults.add(DropAfter(), path="*/data-upload-jobs")
        assert backend.datasets.write_items(pictures, dataset=dataset).counts == {"unknown": 2}
        assert sent(emulated, "POST", "/data-upload-jobs") == 1

    def test_a_lost_dataset_is_found(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(DropAfter(), method="POST", path="*/datasets")
        made = backend.datasets.create("street")
        assert list(backend.datasets.list()) == [made]

    @pytest.mark.parametrize("path", ["*/ontologies", "/public/user"])
    def test_a_lost_ontology_or_project_is_not_made_twice(
        self, backend: Any, street: Any, emulated: Live[Any], path: str
    ) -> None:
        dataset = backend.datasets.create("street")
        emulated.faults.add(DropAfter(), method="POST", path=path)
        backend.ontologies.create(street, dataset=dataset)
        assert (len(emulated.state.ontologies), len(emulated.state.projects)) == (1, 1)


UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    "call",
    [
        lambda backend, dataset: backend.models.get(UNKNOWN),
        lambda backend, dataset: backend.versions.get(f"{UNKNOWN}/{UNKNOWN}"),
        lambda backend, dataset: backend.versions.get("no pair"),
        lambda backend, dataset: backend.training.get(f"{UNKNOWN}/{UNKNOWN}"),
        lambda backend, dataset: backend.datasets.get(UNKNOWN),
        lambda backend, dataset: list(backend.datasets.read_items(UNKNOWN)),
        lambda backend, dataset: list(backend.labels.read(UNKNOWN)),
        lambda backend, dataset: backend.labels.write(boxes(1), dataset=UNKNOWN),
        lambda backend, dataset: backend.attachments.detach(f"{UNKNOWN}/{UNKNOWN}"),
        lambda backend, dataset: list(backend.attachments.list(UNKNOWN)),
        lambda backend, dataset: list(backend.inference.predict(f"{UNKNOWN}/{UNKNOWN}", [])),
    ],
)
def test_ids_that_are_not_there_are_not_found(backend: Any, dataset: Any, call: Any) -> None:
    with pytest.raises(NotFound):
        call(backend, dataset)


class TestKeys:
    def test_a_key_of_another_kind_is_refused_and_not_shown(
        self, emulated: Live[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        key = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
        self._refused(emulated, key, caplog, "Ed25519")

    def test_a_wrong_key_is_refused_and_not_shown(self, emulated: Live[Any], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        self._refused(emulated, pem(ed25519.Ed25519PrivateKey.generate()), caplog, "not known")

    def _refused(self, emulated: Live[Any], key: str, caplog: pytest.LogCaptureFixture, said: str) -> None:
        backend = dragoman.connect("encord", domain=emulated.url, ssh_private_key=key)
        with pytest.raises(AuthenticationError, match=said) as refusal:
            list(backend.models.list())
        error = refusal.value
        seen = [str(error), repr(error.__cause__), repr(error.__context__), repr(backend), repr(backend.settings)]
        secrets = [key, *key.splitlines()[1:-1]]
        assert not [text for text in (*seen, caplog.text) if any(secret in text for secret in secrets)]

    def test_garbage_is_refused(self, emulated: Live[Any]) -> None:
        backend = dragoman.connect("encord", domain=emulated.url, ssh_private_key="garbage-7712")
        with pytest.raises(AuthenticationError) as refusal:
            backend.models.get(UNKNOWN)
        assert "garbage-7712" not in f"{refusal.value}{refusal.value.__cause__!r}"

    def test_a_key_that_is_revoked_stops_both_protocols(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        emulated.state.keys.clear()
        with pytest.raises(AuthenticationError):
            list(backend.models.list())
        with pytest.raises(AuthenticationError):
            list(backend.labels.read(dataset))

    def test_a_key_can_be_in_a_file(self, emulated: Live[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ENCORD_SSH_KEY", raising=False)
        path = tmp_path / "key"
        path.write_text(emulated.credentials["ssh_private_key"])
        with dragoman.connect("encord", domain=emulated.url, ssh_key_file=path) as backend:
            assert list(backend.models.list()) == []
        monkeypatch.setenv("ENCORD_SSH_KEY_FILE", str(path))
        with dragoman.connect("encord", domain=emulated.url) as backend:
            assert list(backend.models.list()) == []

    def test_a_missing_key_says_how_to_give_one(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("ENCORD_SSH_KEY", "ENCORD_SSH_KEY_FILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DRAGOMAN_CONFIG", str(tmp_path / "none.toml"))
        with pytest.raises(AuthenticationError, match="DRAGOMAN_ENCORD_SSH_PRIVATE_KEY"):
            dragoman.connect("encord")

    def test_a_domain_with_a_path_is_refused(self, emulated: Live[Any]) -> None:
        with pytest.raises(InvalidData, match="domain"):
            dragoman.connect("encord", domain=f"{emulated.url}/prefix", **emulated.credentials)
