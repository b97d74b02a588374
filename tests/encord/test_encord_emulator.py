"""The emulator as the vendor's own SDK meets it, and what it refuses when somebody else asks."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import encord
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from encord.exceptions import (
    AuthenticationError,
    EncordException,
    InvalidArgumentsError,
    PayloadTooLargeError,
    ResourceExistsError,
    ResourceNotFoundError,
    UnknownException,
)
from encord.objects.ml_models import ModelArchitecture, ModelIterationPolicy, ModelsListOrderBy

from dragoman import Item
from dragoman.emulate import Live, ManualClock, running
from dragoman_encord.emulator import create

UNKNOWN = UUID("00000000-0000-4000-8000-000000000000")


@pytest.fixture
def key(emulated: Live[Any]) -> Ed25519PrivateKey:
    """The key that the emulator accepts."""
    loaded = load_ssh_private_key(emulated.credentials["ssh_private_key"].encode(), None)
    assert isinstance(loaded, Ed25519PrivateKey)
    return loaded


def public(key: Ed25519PrivateKey) -> str:
    """A public key in hex."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def signed(key: Ed25519PrivateKey, target: str, *, method: str = "GET", body: bytes = b"") -> dict[str, str]:
    """The headers of a request of the v2 protocol, made here by the contract and not by the SDK."""
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    parameters = f'("@method" "@request-target" "content-digest");created=1;keyid="{public(key)}";alg="ed25519"'
    lines = {
        "@method": method,
        "@request-target": target,
        "content-digest": digest,
        "@signature-params": parameters,
    }
    base = "\n".join(f'"{name}": {value}' for name, value in lines.items())
    signature = base64.b64encode(key.sign(base.encode())).decode()
    return {
        "Content-Digest": digest,
        "Signature-Input": f"encord-sig={parameters}",
        "Signature": f"encord-sig=:{signature}:",
    }


class TestSignatures:
    TARGET = "/v2/public/ml-models?query=a%2Fb%20c"

    def ask(self, emulated: Live[Any], headers: dict[str, str], target: str = TARGET, **request: Any) -> int:
        return requests.get(f"{emulated.url}{target}", headers=headers, timeout=10, **request).status_code

    def test_a_signature_over_exactly_what_is_sent_is_accepted(self, emulated: Live[Any], key: Any) -> None:
        headers = signed(key, self.TARGET)
        assert self.ask(emulated, headers) == 200
        assert self.ask(emulated, headers) == 200

    @pytest.mark.parametrize("name", ["Content-Digest", "Signature-Input", "Signature"])
    def test_each_part_of_it_is_needed(self, emulated: Live[Any], key: Any, name: str) -> None:
        headers = signed(key, self.TARGET)
        del headers[name]
        assert self.ask(emulated, headers) == 401

    def test_another_target_method_body_or_key_is_refused(self, emulated: Live[Any], key: Any) -> None:
        headers = signed(key, self.TARGET)
        assert self.ask(emulated, headers, "/v2/public/ml-models?query=b") == 401
        assert self.ask(emulated, headers, data=b"{}") == 401
        assert self.ask(emulated, signed(key, self.TARGET, method="DELETE")) == 401
        assert self.ask(emulated, signed(Ed25519PrivateKey.generate(), self.TARGET)) == 401
        assert self.ask(emulated, {**headers, "Signature": "encord-sig=:AAAA:"}) == 401
        assert self.ask(emulated, {**headers, "Signature": "encord-sig=:!:"}) == 401

    def test_bearer_tokens_work_in_both_protocols(self, emulated: Live[Any]) -> None:
        emulated.state.tokens.add("token-1")
        client = encord.EncordUserClient.create_with_bearer_token("token-1", domain=emulated.url)
        assert list(client.list_projects()) == []
        with pytest.raises(ResourceNotFoundError):
            client.get_dataset(str(UNKNOWN))
        emulated.state.tokens.clear()
        with pytest.raises(AuthenticationError):
            list(client.list_projects())

    @pytest.mark.parametrize(
        ("authorization", "code"),
        [("", "SSH_KEY_NOT_FOUND_ERROR"), ("{key}:00", "AUTHENTICATION_ERROR"), ("{key}:xx", "AUTHENTICATION_ERROR")],
    )
    def test_the_older_protocol_says_so_in_the_body(
        self, emulated: Live[Any], key: Any, authorization: str, code: str
    ) -> None:
        headers = {"Authorization": authorization.format(key=public(key))}
        answer = requests.post(f"{emulated.url}/public", data=b"{}", headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["response"]) == (200, [code])

    @pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"query_type": "labelrow"}'])
    def test_a_broken_query_is_refused(self, emulated: Live[Any], key: Any, body: bytes) -> None:
        signature = key.sign(hashlib.sha256(body).digest()).hex()
        headers = {"Authorization": f"{public(key)}:{signature}"}
        answer = requests.post(f"{emulated.url}/public", data=body, headers=headers, timeout=10)
        assert answer.json()["response"] == ["INVALID_ARGUMENTS_ERROR"]

    def test_signed_links_need_their_signature(self, emulated: Live[Any]) -> None:
        link = emulated.state.blobs.sign(emulated.url, "x")
        assert requests.get(link, timeout=10).status_code == 404
        assert requests.put(link.partition("?")[0], data=b"x", timeout=10).status_code == 403
        assert requests.put(link, data=b"x", timeout=10).status_code == 200
        assert requests.get(link, timeout=10).content == b"x"

    def test_what_is_not_emulated_is_not_taken_for_a_missing_object(self, emulated: Live[Any], key: Any) -> None:
        assert self.ask(emulated, signed(key, "/v2/public/groups"), "/v2/public/groups") == 501


