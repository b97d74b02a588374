"""MLflow's model registry, as far as it is used: its calls, and none of their meaning."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.errors import NotFound, Unsupported
from dragoman_mlflow.client import MlflowClient, MlflowRefused
from dragoman_mlflow.codec import Place
from dragoman_mlflow.pages import MOST, Listed, every, listed
from dragoman_mlflow.tags import Json


class Registry:
    """Registered models and model versions.

    Args:
        client: Sends the requests.
    """

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    # -- registered models -----------------------------------------------------------------------------------------

    def model(self, name: str) -> Json:
        """Return a registered model."""
        found: Json = self._client.get("registered-models/get", name=name)["registered_model"]
        return found

    def models(self, token: str | None, size: int) -> Listed:
        """Return a page of the registered models, by name."""
        params = {"max_results": min(size, MOST), **({"page_token": token} if token else {})}
        return listed(self._client.get("registered-models/search", **params), "registered_models")

    def create_model(self, name: str, description: str, tags: list[Json]) -> Json:
        """Register a model."""
        body = {"name": name, "description": description, "tags": tags}
        made: Json = self._client.post("registered-models/create", **body)["registered_model"]
        return made

    def describe_model(self, name: str, description: str) -> None:
        """Change the description of a registered model."""
        self._client.patch("registered-models/update", name=name, description=description)

    def tag_model(self, name: str, tags: list[Json]) -> None:
        """Set tags of a registered model, one request for each."""
        for tag in tags:
            self._client.post("registered-models/set-tag", name=name, **tag)

    def delete_model(self, name: str) -> None:
        """Delete a registered model with its versions."""
        self._client.delete("registered-models/delete", name=name)

    # -- model versions --------------------------------------------------------------------------------------------

    def version(self, place: Place) -> Json:
        """Return a model version, by its number or by an alias.

        Raises:
            NotFound: Nothing has the alias.
        """
        if place.alias is not None:
            return self._aliased(place.model, place.alias)
        answer = self._client.get("model-versions/get", name=place.model, version=place.number)
        found: Json = answer["model_version"]
        return found

    def _aliased(self, model: str, alias: str) -> Json:
        try:
            answer = self._client.get("registered-models/alias", name=model, alias=alias)
        except MlflowRefused as refusal:
            # An unknown alias is a bad value to MLflow.
            if refusal.code != "INVALID_PARAMETER_VALUE":
                raise
            raise NotFound(f"The model {model} has no version with the alias {alias!r}.") from refusal
        found: Json = answer["model_version"]
        return found

    def versions(self, model: str, token: str | None, size: int) -> Listed:
        """Return a page of the versions of a model, the oldest first."""
        return self._found(f"name = {_quoted(model)}", token, size, "version_number ASC")

    def all_versions(self, model: str) -> Iterator[Json]:
        """Yield the versions of a model, the oldest first."""
        return every(lambda token: self.versions(model, token, MOST))

    def versions_of_runs(self, runs: list[str]) -> dict[str, Json]:
        """Return the newest model version that was registered of each run that has one."""
        if not runs:
            return {}
        chosen = f"run_id IN ({', '.join(map(_quoted, runs))})"
        found = every(lambda token: self._found(chosen, token, MOST, "creation_timestamp ASC"))
        return {version["run_id"]: version for version in found}

    def _found(self, chosen: str, token: str | None, size: int, order: str) -> Listed:
        params = {"filter": chosen, "max_results": min(size, MOST), "order_by": order}
        answer = self._client.get("model-versions/search", **params, **({"page_token": token} if token else {}))
        return listed(answer, "model_versions")

    def create_version(self, model: str, source: str, run: str, tags: list[Json]) -> Json:
        """Register a version of a model whose files are below `source`, an address within the artifacts of a run."""
        body = {"name": model, "source": source, "run_id": run, "tags": tags}
        made: Json = self._client.post("model-versions/create", **body)["model_version"]
        return made

    def tag_version(self, wire: Json, tags: list[Json]) -> None:
        """Set tags of a model version, one request for each."""
        for tag in tags:
            self._client.post("model-versions/set-tag", name=wire["name"], version=wire["version"], **tag)

    def delete_version(self, wire: Json) -> None:
        """Delete a model version."""
        self._client.delete("model-versions/delete", name=wire["name"], version=wire["version"])

    def files_of(self, wire: Json) -> str:
        """Return the folder of the server's artifact store that holds a model version's files.

        Raises:
            Unsupported: They are elsewhere, and the server does not pass them on.
        """
        params = {"name": wire["name"], "version": wire["version"]}
        address = self._client.get("model-versions/get-download-uri", **params)["artifact_uri"]
        return folder_of(address)


def folder_of(address: str) -> str:
    """Return the path in the server's artifact store of an address of it.

    Raises:
        Unsupported: The address is in another store.
    """
    scheme, _, path = address.partition(":")
    if scheme != "mlflow-artifacts":
        raise Unsupported(
            f"The files are at {scheme}: and this MLflow does not pass them on.",
            hint="Start the server with --serve-artifacts, or fetch them with the store's own tools.",
        )
    # Either `mlflow-artifacts:/path` or `mlflow-artifacts://host:port/path`.
    return path.removeprefix("//").partition("/")[2] if path.startswith("//") else path.lstrip("/")


def _quoted(text: str) -> str:
    """Return a text as a value of a filter.

    Raises:
        Unsupported: It has both kinds of quotes, and filters have no way to write that.
    """
    for quote in "'\"":
        if quote not in text:
            return f"{quote}{text}{quote}"
    raise Unsupported(f"MLflow cannot search for {text!r}, which has both kinds of quotes.")
