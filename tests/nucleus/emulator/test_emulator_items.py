"""Items: appending by URL and by file, reading back in all the ways there are, metadata, deletion."""

from __future__ import annotations

import io

import nucleus
import pytest
import requests
from nucleus.async_job import JobError
from nucleus.errors import NucleusAPIError
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def image_file(folder, name, color="red"):
    path = folder / name
    Image.new("RGB", (4, 3), color).save(path)
    return str(path)


def test_items_appear_when_their_job_is_done(client):
    made = client.create_dataset("street", is_scene=False)
    job = made.append([nucleus.DatasetItem("https://images.example/a.jpg", "a", metadata={"k": 1})])
    assert job.job_type == "uploadDatasetItems"
    assert job.status()["status"] == "Running"
    assert made.items == []
    status = job.status()
    assert status["status"] == "Completed"
    assert status["message"]["image_upload_step"] == {"errored": 0, "pending": 0, "completed": 1}
    (item,) = made.items
    assert (item.image_location, item.reference_id) == ("https://images.example/a.jpg", "a")
    assert item.metadata == {"k": 1}
    assert item.dataset_item_id.startswith("di_")


def test_order_is_stable_over_all_ways_to_read(dataset):
    references = [f"img-{n}" for n in range(5)]
    assert [item.reference_id for item in dataset.items] == references
    assert [item.reference_id for item in dataset.items_generator()] == references
    assert [dataset.iloc(n)["item"].reference_id for n in range(5)] == references


@pytest.mark.parametrize("page_size", [1, 2, 5, 6])
def test_every_page_size_gives_every_item_once(dataset, live, page_size):
    live.journal.clear()
    items = list(dataset.items_generator(page_size=page_size))
    assert [item.reference_id for item in items] == [f"img-{n}" for n in range(5)]
    assert live.journal.count == -(-5 // page_size)


def test_the_server_may_send_smaller_pages_than_asked_for(dataset, live):
    live.settings.page_limit = 1
    live.journal.clear()
    assert len(list(dataset.items_generator(page_size=100))) == 5
    assert live.journal.count == 5


def test_deleting_between_two_pages_skips_nothing(dataset):
    reader = dataset.items_generator(page_size=2)
    first = [next(reader).reference_id, next(reader).reference_id]
    dataset.delete_item("img-0")
    assert first + [item.reference_id for item in reader] == [f"img-{n}" for n in range(5)]


@pytest.mark.parametrize("body", [{"pageToken": "x", "pageSize": 1}, {"pageToken": None, "pageSize": 0}])
def test_a_senseless_page_is_refused(endpoint, dataset, body):
    answer = requests.post(f"{endpoint}/dataset/{dataset.id}/itemsPage", json=body, auth=("test-key", ""), timeout=10)
    assert answer.status_code == 400


def test_one_item_by_reference_id_and_position(dataset):
    by_reference = dataset.refloc("img-2")["item"]
    assert dataset.loc(by_reference.dataset_item_id)["item"] == by_reference
    assert dataset.iloc(2)["item"] == by_reference
    for missing in (
        lambda: dataset.refloc("none"),
        lambda: dataset.loc("di_none"),
        lambda: dataset.iloc(5),
        lambda: dataset.iloc(-1),
    ):
        with pytest.raises(NucleusAPIError, match="does not exist"):
            missing()


def test_a_position_is_a_number(dataset):
    with pytest.raises(NucleusAPIError, match="two is not the number of an item") as refusal:
        dataset.iloc("two")
    assert refusal.value.status_code == 400


@pytest.mark.parametrize("reference_id", ["a/b c?d#e%41", "ümläut", "with space", "a/../b", "line\nbreak"])
def test_difficult_reference_ids_survive(client, reference_id):
    made = client.create_dataset("odd", is_scene=False)
    item = nucleus.DatasetItem("https://images.example/a.jpg", reference_id)
    made.append([item]).sleep_until_complete(verbose_std_out=False)
    assert made.refloc(reference_id)["item"].reference_id == reference_id
    made.delete_item(reference_id)
    assert made.size == 0


def test_an_item_that_exists_is_left_alone_unless_update(dataset, live):
    again = nucleus.DatasetItem("https://images.example/other.jpg", "img-0", metadata={"new": True})
    dataset.append([again]).sleep_until_complete(verbose_std_out=False)
    assert dataset.refloc("img-0")["item"].metadata == {"n": 0}
    dataset.append([again], update=True).sleep_until_complete(verbose_std_out=False)
    item = dataset.refloc("img-0")["item"]
    assert item.metadata == {"new": True}
    assert item.image_location == "https://images.example/0.jpg"
    assert dataset.size == 5


def test_size_and_embedding_are_kept_though_not_given_back(client, live):
    made = client.create_dataset("street", is_scene=False)
    item = nucleus.DatasetItem("https://images.example/a.jpg", "a", width=640, height=480)
    made.append([item]).sleep_until_complete(verbose_std_out=False)
    kept = live.state.datasets[made.id].items.by_reference["a"]
    assert (kept.width, kept.height) == (640, 480)


def test_broken_rows_are_errors_of_a_completed_job(endpoint, dataset, live):
    key = ("test-key", "")
    base = f"{endpoint}/dataset/{dataset.id}"
    signed = requests.get(f"{base}/signedUrl/r1", auth=key, timeout=10).json()["signed_url"]
    lines = b'{"reference_id":"good","image_url":"https://x/1.jpg"}\n{"reference_id":"no-url"}\nnot json\n'
    assert requests.put(signed, data=lines, timeout=10).ok
    job = requests.post(f"{base}/append?async=1", json={"requestId": "r1"}, auth=key, timeout=10).json()
    live.state.jobs.finish_all()
    status = requests.get(f"{endpoint}/job/{job['job_id']}", auth=key, timeout=10).json()
    errors = requests.get(f"{endpoint}/job/{job['job_id']}/errors", auth=key, timeout=10).json()
    assert status["status"] == "Completed"
    assert status["message"]["image_upload_step"] == {"errored": 2, "pending": 0, "completed": 1}
    assert len(errors) == 2
    assert "image_url" in errors[0]
    assert dataset.refloc("good")["item"].image_location == "https://x/1.jpg"


def test_a_request_id_without_upload_is_refused(endpoint, dataset):
    answer = requests.post(
        f"{endpoint}/dataset/{dataset.id}/append?async=1",
        json={"requestId": "never"},
        auth=("test-key", ""),
        timeout=10,
    )
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "Nothing was uploaded for request never."},
    )


