"""Large writes go through files and jobs, small ones at once; files of this machine go without patching asyncio."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import nest_asyncio
import pytest

import dragoman
from dragoman import Box, DragomanError, Item, Label, Mask, PermissionDenied, PlatformError, Prediction, Timeout
from dragoman.emulate import Answer, DropAfter, DropBefore, Live
from dragoman_nucleus import store

STEPS = {
    "sign": ("GET", "*/signedUrl/*"),
    "send": ("PUT", "/uploads/*"),
    "start": ("POST", "*/uploadPredictions"),
    "look": ("GET", "*/job/*"),
    "errors": ("GET", "*/job/*/errors"),
}
"""What an asynchronous upload asks for, in this order."""
MISHAPS = {
    "429": Answer(429, headers={"Retry-After": "2"}),
    "500": Answer(500, body='{"error": "broken"}'),
    "502": Answer(502, body="<html>"),
    "drop before": DropBefore(),
    "drop after": DropAfter(),
}


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows are a large write."""
    monkeypatch.setattr(store, "SYNCHRONOUS", 3)


def boxes(count: int, item: str = "a") -> list[Prediction]:
    return [Prediction(item, "car", Box(n, 1, 5, 5), confidence=0.5) for n in range(count)]


def seen(live: Live[Any]) -> list[str]:
    """Methods and last parts of the paths of what was asked for."""
    return [f"{entry.method} {entry.path.split('/')[-1]}" for entry in live.journal.entries()]


