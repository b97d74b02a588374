"""The ontology as a file of its own, beside those of a format that has no place for all of it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from dragoman.errors import InvalidData
from dragoman.schema import Ontology

ONTOLOGY_FILE = "ontology.json"


def write_ontology(folder: Path, ontology: Ontology) -> None:
    """Write the ontology into a folder."""
    (folder / ONTOLOGY_FILE).write_text(ontology.model_dump_json(indent=1), encoding="utf-8")


def read_ontology(folder: Path) -> Ontology | None:
    """Return the ontology that stands in a folder, or None.

    Raises:
        InvalidData: The file is no ontology.
    """
    path = folder / ONTOLOGY_FILE
    if not path.is_file():
        return None
    try:
        return Ontology.model_validate_json(path.read_bytes())
    except (ValidationError, ValueError) as error:
        raise InvalidData(f"{path} is no ontology: {error}") from error
