"""Embeddings and what follows from them: perceptual hashes, deduplication, indexes, exports, entropy."""

from __future__ import annotations

import math

import nucleus
import pytest
import requests
from nucleus import BoxAnnotation, BoxPrediction, DatasetItem
from nucleus.autocurate import entropy
from nucleus.dataset_item import DatasetItemEmbeddingInfo
from nucleus.errors import NucleusAPIError
from PIL import Image, ImageDraw

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def done(job):
    job.sleep_until_complete(verbose_std_out=False)
    return job.status()["message"]


def picture(path, shift, size=(64, 48)):
    """Write an image of two rectangles; a shift moves one of them."""
    image = Image.new("RGB", size, "navy")
    draw = ImageDraw.Draw(image)
    scale = size[0] / 64
    draw.rectangle([scale * (4 + shift), scale * 4, scale * (24 + shift), scale * 40], "yellow")
    draw.rectangle([scale * 30, scale * 10, scale * 60, scale * 20], "white")
    image.save(path)
    return str(path)


@pytest.fixture
def pictures(client, tmp_path):
    """The same picture twice in two sizes, and another one."""
    made = client.create_dataset("pictures", is_scene=False)
    items = [
        DatasetItem(picture(tmp_path / "0.png", 0), "first"),
        DatasetItem(picture(tmp_path / "1.png", 0, (256, 192)), "larger"),
        DatasetItem(picture(tmp_path / "2.png", 30), "other"),
    ]
    made.append(items).sleep_until_complete(verbose_std_out=False)
    return made


def bits_apart(dataset, first, second):
    hashes = [int(dataset.refloc(name)["item"].phash, 2) for name in (first, second)]
    return (hashes[0] ^ hashes[1]).bit_count()


def test_like_images_have_like_hashes(pictures):
    assert bits_apart(pictures, "first", "larger") <= 4
    assert bits_apart(pictures, "first", "other") > 10


def test_the_sdk_finds_the_same_images_without_the_platform(pictures):
    local = nucleus.deduplicate_by_phash(pictures.items_and_annotation_generator(), 8)
    assert len(local.unique) == 2
    assert "other" in local.unique_reference_ids


def test_images_that_are_alike_are_kept_once(pictures):
    result = pictures.deduplicate(threshold=8).result()
    assert result.unique_reference_ids == ["first", "other"]
    assert result.unique_item_ids == [pictures.refloc(name)["item"].dataset_item_id for name in ("first", "other")]
    assert (result.stats.threshold, result.stats.original_count, result.stats.deduplicated_count) == (8, 3, 2)
    assert pictures.deduplicate(threshold=64).result().unique_reference_ids == ["first"]


def test_some_of_the_images_are_compared(pictures):
    result = pictures.deduplicate(8, ["other", "larger"]).result()
    assert result.unique_reference_ids == ["other", "larger"]
    ids = [item.dataset_item_id for item in pictures.items]
    assert pictures.deduplicate_by_ids(8, ids[:2]).result().unique_item_ids == ids[:1]


def test_images_by_url_are_alike_if_their_urls_are_equal(client):
    made = client.create_dataset("urls", is_scene=False)
    urls = ["https://images.example/a.jpg", "https://images.example/b.jpg", "https://images.example/a.jpg"]
    made.append([DatasetItem(url, str(n)) for n, url in enumerate(urls)]).sleep_until_complete(verbose_std_out=False)
    assert made.deduplicate(0).result().unique_reference_ids == ["0", "1"]


@pytest.mark.parametrize(
    ("threshold", "references", "status"), [(-1, None, 400), (65, None, 400), (1, ["none"], 404), (0.5, None, 400)]
)
def test_senseless_comparisons_are_refused(dataset, threshold, references, status):
    with pytest.raises(NucleusAPIError) as refusal:
        dataset.deduplicate(threshold, references)
    assert refusal.value.status_code == status


def test_an_image_index_covers_the_images_of_its_time(dataset):
    assert dataset.get_image_indexing_status()["percent_indexed"] == 0
    assert done(dataset.create_image_index())["embedding_count"] == 5
    dataset.append([DatasetItem("https://images.example/9.jpg", "new")]).sleep_until_complete(verbose_std_out=False)
    status = dataset.get_image_indexing_status()
    assert (status["embedding_count"], status["image_count"]) == (5, 6)
    (index,) = dataset.embedding_indexes
    assert (index.status, index.index_type, index.index_level) == ("Completed", "Internal", "Image")
    assert len(dataset.export_embeddings(asynchronous=False)) == 5


