"""Weights from the Hugging Face hub: fetched once into its own cache, safetensors and JSON only, and no code."""

from __future__ import annotations

from pathlib import Path

from dragoman.errors import InvalidData, NotFound, Unavailable

PREFIX = "hub:"
PATTERNS = ["*.json", "*.safetensors"]
"""Pickles and code are not even fetched."""


def fetched(name: str) -> Path:
    """Return the folder of a model of the hub, fetched if it is not in the cache.

    Args:
        name: `hub:OWNER/NAME`, or `hub:OWNER/NAME@REVISION`.

    Raises:
        InvalidData: The name is none.
        NotFound: The hub has no such model or revision, or hides it.
        Unavailable: The hub cannot be reached, and the model is not in the cache.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=PATTERNS))
    except HFValidationError as error:
        raise InvalidData(
            f"{name!r} names no model of the hub.", hint="Write hub:OWNER/NAME.", field="parameters.pretrained"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise NotFound(f"The hub has no model {name.removeprefix(PREFIX)!r}, or hides it.") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise Unavailable(
            f"The model {name.removeprefix(PREFIX)!r} cannot be fetched: the hub does not answer.",
            hint="Fetch it elsewhere and give the path of its folder.",
        ) from error