def test_local_files_are_stored_and_served_without_credentials(client, tmp_path):
    made = client.create_dataset("local", is_scene=False)
    colors = ["red", "lime", "blue"]
    items = [
        nucleus.DatasetItem(image_file(tmp_path, f"ä {n}.png", color), f"ref-{n}", metadata={"n": n})
        for n, color in enumerate(colors)
    ]
    made.append(items, local_files_per_upload_request=2).sleep_until_complete(verbose_std_out=False)
    for n, color in enumerate(colors):
        item = made.refloc(f"ref-{n}")["item"]
        assert item.metadata == {"n": n}
        answer = requests.get(item.image_location, timeout=10)
        assert answer.headers["content-type"] == "image/png"
        pixel = Image.open(io.BytesIO(answer.content)).getpixel((0, 0))
        assert pixel == Image.new("RGB", (1, 1), color).getpixel((0, 0))


def test_local_files_with_update_replace_metadata(client, tmp_path):
    made = client.create_dataset("local", is_scene=False)
    path = image_file(tmp_path, "a.jpg")
    for metadata, update in (({"v": 1}, False), ({"v": 2}, False), ({"v": 3}, True)):
        item = nucleus.DatasetItem(path, "a", metadata=metadata)
        made.append([item], update=update).sleep_until_complete(verbose_std_out=False)
        expected = {"v": 3} if update else {"v": 1}
        assert made.refloc("a")["item"].metadata == expected


@pytest.mark.parametrize(
    "rows", ['[{"reference_id": "a"}, {"reference_id": "b"}]', "[5]", "{}", "nonsense"], ids=lambda rows: rows[:8]
)
def test_a_form_whose_rows_do_not_fit_its_files_is_refused(endpoint, dataset, rows):
    answer = requests.post(
        f"{endpoint}/dataset/{dataset.id}/append?async=1",
        files=[("items", (None, rows)), ("image", ("a", b"x"))],
        auth=("test-key", ""),
        timeout=10,
    )
    assert answer.status_code == 400


