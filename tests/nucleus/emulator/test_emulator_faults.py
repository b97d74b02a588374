"""Scripted faults as the real SDK meets them, and the routes by which another process scripts them."""

from __future__ import annotations

import threading

import nucleus
import pytest
import requests
from nucleus import BoxPrediction, DatasetItem
from nucleus.errors import NucleusAPIError

from dragoman.emulate import Answer, Delay, DropAfter, DropBefore, ManualClock, running
from dragoman.errors import Conflict, Timeout, Unsupported
from dragoman_nucleus.emulator import create

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def box(annotation_id="a"):
    return BoxPrediction("car", 1, 2, 3, 4, "img-0", 0.5, annotation_id)


def test_a_rate_limit_is_answered_with_its_headers(client, endpoint, live):
    live.faults.add(Answer(429, {"Retry-After": "7"}, '{"error":"slow down"}'), path="*/models/", times=2)
    answer = requests.get(f"{endpoint}/models/", timeout=10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json() == {"error": "slow down"}
    with pytest.raises(NucleusAPIError) as refusal:
        _ = client.models
    assert refusal.value.status_code == 429
    assert client.models == []


@pytest.mark.parametrize(("failures", "succeeds"), [(3, True), (4, False)])
def test_the_sdk_retries_503_up_to_its_limit(client, live, failures, succeeds):
    live.faults.add(Answer(503), times=failures)
    if succeeds:
        assert client.models == []
    else:
        with pytest.raises(NucleusAPIError):
            _ = client.models
    assert live.journal.count == 4


def test_only_what_fits_is_spoiled_and_only_as_often_as_said(client, dataset, model, live):
    live.faults.add(Answer(500), method="POST", path="*/uploadPredictions", times=1, skip=1)
    assert dataset.upload_predictions(model, [box("a")])["predictions_processed"] == 1
    with pytest.raises(NucleusAPIError):
        dataset.upload_predictions(model, [box("b")])
    assert dataset.upload_predictions(model, [box("c")])["predictions_processed"] == 1
    assert live.faults.pending() == []
    assert len(dataset.export_predictions(model)["box"]) == 2


def test_rules_act_in_the_order_of_the_queue(client, live):
    live.faults.add(Answer(500))
    live.faults.add(Answer(418))
    seen = []
    for _ in range(2):
        with pytest.raises(NucleusAPIError) as refusal:
            _ = client.models
        seen.append(refusal.value.status_code)
    assert seen == [500, 418]


def test_a_rule_without_limit_acts_until_it_is_removed(client, live):
    live.faults.add(Answer(500), times=None)
    for _ in range(3):
        with pytest.raises(NucleusAPIError):
            _ = client.models
    live.faults.clear()
    assert client.models == []


def test_a_connection_dropped_before_the_handler_has_no_effect(dataset, model, live):
    live.faults.add(DropBefore(), path="*/uploadPredictions")
    with pytest.raises(requests.ConnectionError):
        dataset.upload_predictions(model, [box()])
    assert dataset.model_runs == []
    assert live.journal.entries()[-2].status is None
    assert dataset.upload_predictions(model, [box()])["predictions_processed"] == 1


def test_a_connection_dropped_after_commit_has_taken_effect(dataset, model, live):
    live.faults.add(DropAfter(), path="*/uploadPredictions")
    with pytest.raises(requests.ConnectionError):
        dataset.upload_predictions(model, [box()])
    assert len(dataset.export_predictions(model)["box"]) == 1
    assert dataset.upload_predictions(model, [box()])["predictions_ignored"] == 1


def test_a_server_that_cannot_cut_connections_says_so():
    emulation = create()
    emulation.faults.add(DropBefore())
    scope = {"type": "http", "method": "GET", "path": "/"}
    dropped = emulation.faults.wrap(emulation.app, emulation.clock)(scope, None, None)
    with pytest.raises(Unsupported, match="cannot cut a connection"):
        dropped.send(None)


def test_a_large_upload_gets_its_refusal_although_nobody_reads_it(dataset, model, live):
    rows = [box(str(n)) for n in range(20_000)]
    live.faults.add(Answer(413, body='{"error":"too large"}'), path="*/uploadPredictions")
    with pytest.raises(NucleusAPIError) as refusal:
        dataset.upload_predictions(model, rows, batch_size=20_000)
    assert refusal.value.status_code == 413


def test_the_signed_upload_can_fail_too(dataset, live):
    live.faults.add(Answer(403), method="PUT", path="/uploads/*")
    item = DatasetItem("https://images.example/new.jpg", "new")
    with pytest.raises(requests.HTTPError, match="403"):
        dataset.append([item])
    assert dataset.size == 5


def test_a_delay_waits_on_the_clock_of_the_emulation():
    clock = ManualClock()
    with running(create("k", clock=clock)) as live:
        client = nucleus.NucleusClient("k", endpoint=f"{live.url}/v1/nucleus")
        live.faults.add(Delay(3600), path="*/models/")
        answers = []
        asking = threading.Thread(target=lambda: answers.append(client.models))
        asking.start()
        clock.wait_for_sleepers(1)
        clock.advance(3599)
        assert client.datasets == []
        assert answers == []
        clock.advance(1)
        asking.join(timeout=10)
        assert answers == [[]]


def test_a_server_that_stops_does_not_wait_for_delayed_requests():
    clock = ManualClock()
    with running(create("k", clock=clock)) as live:
        live.faults.add(Delay(3600))
        url = f"{live.url}/v1/nucleus/models/"
        failures = []

        def ask():
            try:
                failures.append(requests.get(url, timeout=30).status_code)
            except requests.ConnectionError:
                failures.append("dropped")

        asking = threading.Thread(target=ask)
        asking.start()
        clock.wait_for_sleepers(1)
    asking.join(timeout=10)
    assert failures in ([500], ["dropped"])


def test_waiting_for_requests_that_never_come_gives_up():
    with pytest.raises(Timeout, match="0 of 1"):
        ManualClock().wait_for_sleepers(1, patience=0)


def test_faults_are_scripted_over_http(client, live):
    control = f"{live.url}/_emulator/faults"
    rule = {"path": "*/models/", "times": 2, "action": {"kind": "answer", "status": 500}}
    added = requests.post(control, json=[rule, {"action": {"kind": "drop_before"}}], timeout=10)
    assert added.status_code == 201
    with pytest.raises(NucleusAPIError):
        _ = client.models
    assert [fault["times"] for fault in requests.get(control, timeout=10).json()] == [1, 1]
    requests.delete(control, timeout=10)
    assert client.models == []


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"action":{"kind":"explode"}}', b'{"action":{"kind":"answer"}}'])
def test_a_broken_rule_is_refused(live, body):
    answer = requests.post(f"{live.url}/_emulator/faults", data=body, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert live.faults.pending() == []


def test_settings_are_changed_over_http(live):
    control = f"{live.url}/_emulator/settings"
    assert requests.get(control, timeout=10).json() == {"job_polls": 1, "page_limit": None}
    assert requests.patch(control, json={"page_limit": 1}, timeout=10).json()["page_limit"] == 1
    assert (live.settings.job_polls, live.settings.page_limit) == (1, 1)
    for wrong in ({"page_limit": "x"}, {"unknown": 1}):
        assert requests.patch(control, json=wrong, timeout=10).status_code == 400


def test_requests_are_logged_without_secrets(client, live):
    _ = client.models
    requests.get(f"{live.url}/v1/nucleus/models/?key=in-the-query", auth=("guess", ""), timeout=10)
    control = f"{live.url}/_emulator/requests"
    log = requests.get(control, timeout=10)
    assert log.json() == {
        "count": 2,
        "requests": [
            {"method": "GET", "path": "/v1/nucleus/models/", "status": 200},
            {"method": "GET", "path": "/v1/nucleus/models/", "status": 401},
        ],
    }
    for secret in ("test-key", "in-the-query", "guess"):
        assert secret not in log.text
    requests.delete(control, timeout=10)
    assert requests.get(control, timeout=10).json()["count"] == 0


def test_a_port_that_is_taken_is_a_conflict(live):
    port = int(live.url.rpartition(":")[2])
    with pytest.raises(Conflict, match=f"Port {port}"), running(create(), port=port):
        pass


def test_an_emulation_can_be_served_again(live):
    emulation = create("again")
    for _ in range(2):
        with running(emulation) as served:
            client = nucleus.NucleusClient("again", endpoint=f"{served.url}/v1/nucleus")
            client.create_dataset("kept", is_scene=False)
    assert [known.name for known in emulation.state.datasets.values()] == ["kept", "kept"]