def make_model(sdk: Any, title: str = "m", features: tuple[str, ...] = ("car",)) -> UUID:
    made = sdk.ml_models.create_model(
        features=list(features), model=ModelArchitecture.FASTER_RCNN, title=title, description=None
    )
    return made.model_group.model_uuid


class TestModels:
    def test_models_are_made_listed_changed_and_deleted(self, sdk: Any, emulated: Live[Any]) -> None:
        emulated.settings.page_limit = 2
        for title in ("b", "a", "c"):
            make_model(sdk, title)
        listed = sdk.ml_models.list_models(order_by=ModelsListOrderBy.TITLE, order_asc=False, query=None)
        assert [model.model_group.title for model in listed] == ["c", "b", "a"]
        found = sdk.ml_models.list_models(order_by=ModelsListOrderBy.CREATED_AT, order_asc=True, query="A")
        (model,) = [model.model_group for model in found]
        changed = sdk.ml_models.update_model(model_uuid=model.model_uuid, title=None, description="d")
        assert (changed.model_group.title, changed.model_group.description) == ("a", "d")
        sdk.ml_models.delete_model(model_uuid=model.model_uuid)
        with pytest.raises(ResourceNotFoundError):
            sdk.ml_models.get_model(model_uuid=model.model_uuid)


@pytest.fixture
def labelled(backend: Any, dataset: Any, emulated: Live[Any]) -> Any:
    """A project with one labelled image; returns the project and its label row."""
    import dragoman

    backend.labels.write([dragoman.Label("a", "car", dragoman.Box(4, 8, 16, 12))], dataset=dataset)
    (project,) = emulated.state.projects.values()
    (row,) = project.rows.values()
    return project, row


def start(sdk: Any, emulated: Live[Any], labelled: Any, model: UUID) -> UUID:
    project, row = labelled
    car = next(
        thing["featureNodeHash"]
        for thing in emulated.state.ontologies[project.ontology].editor["objects"]
        if (thing["name"], thing["shape"]) == ("car", "bounding_box")
    )
    return sdk.ml_models.create_training_job(
        model_uuid=model,
        batch_size=4,
        epochs=2,
        features_mapping={UUID(project.id): {car: ["car"]}},
        labels_uuids=[row.label_hash],
        pretrained_training_uuid=None,
        pretrained_weights_type=None,
    )


