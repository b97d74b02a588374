"""Move a dataset from Synapse to Encord, both emulated.

Run it with `python examples/migrations/synapse_to_encord.py`.
"""

from __future__ import annotations

from between import emulated, move


def main() -> None:
    with emulated("synapse") as source, emulated("encord") as target:
        move(source, target)


if __name__ == "__main__":
    main()
