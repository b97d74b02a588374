"""The conformance kit: pytest classes that a plugin's tests subclass, and that decide what the plugin can do.

A plugin's test module says once how to connect (`Subject`) and is otherwise empty classes:

    class Acme(Subject):
        platform = "acme"

    class TestModels(Acme, BaseModels): pass
    class TestDatasets(Acme, BaseDatasets): pass
    ...

A test whose operations the adapter declares as gaps is skipped, with the gap's reason. A kit test may be replaced with
`@overrides(reason)`; it cannot be removed. See `dragoman.conformance.subject` for what else a subject may say.
"""

import pytest

pytest.register_assert_rewrite(
    *(f"dragoman.conformance.{name}" for name in ("contract", "control", "data", "failures", "fidelity", "jobs"))
)

from dragoman.conformance.contract import BaseContract
from dragoman.conformance.control import BaseModels, BaseVersions
from dragoman.conformance.data import BaseDatasets, BaseLabels, BaseOntologies, BasePredictions
from dragoman.conformance.failures import BaseFailures, BaseSecrets
from dragoman.conformance.fidelity import BaseFidelity
from dragoman.conformance.jobs import (
    BaseAttachments,
    BaseEvaluations,
    BaseHandoff,
    BaseInference,
    BaseTraining,
)
from dragoman.conformance.rules import needs, overrides
from dragoman.conformance.subject import Subject

__all__ = [
    "BaseAttachments",
    "BaseContract",
    "BaseDatasets",
    "BaseEvaluations",
    "BaseFailures",
    "BaseFidelity",
    "BaseHandoff",
    "BaseInference",
    "BaseLabels",
    "BaseModels",
    "BaseOntologies",
    "BasePredictions",
    "BaseSecrets",
    "BaseTraining",
    "BaseVersions",
    "Subject",
    "needs",
    "overrides",
]
