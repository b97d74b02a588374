"""Drives the parts of the platform's real client that its models and ground truth do not need. Not a test of pytest's.

    python backend.py <address of a served emulator> <access token>

Data, annotation, assignments, plugins, jobs, logs and storages, as the client's own docstrings use them. The emulator
must hold two tags and one assignment: the client can make neither. See `drive.py`, which is run in the same way.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

from drive import PNG, document, main, raises
from synapse_sdk.clients.backend import BackendClient, JobStatus, Storage
from synapse_sdk.clients.backend_v2 import BackendClientV2
from synapse_sdk.exceptions import NotFoundError
from synapse_sdk.exceptions import ValidationError as RefusedError
from synapse_sdk.loggers import JobLogger
from synapse_sdk.plugins.actions.export.handlers import TargetHandlerFactory
from synapse_sdk.utils.storage import BackendSessionProvider

NOWHERE = 999_999


class Drive:
    """The steps, in order."""

    def __init__(self, url: str, token: str, folder: Path) -> None:
        self.folder = folder
        self.client = BackendClient(url, access_token=token, tenant="home")
        self.second = second = BackendClientV2(url, access_token=token, allow_insecure=True)
        wanted = [{"name": "image_1", "file_type": "image", "is_primary": True}]
        form = {"name": "street", "category": "image", "file_specifications": wanted}
        self.collection = second.data_collections.create(form).id
        dataset = second.ground_truth_datasets.create({"name": "reviewed"}).id
        self.project = second.ground_truth_datasets.retrieve(dataset).project_id
        self.versions = second.ground_truth_datasets.versions(dataset)

    def pictures(self, count: int) -> list[Path]:
        """Write pictures, no two of them alike."""
        paths = [self.folder / f"straße-{number}.png" for number in range(count)]
        for number, path in enumerate(paths):
            path.write_bytes(PNG + bytes([number]))
        return paths

    def files(self) -> None:
        """Send files whole, in chunks and in bulk; one that is there already is found by either checksum."""
        one, *others = self.pictures(6)
        seen: list[tuple[int, int]] = []
        size = one.stat().st_size
        sent = self.client.create_chunked_upload(one, chunk_size=50, on_progress=lambda *done: seen.append(done))
        assert seen == [(50, size), (size, size)], seen
        assert self.client.get_chunked_upload(sent["id"])["completed_at"]
        made = [self.client.create_data_file(one, use_chunked_upload=chunked)["checksum"] for chunked in (True, False)]
        assert made[0] == made[1], made
        bulk = self.client.upload_files_bulk(others, batch_size=2, max_workers=2)
        assert (bulk.created_count, {one.file_key for one in bulk.results}) == (5, {str(path) for path in others}), bulk
        asked = [made[0], bulk.results[0].checksum, "no checksum"]
        assert self.client.verify_data_files_checksums(asked)["existing_checksums"] == asked[:2]
        empty = self.folder / "empty.bin"
        empty.touch()
        raises(RefusedError, lambda: self.client.create_chunked_upload(empty))

    def presigned(self) -> None:
        """A large file goes to the storage in parts; what is not there, or is something else, is not confirmed."""
        whole = self.client.upload_files_bulk(self.pictures(1), strategy="presigned").results[0]
        assert whole.success, whole
        (place,) = self.client.request_presigned_upload([{"filename": "a.bin", "size": 5}]).files
        claimed = {"file_key": place.file_key, "checksum": whole.checksum, "size": 5}
        assert "not in the storage" in self.client.confirm_presigned_upload([claimed]).results[0].error
        path = self.folder / "a.bin"
        path.write_bytes(b"12345")
        sent = self.client.upload_file_to_presigned_url(place.presigned_url, path)
        assert self.client.confirm_presigned_upload([claimed]).failed_count == 1
        assert self.client.confirm_presigned_upload([claimed | {"checksum": sent.checksum}]).created_count == 1

    def collections(self) -> None:
        """List, change and delete data collections; a specification keeps its id as long as its name."""
        second = self.second.data_collections
        wanted = [{"name": "image_1", "file_type": "image"}, {"name": "data_meta_1", "file_type": "data"}]
        made = second.create({"name": "other", "category": "image", "file_specifications": wanted})
        assert [one.name for one in second.list(list_all=True, per_page=1)] == ["street", "other"]
        assert second.list(category="video").results == []
        changed = second.partial_update(made.id, {"description": "d", "file_specifications": wanted[:1]})
        assert changed.file_specifications == made.file_specifications[:1], changed
        assert second.update(made.id, {"name": "renamed", "category": "video"}).category == "video"
        assert second.retrieve(made.id) == second.retrieve(made.id)
        second.destroy(made.id)
        raises(NotFoundError, lambda: second.retrieve(made.id))
        raises(NotFoundError, lambda: self.client.get_data_collection(made.id))

    def units(self) -> None:
        """Fill a collection and a project in one call, and list what is in it, with its files."""
        assert self.client.get_data_collection(self.collection)["file_specifications"][0]["name"] == "image_1"
        data = [{"files": {"image_1": path}, "meta": {"n": 1}, "groups": ["a", "b"]} for path in self.pictures(3)]
        self.client.upload_data_collection(self.collection, data, project_id=self.project, batch_size=2, max_workers=2)
        found, count = self.client.list_data_units({"data_collection": self.collection}, list_all=True, page_size=2)
        units = list(found)
        assert (len(units), count) == (3, 3), units
        assert units[0]["files"]["image_1"]["path"].read_bytes().startswith(PNG)
        unit = self.client.get_data_unit(units[0]["id"], params={"expand": "files"})
        assert (unit["groups"], unit["files"]["image_1"]["is_primary"]) == (["a", "b"], True), unit
        raises(NotFoundError, lambda: self.client.get_data_unit(NOWHERE))
        half = [{"data_collection": self.collection, "files": {}}, {"data_collection": NOWHERE, "files": {}}]
        raises(RefusedError, lambda: self.client.create_data_units(half))
        assert self.client.list_data_units()["count"] == 4

    def second_units(self) -> None:
        """Make data units of files through the second interface; those that are there already are taken again."""
        units = self.second.data_units
        wanted = [{"name": "image_1", "file_type": "image", "is_required": True}]
        form = {"name": "new", "category": "image", "file_specifications": wanted}
        collection = self.second.data_collections.create(form).id
        sums = [self.client.create_data_file(path)["checksum"] for path in self.pictures(2)]
        files = [{"files": {"image_1": {"checksum": one, "path": "a.png"}}, "meta": {"n": 0}} for one in sums]
        wanted = {"data_collection": collection, "units": [*files, files[0]]}
        assert units.bulk_create(wanted, dry_run=True)["created_count"] == 2
        made = units.bulk_create(wanted)
        assert (made["created_count"], made["reused_count"]) == (2, 1), made
        ids = [unit.id for unit in units.list(data_collection=collection, list_all=True, per_page=1)]
        assert [result["data_unit_id"] for result in made["results"]] == [*ids, ids[0]], made
        assert self.client.get_data_unit(ids[0])["files"]["image_1"]["url"]
        for wrong in ({}, {"image_2": files[0]["files"]["image_1"]}, {"image_1": {"checksum": "none", "path": "a"}}):
            form = {"data_collection": collection, "units": [{"files": wrong}]}
            raises(RefusedError, lambda form=form: units.bulk_create(form))
        bare = units.create({"data_collection": collection, "meta": {"a": 1}})
        assert units.partial_update(bare.id, {"meta": {"a": 0}}).meta == units.retrieve(bare.id).meta == {"a": 0}
        units.destroy(bare.id)
        raises(NotFoundError, lambda: units.retrieve(bare.id))
        self.second.data_collections.destroy(collection)
        raises(NotFoundError, lambda: self.client.get_data_unit(ids[0]))

    def tasks(self) -> None:
        """Annotate many tasks at once, and list them in every view, filtered, ordered and page by page."""
        found, count = self.client.list_tasks({"project": self.project, "fields": "id", "page_size": 2}, list_all=True)
        ids = [task["id"] for task in found]
        assert len(ids) == count == 3, ids
        work = [{"task_id": key, "data": {"action": "submit", "data": document(key)}} for key in [*ids, NOWHERE]]
        done = self.client.annotate_task_data_batch(work, max_workers=2)
        assert {key for key, result in done.items() if not result["success"]} == {NOWHERE}, done
        raises(RefusedError, lambda: self.client.annotate_task_data(ids[0], {"action": "submit", "data": {"x": 1}}))
        task = self.client.get_task(ids[0], params={"fields": "id,data,data_unit", "expand": "data_unit"})
        assert (set(task), task["data"]) == ({"id", "data", "data_unit"}, document(ids[0])), task
        assert task["data_unit"]["files"]["image_1"]["url"]
        mine = {"project": self.project}
        assert set(next(self.client.list_tasks_data(mine, list_all=True)[0])) == {"id", "data"}
        assert next(self.client.list_tasks_files(mine, list_all=True)[0])["files"][0]["name"] == "image_1"
        cursor = {**mine, "pagination": "cursor", "ordering": "-id", "page_size": 2}
        assert [task["id"] for task in self.client.list_tasks(cursor, list_all=True)[0]] == ids[::-1]
        for filters, left in (({"id__in": ids[:2]}, 2), ({"ids_ex": ids[0], **mine}, 2), ({"project": NOWHERE}, 0)):
            assert self.client.list_tasks(filters)["count"] == left, filters

    def second_tasks(self) -> None:
        """Make a project with tasks through the second interface, and annotate, fetch, change and delete these."""
        projects, tasks = self.second.projects, self.second.tasks
        form = {"title": "new", "category": "image", "data_collection": self.collection, "configuration": {"a": 1}}
        made = projects.create(form)
        assert self.client.get_project(made.id)["configuration"] == made.configuration == {"a": 1}, made
        units = [unit["id"] for unit in self.client.list_data_units({"data_collection": self.collection})["results"]]
        first = tasks.create({"project": made.id, "data_unit": units[0]})
        many = {"project": made.id, "data_unit_ids": units}
        assert tasks.bulk_create(many) == {"created_count": len(units) - 1, "skipped_count": 1}
        raises(RefusedError, lambda: tasks.bulk_create({**many, "data_unit_ids": [NOWHERE]}))
        ids = [task.id for task in tasks.list(project=made.id, list_all=True, per_page=2)]
        assert [task["id"] for task in tasks.bulk_fetch([*ids[::-1], NOWHERE])] == ids[::-1]
        tasks.annotate_task_data(first.id, action="save", data=document(1))
        assert [task.id for task in tasks.list(project=made.id, has_data=True).results] == [first.id]
        assert tasks.partial_update(first.id, {"meta": {"n": 0}}).meta == {"n": 0}
        tasks.destroy(first.id)
        raises(NotFoundError, lambda: self.client.get_task(first.id))
        assert projects.partial_update(made.id, {"title": "renamed"}).task_count == len(units) - 1
        assert [project.id for project in projects.list(data_collection=self.collection).results] == [made.id]
        projects.destroy(made.id)
        raises(NotFoundError, lambda: projects.retrieve(made.id))
        assert self.client.list_tasks({"project": made.id})["count"] == 0
        assert self.second.tenants.retrieve(self.second.tenants.list().results[0].code).code == "home"

    def tags(self) -> None:
        """Put tags on tasks and on assignments, and take them off."""
        first, second = [tag["id"] for tag in self.client.list_task_tags()["results"]]
        assert self.client.get_task_tag(first)["name"] == "unclear"
        ids = [task["id"] for task in self.client.list_tasks()["results"]]
        self.client.set_tags_tasks({"ids": ids[:2], "tags": [first, second]})
        self.client.set_tags_tasks({"ids": ids[:1], "tags": [first], "action": "remove"})
        assert self.client.get_task(ids[0])["tags"] == [second]
        assert [task["id"] for task in self.client.list_tasks({"tags": first})["results"]] == ids[1:2]
        (held,) = self.client.list_assignments()["results"]
        self.client.set_tags_assignments({"ids": [held["id"]], "tags": [first], "action": "add"})
        assert self.client.get_assignment(held["id"])["tags"] == [first]
        raises(RefusedError, lambda: self.client.set_tags_tasks({"ids": [ids[0], NOWHERE], "tags": [first]}))
        raises(NotFoundError, lambda: self.client.get_task_tag(NOWHERE))

    def exports(self) -> None:
        """The SDK's own export takes tasks, assignments and ground truth, each with the original file."""
        (held,) = self.client.list_assignments()["results"]
        version = self.versions.create({"version": "1"}).id
        wanted = {
            "task": ({"project": self.project}, 3),
            "assignment": ({"project": held["project"]}, 1),
            "ground_truth": ({"ground_truth_dataset_version": version}, 3),
        }
        for kind, (filters, count) in wanted.items():
            handler = TargetHandlerFactory.get_handler(kind)
            handler.validate_filter(dict(filters), self.client)
            rows, found = handler.get_results(self.client, dict(filters))
            items = list(handler.get_export_item(rows))
            assert len(items) == found == count, (kind, items)
            assert all(item["files"]["url"] and item["data"] for item in items), (kind, items)

    def plugins(self) -> None:
        """Publish a plugin as an archive, and find its releases by every name."""
        (agent,) = self.client.list_agents()
        assert agent.is_connected
        assert self.client.health_check_agent(agent.token)["id"] == agent.id
        made = self.client.create_plugin({"name": "Tracker", "code": "tracker", "category": "neural_net"})
        assert self.client.update_plugin(made["id"], {"name": "Tracker 2"})["name"] == "Tracker 2"
        archive = self.folder / "tracker.zip"
        archive.write_bytes(b"PK")
        facts = {"config": {"actions": {"track": {}}}, "requirements": ["x", "y"], "debug": True}
        given = {"plugin": "tracker", "version": "0.1", **facts}
        release = self.client.create_plugin_release(given, file=archive)
        assert {name: release[name] for name in facts} == facts, release
        assert "already exists" in str(raises(RefusedError, lambda: self.client.create_plugin_release(given)))
        assert [one["id"] for one in self.client.list_plugin_releases("tracker")] == [release["id"]]
        assert self.client.get_plugin_release(release["id"])["plugin"]["code"] == "tracker"
        assert self.client.get_plugin_release_by_lookup("tracker@0.1")["id"] == release["id"]
        raises(NotFoundError, lambda: self.client.get_plugin_release_by_lookup("a/b@1"))
        job = self.client.run_plugin("tracker", {"agent": agent.id, "action": "track"})["id"]
        assert self.client.get_job(job)["status"] == "PENDING"
        assert self.client.update_job(job, {"status": "RUNNING"})["is_active"]

    def jobs(self) -> None:
        """Do to a job what a running plugin does: report, log, attach a picture, and announce what it serves."""
        agent = self.client.list_agents()[0].id
        run = {"agent": agent, "action": "deployment", "version": "1.0.0"}
        job = self.client.run_plugin("detector", run)["id"]
        logger = JobLogger(self.client, job)
        logger.info("hello")
        logger.set_progress(1, 10, step="train")
        logger.finish()
        assert "hello" in self.client.list_job_console_logs(job)["logs"]
        assert self.client.get_job(job)["progress_record"]["record"]["steps"]["train"]["percent"] == 10
        queue = {"meta": {"queue": {"position": 3}}, "console_logs": [{"message": "waiting"}]}
        assert self.client.update_job(job, queue)["meta"] == queue["meta"]
        assert any("waiting" in line for line in self.client.tail_job_console_logs(job))
        self.job_logs(job)
        self.client.update_job(job, {"status": JobStatus.SUCCEEDED, "result": {"ok": True}})
        assert self.client.get_job(job)["result"] == {"ok": True}
        log = self.client.create_logs({"message": "seen", "file": str(self.pictures(1)[0])})
        with urlopen(log["file"]) as file:
            assert file.read().startswith(PNG)
        served = self.client.create_serve_application({"job": job, "status": "RUNNING", "data": {"name": "app"}})
        wanted = {"plugin_code": "detector", "job__agent": agent}
        assert self.client.list_serve_applications(wanted)["results"] == [served]
        raises(NotFoundError, lambda: list(self.client.tail_job_console_logs("none")))

    def job_logs(self, job: str) -> None:
        """Send log entries of a job through the second interface, and find them there among those of the first."""
        known = [log.id for log in self.second.job_logs.list(job=job, list_all=True, per_page=1)]
        entry = {"event": "epoch", "level": "success", "data": {"message": "done"}, "datetime": datetime.now(UTC)}
        made = self.second.jobs.create_log(job, entry)
        self.second.jobs.create_logs_bulk(job, {"logs": [entry, entry]})
        found = self.second.job_logs.retrieve(made["id"])
        assert (found.event, found.level, found.data, str(found.job_id)) == ("epoch", "success", entry["data"], job)
        assert len(self.second.job_logs.list(event="epoch", level="success").results) == 3
        assert len(self.second.job_logs.list(job=job).results) == len(known) + 3
        raises(NotFoundError, lambda: self.second.job_logs.retrieve(NOWHERE))

    def storages(self) -> None:
        """The configuration of a storage is shown to who asks for it."""
        default = self.client.get_default_storage()
        found = self.client.get_storage(default["id"])
        assert isinstance(found, Storage)
        assert (found.is_default, "configuration" in default, bool(found.configuration)) == (True, False, True)
        session = BackendSessionProvider(self.client).open(default["id"], purpose="write")
        assert (session.provider, session.purpose) == ("amazon_s3", "write")
        raises(NotFoundError, lambda: BackendSessionProvider(self.client).open(NOWHERE))

    STEPS = (
        files,
        presigned,
        collections,
        units,
        second_units,
        tasks,
        second_tasks,
        tags,
        exports,
        plugins,
        jobs,
        storages,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Drive, Path(place))
