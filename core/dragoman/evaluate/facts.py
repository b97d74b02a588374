"""What a label's metadata keep of COCO that an evaluation needs."""

from __future__ import annotations

import sys
from typing import Any


def facts_of(metadata: Any) -> tuple[bool, float | None]:
    """Return whether COCO calls a label a crowd, and the area that its file says of it, if any."""
    # Imported here: all of COCO's formats come with it, and most rows have no metadata.
    from dragoman.formats.coco.plain import FACTS

    facts = metadata.get(FACTS)
    if not isinstance(facts, dict):
        return False, None
    crowd, area = bool(facts.get("iscrowd")), facts.get("area")
    if isinstance(area, bool) or not isinstance(area, int | float) or not 0 <= area <= sys.float_info.max:
        return crowd, None
    return crowd, float(area)