def test_an_object_index_covers_one_side(dataset, model):
    dataset.annotate([BoxAnnotation("car", 0, 0, 1, 1, "img-0", "a")])
    run = model.create_run("r", dataset, [BoxPrediction("car", 0, 0, 1, 1, f"img-{n}", 0.5, "a") for n in range(3)])
    done(dataset.create_object_index(gt_only=True))
    done(dataset.create_object_index(model_run_id=run.model_run_id))
    assert dataset.get_object_indexing_status()["object_count"] == 1
    status = dataset.get_object_indexing_status(run.model_run_id)
    assert (status["embedding_count"], status["object_count"], status["percent_indexed"]) == (3, 3, 100)
    with pytest.raises(NucleusAPIError, match="is needed"):
        dataset.create_object_index()


def test_a_custom_index_can_be_made_primary_and_deleted(dataset):
    with pytest.raises(NucleusAPIError, match="no such index"):
        dataset.set_primary_index(custom=True)
    done(dataset.create_custom_index(["https://vectors.example/1.json"], 3))
    assert dataset.embedding_indexes[0].embedding_dimension == 3
    assert dataset.set_primary_index(custom=True) == {"success": True}
    answer = dataset.delete_custom_index()
    assert answer["dataset_id"] == dataset.id
    dataset._client.get_job(answer["job_id"]).sleep_until_complete(verbose_std_out=False)
    assert dataset.embedding_indexes == []


def test_continuous_indexing_begins_with_what_is_there(dataset):
    answer = dataset.set_continuous_indexing()
    assert answer["dataset_id"] == dataset.id
    assert done(answer["backfill_job"])["embedding_count"] == 5
    assert "backfill_job" not in dataset.set_continuous_indexing(enable=False)


def test_embeddings_that_came_with_items_are_exported(client):
    made = client.create_dataset("vectors", is_scene=False)
    info = DatasetItemEmbeddingInfo("idx_1", [0.5, 1.0])
    items = [
        DatasetItem("https://images.example/a.jpg", "a", embedding_info=info),
        DatasetItem("https://images.example/b.jpg", "b"),
    ]
    made.append(items).sleep_until_complete(verbose_std_out=False)
    expected = [{"reference_id": "a", "embedding_vector": [0.5, 1.0]}]
    assert made.export_embeddings(asynchronous=False) == expected
    (url,) = made.export_embeddings().result_urls()
    assert requests.get(url, timeout=10).json() == expected
    part = made.create_slice("s", ["b"])
    assert part.export_embeddings(asynchronous=False) == []
    (url,) = part.export_embeddings().result_urls()
    assert requests.get(url, timeout=10).json() == []


def test_entropy_tells_how_unsure_a_run_is(client, dataset, model):
    rows = [
        BoxPrediction("car", 0, 0, 1, 1, "img-0", 0.5, "a", class_pdf={"car": 0.5, "bus": 0.5}),
        BoxPrediction("car", 0, 0, 1, 1, "img-1", 0.5, "a", class_pdf={"car": 1.0, "bus": 0.0}),
        BoxPrediction("car", 0, 0, 1, 1, "img-2", 0.5, "a"),
    ]
    run = model.create_run("r", dataset, rows)
    message = done(entropy("unsure", run, client))
    assert message["entropy"] == {"img-0": pytest.approx(math.log(2)), "img-1": pytest.approx(0)}


def test_labels_of_points_are_kept_with_the_run(client, model, live):
    made = client.create_dataset("scenes", is_scene=True)
    cloud = DatasetItem(pointcloud_location="https://clouds.example/1.json", reference_id="cloud")
    scene = nucleus.LidarScene("s", [nucleus.Frame(lidar=cloud)])
    made.append([scene]).sleep_until_complete(verbose_std_out=False)
    answer = made.upload_lidar_semseg_predictions(model, "cloud", "s3://labels/1.json")
    kept = live.state.runs[answer["model_run_id"]].point_labels
    assert list(kept.values()) == ["s3://labels/1.json"]
    with pytest.raises(NucleusAPIError, match="does not exist"):
        made.upload_lidar_semseg_predictions(model, "none", "s3://labels/1.json")