class TestSize:
    def test_few_rows_are_sent_at_once(self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]) -> None:
        emulated.journal.clear()
        backend.predictions.write(boxes(4), version=version, dataset=dataset).raise_for_problems()
        assert "POST uploadPredictions" in seen(emulated)
        assert not [one for one in seen(emulated) if one.startswith("PUT")]

    @pytest.mark.usefixtures("large")
    def test_many_rows_are_one_file_and_one_job(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        emulated.journal.clear()
        report = backend.predictions.write(boxes(9), version=version, dataset=dataset)
        assert report.counts == {"created": 9}
        assert len([one for one in seen(emulated) if one.startswith("PUT")]) == 1
        jobs = emulated.state.jobs.by_id.values()
        assert [job.outcome.status for job in jobs if job.type == "uploadPredictions"] == ["Completed"]

    @pytest.mark.usefixtures("large")
    def test_labels_go_the_same_way(self, backend: Any, dataset: Any) -> None:
        rows = [Label("a", "car", Box(n, 1, 2, 3)) for n in range(9)]
        assert backend.labels.write(rows, dataset=dataset).counts == {"created": 9}
        assert backend.labels.write(rows, dataset=dataset).counts == {"ignored": 9}
        assert backend.labels.write(rows, dataset=dataset, update=True).counts == {"updated": 9}

    @pytest.mark.usefixtures("large")
    def test_rows_beyond_the_size_of_a_file_are_several_files(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, "CHUNK_ROWS", 2)
        monkeypatch.setattr(store, "CHUNK_BYTES", 500)
        rows = [*boxes(8), Prediction("nowhere", "car", Box(1, 1, 1, 1)), *boxes(4, "b")]
        outcomes = list(backend.predictions.write(rows, version=version, dataset=dataset))
        assert [one.status for one in outcomes] == ["created"] * 8 + ["rejected"] + ["created"] * 4
        assert len([one for one in seen(emulated) if one.startswith("PUT")]) > 2


@pytest.mark.usefixtures("large")
class TestJobs:
    def test_a_job_that_is_completed_may_have_lost_rows(self, backend: Any, dataset: Any, version: Any) -> None:
        rows = [*boxes(3), Prediction("nowhere", "car", Box(1, 1, 1, 1)), *boxes(2, "b")]
        outcomes = list(backend.predictions.write(rows, version=version, dataset=dataset))
        assert [one.status for one in outcomes] == ["created"] * 3 + ["rejected"] + ["created"] * 2
        assert "nowhere" in (outcomes[3].reason or "")

    def test_counts_that_leave_several_fates_are_looked_up(self, backend: Any, dataset: Any, version: Any) -> None:
        old, *new = boxes(6)
        backend.predictions.write([old], version=version, dataset=dataset)
        changed = Prediction("a", "person", old.geometry, id=old.id)
        outcomes = list(backend.predictions.write([changed, *new], version=version, dataset=dataset))
        assert [one.status for one in outcomes] == ["ignored"] + ["created"] * 5

    def test_the_first_looks_come_soon_and_later_ones_seldom(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        emulated.settings.job_polls = 9
        backend.predictions.write(boxes(4), version=version, dataset=dataset).raise_for_problems()
        assert backend.waited == sorted(backend.waited)
        assert len(backend.waited) == 9
        assert backend.waited[0] < 0.1, "the SDK waits five seconds first"
        assert backend.waited[-1] == backend.settings.poll_seconds

    @pytest.mark.parametrize("status", ["Errored", "Errored_Server", "Cancelled"])
    def test_a_job_that_fails_says_why_and_leaves_outcomes(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any], status: str
    ) -> None:
        emulated.state.jobs.fail_next(status, f"not with {emulated.credentials['api_key']}")
        with pytest.raises(PlatformError, match=status) as failure:
            backend.predictions.write(boxes(4), version=version, dataset=dataset)
        shown = f"{failure.value}{failure.value.__cause__!r}"
        assert emulated.credentials["api_key"] not in shown
        assert "not with ***" in shown
        assert failure.value.report is not None
        assert failure.value.report.counts == {"unknown": 4}, "a job that failed may have written some"

    def test_a_job_that_never_ends_is_given_up(self, dataset: Any, version: Any, emulated: Live[Any]) -> None:
        emulated.settings.job_polls = 10**9
        access = {"endpoint": emulated.url, **emulated.credentials}
        with dragoman.connect("nucleus", job_timeout=0.01, **access) as backend:
            backend.sleep = lambda seconds: None
            with pytest.raises(Timeout, match="has not ended a job") as failure:
                backend.predictions.write(boxes(4), version=version, dataset=dataset)
        assert failure.value.report is not None
        assert failure.value.report.counts == {"unknown": 4}

    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("mishap", MISHAPS)
    def test_a_mishap_at_any_step_loses_and_doubles_nothing(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any], step: str, mishap: str
    ) -> None:
        method, path = STEPS[step]
        emulated.faults.add(MISHAPS[mishap], method=method, path=path)
        report = backend.predictions.write(boxes(5), version=version, dataset=dataset)
        assert report.ok
        assert len(report) == len(list(backend.predictions.read(version, dataset=dataset))) == 5
        assert emulated.faults.pending() == []
        assert backend.waited
        if mishap == "429":
            assert backend.waited[0] == 2.0

    @pytest.mark.parametrize("mishap", ["429", "502"])
    def test_what_an_attempt_wrote_before_its_end_is_not_said_to_be_from_before(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any], mishap: str
    ) -> None:
        emulated.faults.add(MISHAPS[mishap], method="GET", path="*/job/*/errors")
        outcomes = list(backend.predictions.write(boxes(5), version=version, dataset=dataset))
        assert {outcome.status for outcome in outcomes} == {"ignored"}
        assert all("or from the attempt whose answer was lost" in (outcome.reason or "") for outcome in outcomes)

    @pytest.mark.parametrize("status", [401, 403, 429])
    def test_a_refusal_after_the_upload_leaves_outcomes(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any], status: int
    ) -> None:
        emulated.faults.add(Answer(status), method="GET", path="*/job/*/errors", times=None)
        with pytest.raises(DragomanError) as failure:
            backend.predictions.write(boxes(5), version=version, dataset=dataset)
        assert failure.value.report is not None
        assert failure.value.report.counts == {"created": 5}

    def test_a_refused_signature_is_an_error_without_the_signature(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        emulated.faults.add(Answer(403), method="PUT", path="/uploads/*")
        with pytest.raises(PermissionDenied, match="storage answered 403") as failure:
            backend.predictions.write(boxes(5), version=version, dataset=dataset)
        assert "signature" not in str(failure.value)


class TestItems:
    def test_an_image_that_cannot_be_read_is_rejected_alone(self, backend: Any) -> None:
        dataset = backend.datasets.create("street")
        rows = [
            Item(key, uri=f"https://example.com{path}") for key, path in (("a", "/a.jpg"), ("b", ""), ("c", "/c.jpg"))
        ]
        for update, told in ((False, "created"), (True, "updated")):
            outcomes = list(backend.datasets.write_items(rows, dataset=dataset, update=update))
            assert [one.status for one in outcomes] == [told, "rejected", told]
            assert "no image at https://example.com" in (outcomes[1].reason or "")
        assert [item.key for item in backend.datasets.read_items(dataset)] == ["a", "c"]

    def test_a_job_that_fails_leaves_outcomes(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("street")
        emulated.state.jobs.fail_next("Errored", "disk on fire")
        with pytest.raises(PlatformError, match="disk on fire") as failure:
            backend.datasets.write_items([Item("a", uri="https://example.com/a.jpg")], dataset=dataset)
        assert failure.value.report is not None
        assert failure.value.report.counts == {"unknown": 1}

    def test_a_refusal_after_an_append_leaves_outcomes(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(403), method="GET", path="*/job/*/errors")
        with pytest.raises(PermissionDenied) as failure:
            backend.datasets.write_items([Item("c", uri="https://example.com/c.jpg")], dataset=dataset)
        assert failure.value.report is not None
        assert failure.value.report.counts == {"created": 1}

    def test_items_that_a_failed_job_does_not_name_are_looked_up(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("street")
        emulated.faults.add(Answer(200, body="[]"), method="GET", path="*/job/*/errors")
        rows = [Item("a", uri="https://example.com/a.jpg"), Item("b", uri="https://example.com")]
        with pytest.raises(PlatformError, match="1 of 2 images could not be read") as failure:
            backend.datasets.write_items(rows, dataset=dataset)
        assert failure.value.report is not None
        assert [one.status for one in failure.value.report] == ["created", "unknown"]


class TestFiles:
    def test_neither_images_nor_masks_patch_asyncio(
        self, backend: Any, items: list[Item], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> None:
            raise AssertionError("asyncio is patched for the whole process")

        monkeypatch.setattr(nest_asyncio, "apply", refuse)
        before = (asyncio.run, asyncio.Task, asyncio.Future, asyncio.get_event_loop)
        dataset = backend.datasets.create("files")
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        mask = Label(items[0].key, "car", Mask(40, 50, (0, 10, 1990)))
        backend.labels.write([mask], dataset=dataset, on_loss="convert").raise_for_problems()
        assert (asyncio.run, asyncio.Task, asyncio.Future, asyncio.get_event_loop) == before

    def test_names_of_files_are_no_paths(
        self, backend: Any, items: list[Item], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        sent: list[bytes] = []
        session = backend.client.connection.session
        original = session.send

        def send(request: Any, **options: Any) -> Any:
            sent.append(request.body if isinstance(request.body, bytes) else b"")
            return original(request, **options)

        monkeypatch.setattr(session, "send", send)
        backend.datasets.write_items(items, dataset=backend.datasets.create("files")).raise_for_problems()
        bodies = b"".join(sent)
        assert b'filename="image-0.png"' in bodies
        assert str(tmp_path).encode() not in bodies

    def test_rows_that_the_platform_finds_malformed_are_halved_out(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        # The emulator's own row errors come as texts; this is the answer of a platform that refuses the whole body.
        emulated.faults.add(Answer(400, body='{"error": "row too odd"}'), method="POST", path="*/uploadPredictions")
        report = backend.predictions.write(boxes(4), version=version, dataset=dataset)
        assert report.ok

    def test_a_row_with_a_key_of_ours_is_rejected_alone(self, backend: Any, dataset: Any, version: Any) -> None:
        bad = Prediction("a", "car", Box(1, 1, 1, 1), metadata={"dragoman_id": 1})
        outcomes = list(backend.predictions.write([*boxes(2), bad], version=version, dataset=dataset))
        assert [one.status for one in outcomes] == ["created", "created", "rejected"]
        assert "dragoman_id" in (outcomes[2].reason or "")
