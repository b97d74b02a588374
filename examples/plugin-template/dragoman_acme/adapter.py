"""Acme behind the facets: which there are, and which are gaps."""

import httpx

from dragoman import Adapter, Gap, facet, interface
from dragoman.calls.limits import Limits
from dragoman_acme.codec import ROWS
from dragoman_acme.datasets import AcmeDatasets
from dragoman_acme.errors import ERRORS
from dragoman_acme.labels import AcmeLabels

NO_MODELS = Gap.impossible("Acme knows pictures and marks, and no models.")


class AcmeAdapter(Adapter):
    """Acme over HTTP."""

    name = "acme"
    errors = ERRORS
    limits = Limits(batch_size=100, page_size=50)
    label_fidelity = ROWS

    models = facet(interface.Models, gap=NO_MODELS)
    versions = facet(interface.Versions, gap=NO_MODELS)
    training = facet(interface.Trainings, gap=NO_MODELS)
    inference = facet(interface.Inference, gap=NO_MODELS)
    predictions = facet(interface.Predictions, gap=NO_MODELS)
    evaluations = facet(interface.Evaluations, gap=NO_MODELS)
    attachments = facet(interface.Attachments, gap=NO_MODELS)
    datasets = facet(AcmeDatasets)
    labels = facet(AcmeLabels)
    ontologies = facet(interface.Ontologies, gap=Gap.impossible("Acme takes any name for a mark."))
    handoff = facet(interface.Handoff, gap=Gap.impossible("Nobody annotates on Acme."))

    def __init__(self, settings, hooks):
        super().__init__(settings, hooks)
        headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
        self.client = httpx.Client(base_url=settings.endpoint, headers=headers)

    def request(self, method: str, path: str, **options):
        """Send a request and return the JSON of its answer."""
        return self.client.request(method, path, **options).raise_for_status().json()

    def close(self) -> None:
        """Close the connection pool."""
        self.client.close()
