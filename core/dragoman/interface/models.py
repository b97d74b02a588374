"""Models: named things with a task and a fixed list of features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from dragoman.errors import Conflict, InvalidData, OutcomeUnknown
from dragoman.interface.base import Facet, chosen, operation, ref, thing_of
from dragoman.schema import Model, Task
from dragoman.schema.coerce import text

ModelOrder = Literal["name", "created_at"]


def select(models: Iterable[Model], query: str | None, order: str | None) -> list[Model]:
    """Filter and sort as `Models.list` says, for platforms that do neither themselves."""
    found = [model for model in models if query is None or query.casefold() in model.name.casefold()]
    if order is not None:
        # Models without the field come last.
        found.sort(key=lambda model: (getattr(model, order) is None, getattr(model, order)))
    return found


class Models(Facet, name="models"):
    """Create, find, change and delete models."""

    keys_are_unique = True
    """Whether the platform refuses a second model of a key; an adapter says otherwise where it does not."""

    @operation(repeatable=False)
    def create(
        self,
        name: str,
        *,
        task: Task | str,
        features: Sequence[str],
        key: str | None = None,
        description: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> Model:
        """Create a model and return it with the platform's id.

        Args:
            name: Its name.
            task: What it does, such as `"object_detection"`.
            features: Names of the classes that it knows, each once, in the order of its outputs.
            key: Your own reference, unique among your models; the name if not given.
            description: Free text.
            metadata: JSON values kept with it.

        Raises:
            InvalidData: The name is empty, a feature is named twice, or the task is not one.
            Conflict: The platform has a model of that key.
            OutcomeUnknown: The answer was lost and the platform cannot say whether the model exists.
        """
        known = [text(feature, "a feature", "features") for feature in chosen(features, "features") or ()]
        if len(set(known)) != len(known):
            raise InvalidData("A feature is named more than once.", field="features")
        try:
            task = Task(task)
        except ValueError:
            raise InvalidData(
                f"{task!r} is not a task.", hint=f"The tasks are: {', '.join(Task)}.", field="task"
            ) from None
        model = thing_of(
            Model,
            name=name,
            task=task,
            features=tuple(known),
            key=key or name,
            description=description,
            metadata=dict(metadata or {}),
        )
        try:
            return self._call("create", model)
        except OutcomeUnknown:
            return self._settle(model)

    @operation()
    def get(self, model: str | Model) -> Model:
        """Return the model of that id.

        Raises:
            NotFound: There is none.
        """
        return self._call("get", ref(model))

    @operation()
    def list(
        self, *, query: str | None = None, order: ModelOrder | None = None, page_size: int | None = None
    ) -> Iterator[Model]:
        """Iterate over the models, fetching pages as they are needed.

        Args:
            query: Only models whose name contains this text, case ignored.
            order: Sort by this field, ascending; the platform's own order if not given.
            page_size: Models per request.

        Raises:
            InvalidData: Models are not sorted by that.
        """
        if order not in (None, *get_args(ModelOrder)):
            raise InvalidData(
                f"Models are not sorted by {order!r}.", hint=f"By: {', '.join(get_args(ModelOrder))}.", field="order"
            )
        return self._pages("list", query, order, size=page_size)

    @operation()
    def update(
        self,
        model: str | Model,
        *,
        name: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Model:
        """Change the fields that are given and return the model as it is then.

        Raises:
            InvalidData: The name is empty.
            NotFound: There is no such model.
        """
        if name is not None and not text(name, "name", "name"):
            raise InvalidData("A model's name is not empty.", field="name")
        changes = {"name": name, "description": description, "metadata": metadata}
        given = {field: value for field, value in changes.items() if value is not None}
        return self._call("update", ref(model), given)

    @operation()
    def delete(self, model: str | Model) -> None:
        """Delete the model, its versions and their predictions.

        Raises:
            NotFound: There is no such model.
        """
        self._call("delete", ref(model))

    def find(self, key: str) -> Model | None:
        """Return the model with that key, else the first with that name, else None."""
        by_name = None
        for model in self.list():
            if model.key == key:
                return model
            by_name = by_name or (model if model.name == key else None)
        return by_name

    def _settle(self, model: Model) -> Model:
        """Find out whether a lost `create` happened; send it once more if it did not and a second cannot be made."""
        assert model.key is not None
        found = self.find(model.key)
        if found is not None:
            return found
        if not self.keys_are_unique:
            # The first request may still be under way.
            raise OutcomeUnknown(
                f"The answer to the creation of {model.name!r} was lost, and there is no such model yet.",
                hint="Look for it again before you create another.",
                platform=self._adapter.name,
                operation="models.create",
            )
        try:
            return self._call("create", model)
        except Conflict:
            return self.find(model.key) or model
