"""Drives the emulator with the platform's real SDK, which needs Python 3.12. Not a test of pytest's.

    python drive.py <address of a served emulator> <access token>

`make test-synapse-sdk` builds an environment for it; `test_synapse_sdk.py` serves the emulator and runs it. Every step
says that it went well; the first surprise ends it with a status of 1.
"""

import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendClientV2
from synapse_sdk.exceptions import AuthenticationError, HTTPError, NotFoundError
from synapse_sdk.exceptions import ValidationError as RefusedError
from synapse_sdk.utils.converters.dm.from_v1 import DMV1ToV2Converter

logging.disable(logging.WARNING)
MIB = 1024 * 1024
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f6173855"
    "0000000049454e44ae426082"
)


def raises(kind: type[Exception], call: Callable[[], object]) -> Exception:
    """Return the error that a call ends with; it must be of that kind."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


class Drive:
    """The steps, in order."""

    def __init__(self, url: str, token: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.one = BackendClient(url, access_token=token)
        self.two = BackendClientV2(url, access_token=token, allow_insecure=True)

    def models(self) -> None:
        """Make, list and get a model."""
        made = self.one.create_model({"name": "small", "description": "d", "configuration": {"lr": 0.1}})
        page = self.one.list_models()
        assert [model["name"] for model in page["results"]] == ["small"], page
        found = self.one.get_model(made["id"])
        assert (found["configuration"], "file" in found) == ({"lr": 0.1}, False), found
        for active in (True, False):
            assert self.one.list_models(params={"is_active": active})["count"] == 1

    def upload(self) -> None:
        """Make a model with a file of 120 MiB, and fetch it."""
        path = self.folder / "weights.bin"
        path.write_bytes(os.urandom(MIB) * 120)
        made = self.one.create_model({"name": "large"}, file=path)
        found = self.one.get_model(made["id"])
        assert digest(Path(found["file"])) == digest(path)

    def second_interface(self) -> None:
        """List, change, look up and delete models; datasets and their versions."""
        names = {model.name: model.id for model in self.two.models.list(list_all=True, per_page=1)}
        assert set(names) == {"small", "large"}, names
        changed = self.two.models.partial_update(names["small"], {"name": "renamed", "description": "e"})
        assert changed.name == "renamed", changed
        assert self.two.models.retrieve(names["large"]).configuration == {}
        assert self.two.models.lineage(names["large"]).ancestors == []
        self.two.models.destroy(names["small"])
        raises(NotFoundError, lambda: self.one.get_model(names["small"]))
        release = self.one.list_plugin_releases("detector")[0]["id"]
        facts = {"plugin": release, "configuration": {"lr": 0.1}, "checkpoint": names["large"]}
        bare = self.two.models.create({"name": "bare", **facts})
        assert (bare.configuration, bare.category) == ({"lr": 0.1}, "fine_tuned"), bare
        assert raises(HTTPError, lambda: self.two.models.destroy(names["large"])).status_code == 409
        assert self.two.models.list(is_released=True).results == []
        made = [self.two.ground_truth_datasets.create({"name": f"set {number}"}) for number in range(3)]
        listed = [dataset.id for dataset in self.two.ground_truth_datasets.list(list_all=True, per_page=1)]
        assert listed == [dataset.id for dataset in made], listed
        self.two.ground_truth_datasets.destroy(made[0].id)
        assert self.two.ground_truth_datasets.update(made[1].id, {"name": "replaced"}).name == "replaced"

    def ground_truth(self) -> None:
        """Send pictures through annotation into a dataset, and list what became of them, in every view."""
        dataset = self.two.ground_truth_datasets.create({"name": "reviewed"})
        project = self.two.ground_truth_datasets.retrieve(dataset.id).project_id
        for number in range(5):
            path = self.folder / f"picture-{number}.png"
            path.write_bytes(PNG + bytes([number]))
        wanted = [{"name": "image_1", "file_type": "image", "is_primary": True}]
        collection = self.two.data_collections.create(
            {"name": "c", "category": "image", "file_specifications": wanted}
        ).id
        for number in range(5):
            data = {"files": {"image_1": str(self.folder / f"picture-{number}.png")}, "meta": {"n": number}}
            unit = self.one.create_data_units(self.one.upload_data_file(data, collection))
            (task,) = self.one.create_tasks({"project": project, "data": [{"data_unit": unit["id"]}]})["results"]
            self.one.annotate_task_data(task["id"], {"action": "submit", "data": document(number)})
        version = self.two.ground_truth_datasets.versions(dataset.id).create({"version": "1.0"})
        self.listings(dataset.id, version.id)

    def listings(self, dataset: int, version: int) -> None:
        """List ground truth of a dataset and a version of it."""
        chosen = {"ground_truth_dataset_versions": [version]}
        events, count = self.one.list_ground_truth_events(chosen, list_all=True, page_size=2)
        found = list(events)
        assert (len(found), count) == (5, 5), found
        assert DMV1ToV2Converter().convert(found[0]["data"])["annotation_data"]["images"]
        assert self.one.list_ground_truth_events_data(dict(chosen))["count"] == 5
        assert isinstance(self.one.list_ground_truth_events_files(dict(chosen))["results"][0]["files"], list)
        truths, count = self.one.list_ground_truths({"ground_truth_dataset": dataset}, list_all=True, page_size=3)
        truths = list(truths)
        assert (len(truths), count) == (5, 5)
        assert {"image_1", "data_meta_1"} <= set(truths[0]["files"]), truths[0]
        assert Path(truths[0]["files"]["image_1"]["path"]).read_bytes().startswith(PNG)
        listed = self.one.list_ground_truth_versions({"ground_truth_dataset": dataset, "is_archived": False})
        assert [one["id"] for one in listed["results"]] == [version], listed
        assert self.one.get_ground_truth_version(version)["event_count"] == 5
        self.second_listings(dataset, version)

    def second_listings(self, dataset: int, version: int) -> None:
        """List the same through the second interface, and fetch the documents in bulk."""
        listed = list(self.two.ground_truths.list(ground_truth_dataset=dataset, list_all=True, per_page=2))
        ids = [truth.id for truth in listed]
        assert len(ids) == 5, listed
        assert self.two.ground_truths.retrieve(ids[0]).classes == ["car"]
        assert [truth["id"] for truth in self.two.ground_truths.bulk_data(ids[:2])] == ids[:2]
        events = self.two.ground_truth_events
        frozen = list(events.list(ground_truth_dataset_version=version, list_all=True, per_page=2))
        assert [event["pgh_obj_id"] for event in frozen] == ids[::-1], frozen
        assert events.retrieve(frozen[0]["pgh_id"]) == frozen[0]
        assert "annotations" in events.bulk_data([frozen[0]["pgh_id"]])[0]["data"]

    def training(self) -> None:
        """Run a training on the agent and follow its job."""
        version = self.one.list_ground_truth_versions()["results"][0]["id"]
        agent = self.one.list_agents()[0].id
        run = {"agent": agent, "action": "train", "params": {"dataset": version, "hyperparameters": [{"epochs": 2}]}}
        job = self.one.run_plugin("detector", run)
        for _ in range(5):
            state = self.one.get_job(job["id"])
        assert state["status"] == "SUCCEEDED", state
        assert self.one.get_model(state["result"]["model_id"])["file"]
        assert any("epoch 2/2" in line for line in self.one.list_job_console_logs(job["id"])["logs"])
        assert any("complete" in line for line in self.one.tail_job_console_logs(job["id"]))
        assert raises(HTTPError, lambda: self.two.jobs.stop(job["id"])).status_code == 409
        self.second_jobs(job["id"])
        assert [job["id"]] == [one["id"] for one in self.one.list_jobs({"status": "SUCCEEDED"})["results"]]

    def second_jobs(self, job: str) -> None:
        """Read the job and its training through the second interface, whose answers have a form."""
        (listed,) = self.two.jobs.list(list_all=True)
        assert str(listed.id) == job, listed
        assert self.two.jobs.retrieve(job).plugin_release.version == "1.0.0"
        assert self.two.jobs.partial_update(job, {"meta": {"queue": {"position": 1}}}).queue.position == 1
        (train,) = self.two.trains.list(list_all=True)
        for filters in ({"dataset": 0}, {"experiment": 7}, {"job__status": "STOPPED"}, {"search": "no such name"}):
            assert self.two.trains.list(**filters).results == [], filters
        assert str(self.two.trains.retrieve(train.id).job.id) == job

    def refusals(self) -> None:
        """Errors are of the SDK's own kinds."""
        raises(NotFoundError, lambda: self.one.get_model(999_999))
        error = raises(RefusedError, lambda: self.one.create_model({"name": "large"}))
        assert "already exists" in str(error), error
        raises(RefusedError, lambda: self.one.list_models(params={"is_active": "maybe"}))
        raises(ValidationError, lambda: self.one.create_model({"name": "x", "is_active": True}))
        stranger = BackendClient(self.url, access_token="wrong")
        assert raises(AuthenticationError, stranger.list_models).status_code == 401
        other = BackendClient(self.url, access_token=self.one.access_token, tenant="other")
        assert raises(HTTPError, other.list_models).status_code == 403
        raises(NotFoundError, lambda: self.two.models.retrieve(999_999))

    STEPS = (models, upload, second_interface, ground_truth, training, refusals)


def document(number: int) -> dict[str, object]:
    """Return an annotation document of the first form."""
    annotation = {"id": f"box{number}", "tool": "bounding_box", "classification": {"class": "car"}}
    place = {"id": f"box{number}", "coordinate": {"x": number, "y": 1, "width": 10, "height": 20}}
    return {
        "annotations": {"image_1": [annotation]},
        "annotationsData": {"image_1": [place]},
        "extra": {},
        "relations": {},
        "annotationGroups": {},
    }


def digest(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(kind: Callable[[str, str, Path], object], folder: Path) -> None:
    """Take the steps of a class, against the server that the command line names."""
    drive = kind(sys.argv[1], sys.argv[2], folder)
    for step in drive.STEPS:
        step(drive)
        print(f"ok  {step.__doc__}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Drive, Path(place))
