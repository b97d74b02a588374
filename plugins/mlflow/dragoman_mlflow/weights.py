"""The files of model versions, to and from the server's artifact store."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from dragoman.errors import NotFound, Unsupported
from dragoman_mlflow.client import MlflowClient
from dragoman_mlflow.codec import file_name, is_ours, version_id, version_tags_in
from dragoman_mlflow.registry import Registry
from dragoman_mlflow.tags import Json, written

_PIECE = 1 << 20
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The date of every file in an archive, so that the same files are the same bytes."""


class Weights:
    """Moves the files of model versions.

    Args:
        client: Sends the requests.
        registry: Knows where they are.
    """

    def __init__(self, client: MlflowClient, registry: Registry) -> None:
        self._client = client
        self._registry = registry

    def upload(self, wire: Json, path: Path) -> None:
        """Store a file as the weights of a version; a tag names it, and one that was there before is deleted.

        Raises:
            Unsupported: The version was registered by another client, whose files are a whole.
        """
        if not is_ours(wire):
            raise Unsupported(
                f"The files of {version_id(wire)} were logged by another client, and one more would change its model.",
                hint="Create a version of your own.",
            )
        folder, name = self._registry.files_of(wire), file_name(path.name)
        self._client.put_artifact(f"{folder}/{name}", path)
        self._registry.tag_version(wire, written({"weights": name}))
        for file in self._client.artifacts(folder):
            if file["path"] != name:
                self._client.delete_artifact(f"{folder}/{file['path']}")

    def download(self, wire: Json, path: Path) -> Path:
        """Write the weights to `path`: the file of the version, or an archive (zip) where it has several.

        Raises:
            NotFound: There are none.
        """
        folder = self._registry.files_of(wire)
        named = version_tags_in(wire).text("weights")
        files = [named] if named else [] if is_ours(wire) else sorted(self._files(folder))
        if not files:
            raise NotFound(
                f"The version {version_id(wire)} has no weights.", hint="versions.upload_weights gives it some."
            )
        if len(files) == 1:
            return self._client.get_artifact(f"{folder}/{files[0]}", path)
        return self._archive(folder, files, path)

    def _files(self, folder: str, below: str = "") -> Iterator[str]:
        for entry in self._client.artifacts(f"{folder}/{below}".rstrip("/")):
            name = f"{below}{entry['path']}"
            if entry.get("is_dir"):
                yield from self._files(folder, f"{name}/")
            else:
                yield name

    def _archive(self, folder: str, files: list[str], path: Path) -> Path:
        with TemporaryDirectory(prefix="dragoman-", dir=path.parent) as place:
            archive = Path(place) / "archive"
            with zipfile.ZipFile(archive, "w") as packed:
                for number, name in enumerate(files):
                    file = self._client.get_artifact(f"{folder}/{name}", Path(place) / str(number))
                    entry = zipfile.ZipInfo(name, _LONG_AGO)
                    with packed.open(entry, "w", force_zip64=True) as inside, file.open("rb") as content:
                        shutil.copyfileobj(content, inside, _PIECE)
                    file.unlink()
            return archive.replace(path)