class TestTrainings:
    def test_a_training_becomes_an_iteration(self, sdk: Any, emulated: Live[Any], labelled: Any) -> None:
        model = make_model(sdk)
        run = start(sdk, emulated, labelled, model)
        done = sdk.ml_models.get_training_status(model_uuid=model, training_uuid=run, timeout_seconds=1)
        assert (done.training_uuid, done.epochs, done.batch_size) == (run, 2, 4)
        (data,) = sdk.ml_models.get_training_data(model_uuid=model, training_uuid=run)
        assert str(data.label_uuid) == labelled[1].label_hash
        link = sdk.ml_models.get_weights_download_link(model_uuid=model, training_uuid=run)
        assert requests.get(link, timeout=10).ok
        sdk.ml_models.delete_training_iteration(model_uuid=model, training_uuid=run)
        assert sdk.ml_models.get_model(model_uuid=model).model_iterations == []

    def test_pending_is_the_sdks_value_error_and_failure_has_no_reason(
        self, sdk: Any, emulated: Live[Any], labelled: Any
    ) -> None:
        model = make_model(sdk)
        emulated.settings.job_polls = 1
        run = start(sdk, emulated, labelled, model)
        with pytest.raises(ValueError, match="PENDING"):
            sdk.ml_models.get_training_status(model_uuid=model, training_uuid=run, timeout_seconds=0)
        emulated.settings.job_polls = 0
        emulated.state.fail_trainings = True
        run = start(sdk, emulated, labelled, model)
        with pytest.raises(EncordException):
            sdk.ml_models.get_training_status(model_uuid=model, training_uuid=run, timeout_seconds=0)

    def test_a_long_poll_is_held_until_the_training_is_done(self, pictures: list[Item]) -> None:
        import dragoman
        from dragoman.schema import Feature, Ontology

        clock = ManualClock()
        with running(create(clock=clock)) as live:
            live.settings.job_polls = 0
            live.state.training_seconds = 50.0
            backend = dragoman.connect("encord", domain=live.url, **live.credentials)
            dataset = backend.datasets.create("d")
            backend.datasets.write_items(pictures, dataset=dataset)
            features = (Feature(name="car", geometries=("box",)),)
            backend.ontologies.create(Ontology(name="o", features=features), dataset=dataset)
            backend.labels.write([dragoman.Label("a", "car", dragoman.Box(1, 2, 3, 4))], dataset=dataset)
            model = backend.models.create("m", task="object_detection", features=["car"])
            training = backend.training.submit(model, dataset=dataset)
            model_key, run = map(UUID, training.id.split("/"))
            answers: list[Any] = []

            def ask() -> None:
                found = backend.client.ml.get_training_status(
                    model_uuid=model_key, training_uuid=run, timeout_seconds=600
                )
                answers.append(found)

            asking = threading.Thread(target=ask)
            asking.start()
            clock.wait_for_sleepers(1)
            assert backend.training.get(training).status == "running"
            assert answers == []
            clock.advance(50)
            asking.join(timeout=10)
            assert [found.training_uuid for found in answers] == [run]

    @pytest.mark.parametrize("change", [{"batch_size": 0}, {"labels_uuids": []}, {"features_mapping": "unknown"}])
    def test_a_training_that_cannot_be_is_refused(
        self, sdk: Any, emulated: Live[Any], labelled: Any, change: dict[str, Any]
    ) -> None:
        project, row = labelled
        if change.get("features_mapping") == "unknown":
            change = {"features_mapping": {UUID(project.id): {"ffffffff": ["car"]}}}
        arguments = {
            "model_uuid": make_model(sdk),
            "batch_size": 1,
            "epochs": 1,
            "features_mapping": {UUID(project.id): {}},
            "labels_uuids": [row.label_hash],
            "pretrained_training_uuid": None,
            "pretrained_weights_type": None,
        }
        with pytest.raises(InvalidArgumentsError):
            sdk.ml_models.create_training_job(**{**arguments, **change})


