"""Move a dataset from Nucleus to Labelbox, both emulated.

Run it with `python examples/migrations/nucleus_to_labelbox.py`.
"""

from __future__ import annotations

from between import emulated, fill, move


def main() -> None:
    with emulated("nucleus") as source, emulated("labelbox") as target:
        fill(source)
        move(source, target)


if __name__ == "__main__":
    main()
