"""Move a dataset from Labelbox to Nucleus, both emulated.

Run it with `python examples/migrations/labelbox_to_nucleus.py`.
"""

from __future__ import annotations

from between import emulated, fill, move


def main() -> None:
    with emulated("labelbox") as source, emulated("nucleus") as target:
        fill(source)
        move(source, target)


if __name__ == "__main__":
    main()