class TestInference:
    @pytest.fixture
    def asked(self, sdk: Any, emulated: Live[Any], labelled: Any) -> dict[str, Any]:
        """The arguments of a prediction by an attached model."""
        project, row = labelled
        model = make_model(sdk)
        run = start(sdk, emulated, labelled, model)
        sdk.ml_models.get_training_status(model_uuid=model, training_uuid=run, timeout_seconds=0)
        car = next(iter(emulated.state.models[str(model)].trainings.values())).features_mapping[project.id]
        made = sdk.ml_models.create_model_attachment(
            project_uuid=UUID(project.id),
            features_mapping={"car": next(iter(car))},
            iteration_policy=ModelIterationPolicy.USE_LATEST,
            model_uuid=model,
            training_uuids=None,
        )
        return {
            "project_uuid": UUID(project.id),
            "project_model_uuid": made.project_model.project_model_uuid,
            "training_uuid": run,
            "data_uuid": UUID(row.data_hash),
            "data_path": None,
            "frame_range_from": None,
            "frame_range_to": None,
            "allocation_enabled": False,
            "conf_thresh": 0.0,
            "iou_thresh": 0.5,
        }

    def test_an_answer_is_the_same_every_time(self, sdk: Any, asked: dict[str, Any]) -> None:
        first, second = (sdk.ml_models.predict_object_detection(**asked) for _ in range(2))
        assert first[0][0].bounding_box == second[0][0].bounding_box
        assert first[0][0].confidence == second[0][0].confidence
        strict = {**asked, "conf_thresh": 1.0}
        assert sdk.ml_models.predict_object_detection(**strict) == {0: []}

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"data_uuid": None}, InvalidArgumentsError),
            ({"conf_thresh": 7.0}, InvalidArgumentsError),
            ({"training_uuid": UNKNOWN}, ResourceNotFoundError),
            ({"data_uuid": UNKNOWN}, ResourceNotFoundError),
        ],
    )
    def test_what_cannot_be_asked_is_refused(self, sdk: Any, asked: Any, change: Any, refusal: type) -> None:
        with pytest.raises(refusal):
            sdk.ml_models.predict_object_detection(**{**asked, **change})

    def test_another_task_is_refused(self, sdk: Any, asked: dict[str, Any]) -> None:
        with pytest.raises(InvalidArgumentsError, match="objectDetection"):
            sdk.ml_models.predict_instance_segmentation(**asked, rdp_thresh=None)

    def test_a_file_that_nobody_labelled_shows_nothing(self, sdk: Any, asked: Any, tmp_path: Path) -> None:
        path = tmp_path / "other.png"
        path.write_bytes(b"other")
        assert sdk.ml_models.predict_object_detection(**{**asked, "data_uuid": None, "data_path": path}) == {0: []}


class TestLabelRows:
    def test_a_row_is_made_once(self, sdk: Any, labelled: Any) -> None:
        project, row = labelled
        client = sdk.get_project(project.id)._client
        with pytest.raises(ResourceExistsError):
            client.create_label_rows([row.data_hash])

    def test_what_the_ontology_lacks_is_refused_and_nothing_is_saved(
        self, sdk: Any, labelled: Any, emulated: Live[Any]
    ) -> None:
        project, row = labelled
        client = sdk.get_project(project.id)._client
        (content,) = client.get_label_rows([row.label_hash], get_signed_url=False)
        before = json.dumps(row.units)
        (entry,) = content["data_units"][row.data_hash]["labels"]["objects"]
        entry["featureHash"] = "ffffffff"
        with pytest.raises(EncordException):
            client.save_label_rows([row.label_hash], [content])
        assert json.dumps(row.units) == before

    def test_branches_hold_labels_of_their_own(self, sdk: Any, labelled: Any) -> None:
        project = sdk.get_project(labelled[0].id)
        assert list(project.list_branches()) == ["main"]
        (row,) = (row for row in project.list_label_rows_v2(branch_name="other") if row.data_title == "a")
        row.initialise_labels()
        assert row.get_object_instances() == []
        row.save()
        assert list(project.list_branches()) == ["main", "other"]
        assert project.copy_labels_to_branch("third") == 1

    def test_a_body_beyond_the_limit_is_413(self, sdk: Any, labelled: Any, emulated: Live[Any]) -> None:
        emulated.state.body_limit = 10
        with pytest.raises(PayloadTooLargeError):
            make_model(sdk)


