"""Move a dataset from Viam to this machine, both emulated.

Run it with `python examples/migrations/viam_to_local.py`.
"""

from __future__ import annotations

from between import emulated, fill, move


def main() -> None:
    with emulated("viam") as source, emulated("local") as target:
        fill(source)
        move(source, target)


if __name__ == "__main__":
    main()
