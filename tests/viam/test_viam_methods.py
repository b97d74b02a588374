"""Every method of the SDK's clients for training and data is reached or left for a reason; a new one fails here."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from viam.app.app_client import AppClient
from viam.app.billing_client import BillingClient
from viam.app.data_client import DataClient
from viam.app.ml_training_client import MLTrainingClient

from dragoman.interface import FACETS
from dragoman_viam.adapter import ViamAdapter
from dragoman_viam.emulator.routes.all import SUBJECTS
from dragoman_viam.messages import modules

REACHED = {
    "training.submit": "MLTrainingClient.submit_training_job MLTrainingClient.submit_custom_training_job",
    "training.get": "MLTrainingClient.get_training_job",
    "training.list": "MLTrainingClient.list_training_jobs",
    "training.cancel": "MLTrainingClient.cancel_training_job",
    "training.delete": "MLTrainingClient.delete_completed_training_job",
    "containers.list": "MLTrainingClient.list_containers",
    "containers.get": "MLTrainingClient.get_container",
    "containers.register": "MLTrainingClient.register_custom_training_container",
    "containers.delete": "MLTrainingClient.delete_custom_training_container",
    "datasets.create": "DataClient.create_dataset",
    "datasets.get": "DataClient.list_dataset_by_ids",
    "datasets.list": "DataClient.list_datasets_by_organization_id",
    "datasets.delete": "DataClient.delete_dataset",
    "datasets.read_items": "DataClient.binary_data_by_filter",
    "datasets.write_items": "DataClient.file_upload_from_path DataClient.file_upload",
    "sets.rename": "DataClient.rename_dataset",
    "sets.merge": "DataClient.merge_datasets",
    "labels.write": "DataClient.add_bounding_box_to_image_by_id",
    "ontologies.get": "DataClient.tags_by_filter DataClient.bounding_box_labels_by_filter",
    "images.find": "DataClient.binary_data_by_filter",
    "images.get": "DataClient.binary_data_by_ids",
    "images.url": "DataClient.create_binary_data_signed_url",
    "images.upload": "DataClient.file_upload",
    "images.join": "DataClient.add_binary_data_to_dataset_by_ids",
    "images.leave": "DataClient.remove_binary_data_from_dataset_by_ids",
    "images.tag": "DataClient.add_tags_to_binary_data_by_ids DataClient.add_tags_to_binary_data_by_filter",
    "images.untag": "DataClient.remove_tags_from_binary_data_by_ids DataClient.remove_tags_from_binary_data_by_filter",
    "images.change_box": "DataClient.update_bounding_box",
    "images.remove_box": "DataClient.remove_bounding_box_from_image_by_id",
    "images.delete": "DataClient.delete_binary_data_by_ids DataClient.delete_binary_data_by_filter",
}
"""Call of ours, of a facet or of an extension of the backend, to the methods whose work it does."""

WITHOUT_A_WRAPPER = {
    "training.logs": "training.GetTrainingJobLogs",
    "containers.supported": "training.ListSupportedContainers",
    "inference.predict": "inference.GetInference",
    "packages.upload": "packages.CreatePackage",
    "packages.get": "packages.GetPackage",
    "packages.list": "packages.ListPackages",
    "packages.delete": "packages.DeletePackage",
}
"""Call of ours to a method on the wire for which the SDK has no method."""

LEFT = {
    "readings of sensors are no images": (
        "DataClient.tabular_data_by_filter DataClient.tabular_data_by_sql DataClient.tabular_data_by_mql "
        "DataClient.get_latest_tabular_data DataClient.export_tabular_data DataClient.delete_tabular_data "
        "DataClient.delete_tabular_data_by_filter DataClient.tabular_data_capture_upload"
    ),
    "captures of a machine's own sensors; images are uploaded as files": (
        "DataClient.binary_data_capture_upload DataClient.streaming_data_capture_upload"
    ),
    "databases, their indexes and pipelines are for readings of sensors": (
        "DataClient.get_database_connection DataClient.configure_database_user DataClient.create_index "
        "DataClient.list_indexes DataClient.delete_index DataClient.get_data_pipeline DataClient.list_data_pipelines "
        "DataClient.create_data_pipeline DataClient.rename_data_pipeline DataClient.delete_data_pipeline "
        "DataClient.list_data_pipeline_runs"
    ),
    "builds a message, which dictionaries do here": "DataClient.create_filter",
    "sequences over time: unwritten": (
        "DataClient.add_sequences_to_dataset DataClient.remove_sequences_from_dataset "
        "DataClient.sequences_by_dataset_id DataClient.get_sequence_binary_data DataClient.create_sequence "
        "DataClient.get_sequence DataClient.update_sequence DataClient.delete_sequence DataClient.list_sequences "
        "DataClient.start_sequence_dataset_export DataClient.get_sequence_dataset_export"
    ),
}
"""Reason to the methods that no call of ours reaches."""


def methods() -> set[str]:
    """All public methods of the SDK's clients for training and data."""
    return {
        f"{kind.__name__}.{name}"
        for kind in (MLTrainingClient, DataClient)
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def declared() -> set[str]:
    return {method for names in (*REACHED.values(), *LEFT.values()) for method in names.split()}


def test_every_method_is_reached_or_left_for_a_reason() -> None:
    assert sorted(methods() - declared()) == [], "the SDK has new methods: reach them, or say why not"


def test_nothing_is_declared_that_the_sdk_no_longer_has() -> None:
    assert sorted(declared() - methods()) == []


def test_nothing_that_is_reached_is_left() -> None:
    reached = {method for names in REACHED.values() for method in names.split()}
    assert not reached & {method for names in LEFT.values() for method in names.split()}


@pytest.mark.parametrize("call", [*REACHED, *WITHOUT_A_WRAPPER])
def test_our_calls_exist_and_are_supported(call: str) -> None:
    group, name = call.split(".")
    if group in {facet.name for facet in FACETS}:
        assert ViamAdapter.capabilities()[call].supported
    else:
        made: Any = getattr(ViamAdapter, group)
        assert callable(getattr(inspect.get_annotations(made.func, eval_str=True)["return"], name))


@pytest.mark.parametrize("name", WITHOUT_A_WRAPPER.values())
def test_what_the_sdk_does_not_wrap_is_on_the_wire(name: str) -> None:
    service, method = name.split(".")
    services = modules()[service].DESCRIPTOR.services_by_name.values()
    assert any(method in described.methods_by_name for described in services)


def test_every_method_of_the_training_service_is_reached() -> None:
    (service,) = modules()["training"].DESCRIPTOR.services_by_name.values()
    wrapped = {"".join(part.title() for part in method.partition(".")[2].split("_")) for method in methods()}
    named = {name.partition(".")[2] for name in WITHOUT_A_WRAPPER.values()}
    assert set(service.methods_by_name) <= wrapped | named


@pytest.mark.parametrize("client", [AppClient, BillingClient, DataClient, MLTrainingClient])
def test_the_emulator_has_every_call_that_the_sdk_makes_of_the_cloud(client: type) -> None:
    made = set(re.findall(r"_client\.([A-Z]\w+)[(.]", inspect.getsource(client)))
    had = {name for subject in SUBJECTS for name in dir(subject) if name[0].isupper()}
    assert len(made) >= sum(not name.startswith("_") for name, _ in inspect.getmembers(client, inspect.isfunction)) / 2
    assert sorted(made - had) == []