class TestStorage:
    def test_an_image_group_has_a_row_over_its_images(self, sdk: Any, backend: Any, pictures: list[Item]) -> None:
        import dragoman
        from dragoman.schema import Feature, Ontology

        dataset = backend.datasets.create("groups")
        folder = sdk.get_storage_folder(sdk.get_dataset(dataset.id).backing_folder_uuid)
        folder.create_image_group([item.uri for item in pictures], title="pair")
        (item,) = backend.datasets.read_items(dataset)
        assert (item.key, item.media, item.frames) == ("pair", "img_group", 2)
        features = (Feature(name="car", geometries=("box",)),)
        backend.ontologies.create(Ontology(name="o", features=features), dataset=dataset)
        rows = [dragoman.Label("pair", "car", dragoman.Box(n, 2, 3, 4), frame=n, track_id="t") for n in (0, 1)]
        assert backend.labels.write(rows, dataset=dataset).counts == {"created": 2}
        read = {row.id: (row.geometry, row.frame, row.track_id) for row in backend.labels.read(dataset)}
        assert read == {row.id: (row.geometry, row.frame, row.track_id) for row in rows}
        held = sdk.get_project(backend.projects.of(dataset.id)).list_label_rows_v2()[0]
        held.initialise_labels()
        (thing,) = held.get_object_instances()
        assert [annotation.frame for annotation in thing.get_annotations()] == [0, 1]

    def test_items_are_listed_patched_and_deleted(self, sdk: Any, backend: Any, dataset: Any) -> None:
        folder = sdk.get_storage_folder(sdk.get_dataset(dataset.id).backing_folder_uuid)
        items = list(folder.list_items(page_size=1, get_signed_urls=True))
        assert [item.name for item in items] == ["a", "b", "clip"]
        assert sdk.get_storage_item(items[0].uuid, sign_url=True).get_signed_url()
        folder.delete_storage_items([items[0].uuid])
        assert [item.key for item in backend.datasets.read_items(dataset)] == ["b", "clip"]

    def test_linking_twice_is_as_the_client_says(self, sdk: Any, backend: Any, dataset: Any) -> None:
        from encord.orm.dataset import DataLinkDuplicatesBehavior as Behaviour

        held = sdk.get_dataset(dataset.id)
        item = held.data_rows[0].backing_item_uuid
        assert held.link_items([item]) == []
        with pytest.raises(ResourceExistsError):
            held.link_items([item], duplicates_behavior=Behaviour.FAIL)
        assert len(held.link_items([item], duplicates_behavior=Behaviour.DUPLICATE)) == 1

    def test_kinds_that_are_not_emulated_are_refused(self, sdk: Any, backend: Any, dataset: Any) -> None:
        from encord.orm.storage import DataUploadItems, DataUploadPDF

        folder = sdk.get_storage_folder(sdk.get_dataset(dataset.id).backing_folder_uuid)
        pages = DataUploadItems(pdf=[DataUploadPDF(object_url="https://example.com/x.pdf")])
        with pytest.raises(UnknownException):
            folder.add_private_data_to_folder_start(sdk.get_cloud_integrations()[0].id, pages)


def test_it_is_served_from_the_command_line() -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "dragoman", "emulate", "encord", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        client = encord.EncordUserClient.create_with_ssh_private_key(
            announced["credentials"]["ssh_private_key"], domain=announced["url"]
        )
        assert list(client.list_projects()) == []
        process.terminate()
