"""Weights of a model: upload in one piece and in parts, what is refused, download, deletion."""

from __future__ import annotations

import hashlib

import pytest
import requests
from nucleus.errors import NotFoundError, NucleusAPIError

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "best.pt"
    path.write_bytes(CONTENT)
    return path


def upload(model, file, **options):
    return model.upload_weights(str(file), progress=False, **options)


@pytest.mark.parametrize("part_bytes", [1, 2])
def test_weights_come_back_as_they_were_sent(client, model, live, file, tmp_path, part_bytes):
    live.state.weights.part_bytes = part_bytes * 5_000
    sent = upload(model, file, content_type="application/x-torch", checksum_sha256=hashlib.sha256(CONTENT).hexdigest())
    for shown in (sent, model.weights(), client.get_model_weights(model.id)):
        assert (shown.model_project_id, shown.present, shown.size_bytes) == (model.id, True, len(CONTENT))
        assert (shown.original_filename, shown.content_type) == ("best.pt", "application/x-torch")
    model.download_weights(str(tmp_path / "again.pt"), progress=False)
    assert (tmp_path / "again.pt").read_bytes() == CONTENT
    assert requests.get(sent.download_url, timeout=10).content == CONTENT


def test_weights_are_bytes_unless_said_otherwise(model, file):
    assert upload(model, file).content_type == "application/octet-stream"


def test_a_large_file_goes_in_parts_and_a_small_one_in_one_piece(model, live, file):
    upload(model, file)
    whole = sum(entry.method == "PUT" for entry in live.journal.entries())
    live.journal.clear()
    live.state.weights.part_bytes = 4_000
    upload(model, file)
    assert (whole, sum(entry.method == "PUT" for entry in live.journal.entries())) == (1, 3)


def test_a_model_keeps_one_file(model, file, tmp_path):
    upload(model, file)
    file.write_bytes(b"newer")
    assert upload(model, file, original_filename="newer.pt").size_bytes == 5
    assert model.weights().original_filename == "newer.pt"


def test_a_model_without_weights_says_so(model, tmp_path):
    assert model.weights().present is False
    assert model.delete_weights() is False
    with pytest.raises(NotFoundError):
        model.download_weights(str(tmp_path / "none.pt"), progress=False)


def test_deleted_weights_are_gone(model, file):
    upload(model, file)
    assert model.delete_weights() is True
    assert model.weights().present is False


@pytest.mark.parametrize("part_bytes", [5_000, 50_000])
def test_a_wrong_checksum_is_refused_and_nothing_is_kept(model, live, file, part_bytes):
    live.state.weights.part_bytes = part_bytes
    with pytest.raises(NucleusAPIError, match="SHA-256") as refusal:
        upload(model, file, checksum_sha256="0" * 64)
    assert refusal.value.status_code == 400
    assert model.weights().present is False


def announce(client, model, **changes):
    payload = {"declaredSizeBytes": 10, "originalFilename": "a.pt", **changes}
    return client.make_request(payload, f"model/{model.id}/weights/presign")


def test_an_upload_must_be_complete(client, model, live):
    live.state.weights.part_bytes = 5
    begun = announce(client, model)
    put = requests.put(begun["parts"][0]["url"], data=b"12345", timeout=10)
    parts = [{"partNumber": 1, "eTag": put.headers["ETag"].strip('"')}]
    with pytest.raises(NucleusAPIError, match="incomplete"):
        client.make_request({"uploadId": begun["uploadId"], "parts": parts}, f"model/{model.id}/weights/finalize")


def test_an_upload_must_have_the_declared_size(client, model):
    begun = announce(client, model)
    requests.put(begun["uploadUrl"], data=b"123", timeout=10).raise_for_status()
    with pytest.raises(NucleusAPIError, match="3 bytes were uploaded, 10 were declared"):
        client.make_request({"uploadId": begun["uploadId"]}, f"model/{model.id}/weights/finalize")


def test_parts_are_known_by_their_etags(client, model, live):
    live.state.weights.part_bytes = 5
    begun = announce(client, model)
    for part in begun["parts"]:
        requests.put(part["url"], data=b"12345", timeout=10).raise_for_status()
    parts = [{"partNumber": number, "eTag": "0"} for number in (1, 2)]
    with pytest.raises(NucleusAPIError, match="not those that were sent"):
        client.make_request({"uploadId": begun["uploadId"], "parts": parts}, f"model/{model.id}/weights/finalize")


@pytest.mark.parametrize("size", [-1, 10 * 2**30 + 1])
def test_impossible_sizes_are_refused(client, model, size):
    with pytest.raises(NucleusAPIError) as refusal:
        announce(client, model, declaredSizeBytes=size)
    assert refusal.value.status_code == 400


def test_an_unsigned_upload_is_refused(client, model):
    url = announce(client, model)["uploadUrl"].partition("?")[0]
    assert requests.put(url, data=b"1234567890", timeout=10).status_code == 403


def test_the_signed_content_type_must_be_sent(client, model):
    begun = announce(client, model, contentType="application/x-torch")
    assert requests.put(begun["uploadUrl"], data=b"1234567890", timeout=10).status_code == 403
    sent = requests.put(begun["uploadUrl"], data=b"1234567890", headers=begun["requiredHeaders"], timeout=10)
    assert sent.ok


def test_an_unknown_upload_is_not_found(client, model):
    with pytest.raises(NucleusAPIError) as refusal:
        client.make_request({"uploadId": "upload_none"}, f"model/{model.id}/weights/finalize")
    assert refusal.value.status_code == 404
