"""A seeded, stratified split. Pure; no network.

Iterative stratification: K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of Multi-label Data" (2011).
The class with the fewest items left is dealt out first, each item to the part that lacks that class the most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from math import fsum, isclose
from random import Random

from dragoman.errors import InvalidData


def stratified(
    classes: Mapping[str, Collection[str]], parts: Mapping[str, float], *, seed: int = 0
) -> dict[str, list[str]]:
    """Deal items into parts so that every class is spread over them as the items are.

    Args:
        classes: Item to the classes on it. The order of items and classes does not matter.
        parts: Part to its share of the items; the shares add up to 1.
        seed: Another one deals otherwise; the same one deals the same.

    Returns:
        Part to its items, sorted.

    Raises:
        InvalidData: A share is negative, or they do not add up to 1.
    """
    if any(share < 0 for share in parts.values()) or not isclose(fsum(parts.values()), 1.0):
        raise InvalidData(f"The shares of the parts are {dict(parts)}; they add up to 1.", field="parts")
    random = Random(seed)
    left = {item: frozenset(classes[item]) for item in sorted(classes)}
    room = {part: share * len(left) for part, share in parts.items()}
    counts = Counter(name for names in left.values() for name in names)
    lack = {name: {part: share * counts[name] for part, share in parts.items()} for name in counts}
    dealt: dict[str, list[str]] = {part: [] for part in parts}
    while left:
        # A class that has no item left is out; items without classes come last.
        rarest = min((name for name in counts if counts[name]), key=lambda name: (counts[name], name), default=None)
        chosen = [item for item, names in left.items() if rarest is None or rarest in names]
        random.shuffle(chosen)
        for item in chosen:
            wants = lack[rarest] if rarest is not None else room
            part = max(parts, key=lambda part: (wants[part], room[part], random.random()))
            dealt[part].append(item)
            room[part] -= 1
            for name in left.pop(item):
                lack[name][part] -= 1
                counts[name] -= 1
    return {part: sorted(items) for part, items in dealt.items()}
