"""Pure translation of ontologies to labelling configurations and back.

A configuration says less than an ontology: a rectangle may be turned or not, options ask nothing further. So the
ontology that a configuration was made of stands in it as a comment, as Label Studio's own templates have one, and
counts as long as the rest of the configuration is what that ontology makes.
"""

from __future__ import annotations

import re

from pydantic import ValidationError

from dragoman.formats.labelstudio.config import MEDIA, Config, write_config
from dragoman.schema import Ontology

_COMMENT = re.compile(r"\n?<!-- dragoman: (\{.*?\}) -->\n?")


def written(ontology: Ontology, medium: str) -> str:
    """Return the configuration of a project of that medium.

    Raises:
        InvalidData: XML cannot hold a name.
    """
    # A comment ends at two hyphens. In JSON they stand in texts only, where an escape says the same.
    kept = ontology.model_dump_json(ensure_ascii=True).replace("-", "\\u002d")
    return f"{write_config(ontology, (medium,))}<!-- dragoman: {kept} -->\n"


def ontology_in(label_config: str, config: Config, name: str) -> Ontology:
    """Return what a configuration can hold.

    Args:
        label_config: The configuration as it is.
        config: The same, read.
        name: What to call the ontology, where the configuration was not made of one.
    """
    return own_ontology(label_config) or config.ontology(name)


def own_ontology(label_config: str) -> Ontology | None:
    """Return the ontology in a configuration's comment, unless the configuration has been changed since."""
    found = _COMMENT.search(label_config)
    if found is None:
        return None
    try:
        ontology = Ontology.model_validate_json(found[1])
    except ValidationError:
        return None
    rest = _COMMENT.sub("", label_config).strip()
    return ontology if any(write_config(ontology, (medium,)).strip() == rest for medium in MEDIA) else None
