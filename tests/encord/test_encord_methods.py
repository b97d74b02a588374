"""Every method of the SDK's client for models is reached by a neutral call; one that a release adds fails here."""

from __future__ import annotations

import inspect

from encord.ml_models_client import MlModelsClient

from dragoman.interface import FACETS

REACHED = {
    "models.create": "create_model",
    "models.get": "get_model",
    "models.list": "list_models",
    "models.update": "update_model",
    "models.delete": "delete_model",
    "training.submit": "create_training_job",
    "training.get": "get_training_status",
    "training.wait": "get_training_status",
    "training.data": "get_training_data",
    "versions.data": "get_training_data",
    "versions.download_weights": "get_weights_download_link",
    "versions.delete": "delete_training_iteration",
    "attachments.attach": "create_model_attachment",
    "attachments.list": "list_model_attachments",
    "attachments.update": "update_model_attachment",
    "attachments.detach": "delete_model_attachment",
    "inference.predict": "predict_classification predict_instance_segmentation predict_object_detection",
}
"""Neutral call to the methods whose work it does, or whose route it uses."""


def test_every_method_of_the_client_is_reached() -> None:
    methods = {name for name, _ in inspect.getmembers(MlModelsClient, inspect.isfunction) if not name.startswith("_")}
    assert {name for named in REACHED.values() for name in named.split()} == methods


def test_every_neutral_call_is_one() -> None:
    from dragoman_encord.adapter import EncordAdapter

    known = {str(operation) for facet in FACETS for operation in facet.operations.values()}
    assert set(REACHED) <= known
    capabilities = EncordAdapter.capabilities()
    assert [name for name in REACHED if not capabilities[name].supported] == []
