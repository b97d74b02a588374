"""Who gets in, where the API is, and how requests that are not served are answered."""

from __future__ import annotations

import nucleus
import pytest
import requests
from nucleus.errors import NucleusAPIError

from dragoman_nucleus.emulator import blobs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_the_api_key_is_accepted(client):
    assert client.models == []


def test_the_key_is_accepted_as_limited_access_key(endpoint, live):
    limited = nucleus.NucleusClient(endpoint=endpoint, limited_access_key=live.credentials["api_key"])
    assert limited.datasets == []


@pytest.mark.parametrize("credentials", [{"api_key": "wrong"}, {"limited_access_key": "wrong"}])
def test_another_key_is_refused(endpoint, credentials):
    with pytest.raises(NucleusAPIError) as refusal:
        _ = nucleus.NucleusClient(endpoint=endpoint, **credentials).models
    assert refusal.value.status_code == 401
    assert '{"error":"Invalid API key."}' in refusal.value.message


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer test-key"},
        {"Authorization": "Basic test-key"},
        {"Authorization": "Basic dGVzdC1rZXk="},
        {"Authorization": "Basic dGVzdC1rZXk6c2VjcmV0"},
    ],
    ids=["nothing", "bearer", "not base64", "no colon", "a password"],
)
def test_malformed_credentials_are_refused(endpoint, headers):
    answer = requests.get(f"{endpoint}/models/", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Invalid API key."}


def test_the_default_key_is_random_and_announced():
    from dragoman_nucleus.emulator import create

    first, second = create().credentials["api_key"], create().credentials["api_key"]
    assert first.startswith("emulated-")
    assert first != second


def test_the_bare_url_is_an_endpoint_too(live, client):
    client.create_model("detector", "det-1")
    bare = nucleus.NucleusClient(live.credentials["api_key"], endpoint=live.url)
    assert [model.name for model in bare.models] == ["detector"]


def test_what_is_not_emulated_says_so(client):
    with pytest.raises(NucleusAPIError) as refusal:
        client.get("weather/today")
    assert refusal.value.status_code == 501
    assert "does not serve GET" in refusal.value.message


def test_another_verb_on_a_known_path_is_not_emulated_either(endpoint):
    answer = requests.patch(f"{endpoint}/models/", auth=("test-key", ""), timeout=10)
    assert answer.status_code == 501
    assert answer.json() == {"error": "The emulator does not serve PATCH /v1/nucleus/models/."}


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_model("prj_none"),
        lambda client: client.get_dataset("ds_none").name,
        lambda client: client.get_model_run("run_none", None).info(),
        lambda client: client.get_slice("slc_none").info(),
        lambda client: client.get_job("job_none"),
    ],
    ids=["model", "dataset", "run", "slice", "job"],
)
def test_an_unknown_id_is_not_found(client, call):
    with pytest.raises(NucleusAPIError) as refusal:
        call(client)
    assert refusal.value.status_code == 404
    assert "does not exist" in refusal.value.message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name": 5}', b'{"name": "\xff"}'])
def test_a_broken_body_is_a_bad_request(endpoint, body):
    answer = requests.post(f"{endpoint}/dataset/create", data=body, auth=("test-key", ""), timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Invalid request body")


def test_a_body_on_get_is_read_and_the_connection_stays_usable(endpoint):
    with requests.Session() as session:
        session.auth = ("test-key", "")
        for _ in range(3):
            assert session.get(f"{endpoint}/models/", data="{}", timeout=10).json() == {"models": []}


@pytest.mark.parametrize("query", ["", "?signature=", "?signature=guess"])
def test_an_upload_url_that_was_not_signed_is_refused(live, endpoint, query):
    dataset_id = requests.post(
        f"{endpoint}/dataset/create", json={"name": "d"}, auth=("test-key", ""), timeout=10
    ).json()["dataset_id"]
    requests.get(f"{endpoint}/dataset/{dataset_id}/signedUrl/known", auth=("test-key", ""), timeout=10)
    for request_id in ("known", "unknown"):
        url = f"{live.url}/uploads/{dataset_id}/{request_id}{query}"
        assert requests.put(url, data=b"{}\n", timeout=10).status_code == 403
    assert live.state.blobs.uploads == {}


def test_an_upload_can_be_sent_twice_to_its_url(live, client):
    dataset_id = client.create_dataset("d", is_scene=False).id
    signed = client.make_request({}, f"dataset/{dataset_id}/signedUrl/r", requests.get)["signed_url"]
    for content in (b"1\n", b"2\n"):
        assert requests.put(signed, data=content, timeout=10).ok
    assert live.state.blobs.uploads == {(dataset_id, "r"): b"2\n"}


def test_an_upload_that_is_too_large_is_refused(live, client, monkeypatch):
    monkeypatch.setattr(blobs, "LARGEST_UPLOAD", 3)
    dataset_id = client.create_dataset("d", is_scene=False).id
    signed = client.make_request({}, f"dataset/{dataset_id}/signedUrl/r", requests.get)["signed_url"]
    assert requests.put(signed, data=b"12\n", timeout=10).ok
    assert requests.put(signed, data=b"123\n", timeout=10).status_code == 413
    assert live.state.blobs.uploads == {(dataset_id, "r"): b"12\n"}


def test_an_unknown_file_is_not_found(live):
    assert requests.get(f"{live.url}/media/guess.png", timeout=10).status_code == 404
