"""Encord behind the facets."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from dragoman.adapter import Adapter, facet
from dragoman.calls.limits import Limits
from dragoman.capability import Gap
from dragoman.errors import Conflict, NotFound
from dragoman.interface import Evaluations
from dragoman_encord.attachments import EncordAttachments
from dragoman_encord.datasets import EncordDatasets
from dragoman_encord.errors import ERRORS
from dragoman_encord.fidelity import DATASETS, LABELS, PREDICTIONS, READ
from dragoman_encord.handoff import EncordHandoff
from dragoman_encord.inference import EncordInference
from dragoman_encord.labels import EncordLabels
from dragoman_encord.models import EncordModels
from dragoman_encord.ontologies import EncordOntologies
from dragoman_encord.places import Place
from dragoman_encord.predictions import EncordPredictions
from dragoman_encord.projects import Projects
from dragoman_encord.sdk import open_client
from dragoman_encord.settings import EncordSettings
from dragoman_encord.training import EncordTrainings
from dragoman_encord.versions import EncordVersions


class EncordEvaluations(Evaluations):
    """The core evaluates; Encord has no evaluation of its own in its SDK."""

    _get = Gap.impossible("Encord's SDK knows no evaluations.", instead="evaluations.evaluate")


class EncordAdapter(Adapter):
    """Encord through its own SDK."""

    name = "encord"
    errors = ERRORS
    limits = Limits(batch_size=5000, page_size=250)
    label_fidelity = LABELS
    prediction_fidelity = PREDICTIONS
    dataset_fidelity = DATASETS
    label_reading = READ
    prediction_reading = READ
    settings: EncordSettings

    models = facet(EncordModels)
    versions = facet(EncordVersions)
    training = facet(EncordTrainings)
    inference = facet(EncordInference)
    predictions = facet(EncordPredictions)
    evaluations = facet(EncordEvaluations)
    attachments = facet(EncordAttachments)
    datasets = facet(EncordDatasets)
    labels = facet(EncordLabels)
    ontologies = facet(EncordOntologies)
    handoff = facet(EncordHandoff)

    @cached_property
    def client(self) -> Any:
        """The SDK's clients."""
        settings = self.settings
        password = settings.ssh_key_password.get_secret_value() if settings.ssh_key_password else None
        return open_client(settings.ssh_private_key.get_secret_value(), password, settings.domain, settings.timeout)

    @cached_property
    def projects(self) -> Projects:
        """The projects that hold the labels of datasets."""
        return Projects(self.client, self.settings.project)

    @cached_property
    def listings(self) -> dict[tuple[str, str], dict[str, Place]]:
        """The data of datasets with their label rows on branches, as last listed."""
        return {}

    @cached_property
    def integration(self) -> str:
        """The cloud integration through which URLs are registered.

        Raises:
            NotFound: The account has none.
            Conflict: It has several and the settings name none of them.
        """
        if self.settings.integration:
            return self.settings.integration
        found = self.client.user.get_cloud_integrations()
        if not found:
            raise NotFound("The account has no cloud integration, and items with URLs need one.")
        if len(found) > 1:
            named = ", ".join(f"{one.title} ({one.id})" for one in found)
            raise Conflict(f"There are several cloud integrations: {named}.", hint="Set `integration` to one.")
        return str(found[0].id)

    def now(self) -> datetime:
        """Return the time that written labels are stamped with."""
        return datetime.now(UTC)
