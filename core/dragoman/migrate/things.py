"""The few things of a migration on the target: dataset, ontology, model, version and its weights.

Each is looked for before it is made, and is in the ledger before and after. One that was being made when the run ended
is looked for again, so that none is made twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from dragoman.errors import Conflict, NotFound, OutcomeUnknown, Unsupported
from dragoman.fidelity import LossPolicy
from dragoman.migrate.features import FeatureNames
from dragoman.migrate.ledger import Ledger
from dragoman.migrate.scope import ThingKind
from dragoman.migrate.sides import Sides, ontology_of
from dragoman.migrate.states import State
from dragoman.schema import Dataset, Model, Ontology, Version

Made = TypeVar("Made", Dataset, Model, Version)


class Things:
    """Makes what is not there.

    Args:
        sides: Where to find and to make it.
        ledger: Where it is recorded.
        names: The feature map.
        on_loss: What was chosen to be done with what the target does not keep of the ontology.
    """

    def __init__(self, sides: Sides, ledger: Ledger, names: FeatureNames, on_loss: LossPolicy) -> None:
        self._sides = sides
        self._source = sides.source
        self._target = sides.target
        self._ledger = ledger
        self._names = names
        self._on_loss = on_loss

    def dataset(self, ours: Dataset) -> Dataset:
        """Return the target's dataset of that name."""
        datasets = self._target.datasets
        return self._ensure("dataset", lambda: datasets.find(ours.name), lambda: datasets.create(ours.name))

    def ontology(self, ours: Ontology, dataset: Dataset) -> str:
        """Give the target's dataset the features that it lacks, and return the id of its ontology."""
        there = ontology_of(self._target, dataset)
        wanted = self._names.ontology(ours, there, self._target.label_fidelity)
        if there is not None and wanted is None:
            return there.id
        assert wanted is not None
        self._ledger.set_thing("ontology", State.SENT, ours=there is None)
        made = self._created(wanted, dataset)
        self._ledger.set_thing("ontology", State.CONFIRMED, id=made.id, ours=there is None)
        return made.id

    def _created(self, ontology: Ontology, dataset: Dataset) -> Ontology:
        """Create an ontology, without the features of which the target says that it cannot have them."""
        while True:
            try:
                return self._target.ontologies.create(ontology, dataset=dataset, on_loss=self._on_loss)
            except Unsupported as error:
                left = tuple(feature for feature in ontology.features if feature.name != error.field)
                if len(left) == len(ontology.features):
                    raise
                # Rows of it are then refused one by one, with a reason.
                self._ledger.note(f"left out {error.field}", error.message)
                ontology = ontology.model_copy(update={"features": left})

    def model(self, ours: Model) -> Model:
        """Return the target's model of that key."""
        key = ours.key or ours.id

        def make() -> Model:
            return self._target.models.create(
                ours.name,
                task=ours.task or "",
                features=self._names.all(ours.features),
                key=key,
                description=ours.description,
                metadata={**ours.metadata, "source": f"{self._source.name}:{ours.id}"},
            )

        return self._ensure("model", lambda: self._target.models.find(key), make)

    def version(self, ours: Version, model: Model, dataset: Dataset | None) -> Version:
        """Return the target's version of that name, with what it was trained with and the metrics it reached."""

        def make() -> Version:
            return self._target.versions.create(
                model,
                name=ours.name,
                dataset=dataset,
                config=ours.config,
                tags=ours.tags,
                metadata={"source": f"{self._source.name}:{ours.id}"},
            )

        made = self._ensure("version", lambda: self._sides.run_of(model, ours.name), make)
        if ours.metrics and not made.metrics:
            self._keep_metrics(made, ours.metrics)
        return made

    def _keep_metrics(self, version: Version, metrics: Mapping[str, float]) -> None:
        try:
            self._target.versions.update(version, metrics=metrics)
        except Unsupported as error:
            self._ledger.note("metrics left behind", error.message)

    def weights(self, ours: Version, theirs: Version) -> None:
        """Carry the weights over, where the source has some and they were not carried yet."""
        done = self._ledger.thing("weights")
        if done is not None and done.state.settled:
            return
        with tempfile.TemporaryDirectory(prefix="dragoman-") as folder:
            try:
                file = self._source.versions.download_weights(ours, Path(folder) / "weights")
            except NotFound:
                self._ledger.set_thing("weights", State.IGNORED)
                return
            self._ledger.set_thing("weights", State.SENT)
            self._target.versions.upload_weights(theirs, file)
        self._ledger.set_thing("weights", State.CONFIRMED, id=theirs.id)

    def _ensure(self, kind: ThingKind, find: Callable[[], Made | None], make: Callable[[], Made]) -> Made:
        before = self._ledger.thing(kind)
        begun = before is not None and before.state in (State.SENT, State.CONFIRMED) and before.ours
        found = find()
        if before is not None and before.state.settled and (found is None or found.id != before.id):
            raise Conflict(
                f"The {kind} {before.id!r}, which the ledger tells of, is not on the target any more under its name.",
                hint="See that the settings lead to the target of before; to carry all anew, name another ledger.",
                platform=self._target.name,
                operation="migrate.apply",
            )
        if found is not None:
            if before is None or not before.state.settled:
                state = State.CONFIRMED if begun else State.IGNORED
                self._ledger.set_thing(kind, state, id=found.id, ours=begun)
            return found
        self._ledger.set_thing(kind, State.SENT, ours=True)
        try:
            made = make()
        except (OutcomeUnknown, Conflict):
            # Its answer was lost, or that of an earlier attempt was.
            if (lost := find()) is None:
                raise
            made = lost
        self._ledger.set_thing(kind, State.CONFIRMED, id=made.id, ours=True)
        return made