def test_privacy_mode_needs_the_size(client, endpoint, live):
    made = client.create_dataset("private", is_scene=False, use_privacy_mode=True)
    sized = nucleus.DatasetItem("https://images.example/a.jpg", "a", width=4, height=3)
    made.append([sized]).sleep_until_complete(verbose_std_out=False)
    assert made.size == 1
    live.state.blobs.uploads[made.id, "raw"] = b'{"reference_id":"b","image_url":"https://x/1.jpg"}\n'
    url = f"{endpoint}/dataset/{made.id}/append?async=1"
    requests.post(url, json={"requestId": "raw"}, auth=("test-key", ""), timeout=10)
    live.state.jobs.finish_all()
    assert made.size == 1


def test_metadata_is_merged(dataset):
    assert dataset.update_item_metadata({"img-0": {"extra": "x"}, "none": {}})["updated"] == 1
    assert dataset.refloc("img-0")["item"].metadata == {"n": 0, "extra": "x"}
    job = dataset.update_item_metadata({"img-1": {"n": 9}}, asynchronous=True)
    assert job.job_type == "metadataUpdate"
    assert dataset.refloc("img-1")["item"].metadata == {"n": 1}
    job.sleep_until_complete(verbose_std_out=False)
    assert dataset.refloc("img-1")["item"].metadata == {"n": 9}


def test_deleting_an_item_takes_everything_on_it_along(dataset, model, live):
    dataset.annotate([nucleus.BoxAnnotation("car", 0, 0, 1, 1, "img-0", "a")])
    dataset.upload_predictions(model, [nucleus.BoxPrediction("car", 0, 0, 1, 1, "img-0", annotation_id="a")])
    part = dataset.create_slice("two", ["img-0", "img-1"])
    dataset.delete_item("img-0")
    assert [item.reference_id for item in dataset.items] == ["img-1", "img-2", "img-3", "img-4"]
    assert [item.reference_id for item in part.items] == ["img-1"]
    assert len(live.state.datasets[dataset.id].ground_truth) == 0
    assert dataset.export_predictions(model) == {"annotations": {}}


@pytest.mark.parametrize("url", ["https://nowhere.example", "s3://bucket/"])
def test_an_image_that_cannot_be_there_fails_the_job_and_not_the_other_items(dataset, url):
    items = [nucleus.DatasetItem(url, "bad"), nucleus.DatasetItem("https://images.example/9.jpg", "good")]
    job = dataset.append(items)
    with pytest.raises(JobError, match="1 of 2 images"):
        job.sleep_until_complete(verbose_std_out=False)
    status = job.status()
    assert (status["status"], status["job_progress"]) == ("Errored", "0.50")
    assert (status["completed_steps"], status["total_steps"]) == (1, 2)
    assert status["message"]["image_upload_step"] == {"errored": 1, "pending": 0, "completed": 1}
    assert "There is no image" in job.errors()[0]
    assert dataset.refloc("good")["item"].image_location == "https://images.example/9.jpg"


def test_the_message_of_a_finished_append(dataset):
    job = dataset.append([nucleus.DatasetItem("https://images.example/9.jpg", "new")])
    job.sleep_until_complete(verbose_std_out=False)
    message = job.status()["message"]
    assert message["PayloadUrl"].startswith(f"uploads/{dataset.id}/")
    assert message["image_upload_step"] == {"errored": 0, "pending": 0, "completed": 1}
    assert message["ingest_to_reupload_queue"] == {"epoch": 1, "total": 1, "datasetId": dataset.id, "processed": 1}
    assert message["started_image_processing"]


def test_a_directory_becomes_a_dataset(client, tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("a.png", "deep/b.jpg"):
        image_file(tmp_path, name)
    made = client.create_dataset_from_dir(str(tmp_path), "crawled")
    assert made.name == "crawled"
    assert sorted(item.reference_id for item in made.items) == ["a.png", "deep/b.jpg"]


def test_numbers_of_any_size_survive_in_metadata(client, dataset, tmp_path):
    local = nucleus.DatasetItem(image_file(tmp_path, "a.png"), "local", metadata={"large": 10**30})
    remote = nucleus.DatasetItem("https://images.example/9.jpg", "remote", metadata={"large": 10**30})
    for item in (local, remote):
        dataset.append([item]).sleep_until_complete(verbose_std_out=False)
        assert dataset.refloc(item.reference_id)["item"].metadata == {"large": 10**30}
    lost = nucleus.BoxAnnotation("car", 1, 2, 3, 4, "none", "a", {"large": 10**30})
    assert str(10**30) in dataset.annotate([lost])["errors"][0]
