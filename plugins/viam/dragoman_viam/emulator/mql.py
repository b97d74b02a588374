"""MongoDB's aggregation over readings, by mongomock-ng, which is imported when the first query comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dragoman_viam.emulator.refusals import Refusal, invalid, unimplemented

Document = dict[str, Any]
_AMOUNTS = ("$limit", "$skip")
_WRITING = ("$out", "$merge")


def run(stages: Sequence[Mapping[str, Any]], documents: Sequence[Document]) -> list[Document]:
    """Return what a pipeline makes of documents. There are no others that a stage could look up.

    Raises:
        Refusal: A stage or an operator in it is not known here, or is none.
    """
    from mongomock_ng import MongoClient
    from mongomock_ng.aggregate import process_pipeline

    try:
        checked = [_checked(stage) for stage in stages]
        # The documents of a collection would get an `_id` each, which readings have not.
        return list(process_pipeline(list(documents), MongoClient().db, checked, None))  # type: ignore[no-untyped-call]
    except Refusal:
        raise
    except NotImplementedError as error:
        raise unimplemented(str(error)) from None
    except Exception as error:
        # mongomock-ng looks at few arguments before it uses them; what is malformed breaks it in many ways.
        raise invalid(f"the pipeline cannot be run: {error!r}", "mql_binary") from None


def _checked(stage: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a stage, or refuse what MongoDB refuses and mongomock-ng would run."""
    if len(stage) != 1:
        raise invalid("a stage has one name", "mql_binary")
    ((name, wanted),) = stage.items()
    if name in _WRITING:
        raise unimplemented(f"{name} writes, and the emulator only reads")
    if name not in _AMOUNTS:
        return stage
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or wanted < 0:
        raise invalid(f"{wanted!r} is no number of documents", "mql_binary")
    return {name: int(wanted)}
