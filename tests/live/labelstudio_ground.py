"""A Label Studio to move to and from: connected, and filled with the mixed set that migrations move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labelstudio_server import TOKEN
from platforms import DATASET, forms_of, items_in, labels_for, ontology_for, predictions_for
from servers import Server

import dragoman

VERSION = "det-1"


@contextmanager
def connected(server: Server, folder: Path) -> Iterator[Any]:
    """Connect to a running server, whose user is let in; the backend does not sleep."""
    with dragoman.connect("labelstudio", endpoint=server.url, token=TOKEN, folder=folder) as backend:
        backend.sleep = lambda seconds: None
        yield backend


def fill(backend: Any, folder: Path) -> str:
    """Put the mixed set into a new project, with the predictions of a version, and return the project's id."""
    forms = forms_of(backend.label_fidelity)
    dataset = backend.datasets.create(DATASET)
    backend.ontologies.create(ontology_for(forms), dataset=dataset)
    backend.datasets.write_items(items_in(folder), dataset=dataset).raise_for_problems()
    backend.labels.write(labels_for(backend.label_fidelity, forms), dataset=dataset).raise_for_problems()
    rows = predictions_for(forms)
    backend.predictions.write(rows, version=VERSION, dataset=dataset).raise_for_problems()
    return str(dataset.id)
