"""Every method of the platform's client for models and ground truth is reached by a call of ours.

The names are those of `MLClientMixin` in its documentation, and of the client as it is installed, which has two more.
"""

from __future__ import annotations

import inspect
import operator

from dragoman.interface import FACETS
from dragoman_synapse.adapter import SynapseAdapter
from dragoman_synapse.catalog import Catalog
from dragoman_synapse.collections import Collections
from dragoman_synapse.deployments import Deployments
from dragoman_synapse.extension import Extension
from dragoman_synapse.performance import Performance
from dragoman_synapse.truths import Truths

METHODS = {
    "list_models": ("models.list", "versions.list", "catalog.list", "catalog.count"),
    "get_model": ("models.get", "versions.get", "versions.download_weights", "catalog.get", "catalog.download"),
    "create_model": ("models.create", "versions.create", "versions.upload_weights", "deployments.create"),
    "list_ground_truth_events": ("truths.events",),
    "list_ground_truth_events_data": ("truths.events",),
    "list_ground_truth_events_files": ("truths.events",),
    "list_ground_truths": ("labels.read", "datasets.read_items", "truths.manifest"),
    "list_ground_truth_versions": ("labels.versions", "truths.versions"),
    "get_ground_truth_version": ("datasets.get", "truths.version"),
    # What the documentation does with them.
    "analyze_model_performance": ("performance.analyse",),
    "compare_models": ("performance.compare",),
    "export_ground_truth_data": ("truths.export",),
    "prepare_training_data": ("truths.split",),
    "deploy_model": ("deployments.create", "deployments.activate", "deployments.deactivate"),
}
"""Method to the calls that do its work."""
EXTENSIONS: tuple[type[Extension], ...] = (Catalog, Truths, Collections, Deployments, Performance)


def test_every_call_is_there() -> None:
    capabilities = SynapseAdapter.capabilities()
    public = {
        f"{kind.name}.{name}"
        for kind in EXTENSIONS
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    named = {call for calls in METHODS.values() for call in calls}
    facets = {call for call in named if call.partition(".")[0] in {facet.name for facet in FACETS}}
    assert [call for call in sorted(facets) if not capabilities[call].supported] == []
    assert named - facets <= public


def test_extensions_stand_beside_the_facets_and_hide_none() -> None:
    names = [kind.name for kind in EXTENSIONS]
    assert not set(names) & {facet.name for facet in FACETS}
    for name in names:
        assert operator.attrgetter(name)(SynapseAdapter) is not None
