"""Move a dataset from this machine to every platform, all emulated, and say what each would lose.

Run it with `python examples/migrations/local_to_all.py`. Synapse takes no data from clients, so there only the plan
can be carried out, with everything left behind by choice.
"""

from __future__ import annotations

from between import emulated, fill, move


def main() -> None:
    with emulated("local") as source:
        fill(source)
        for platform in ("encord", "labelbox", "nucleus", "viam", "synapse"):
            with emulated(platform) as target:
                move(source, target, on_loss="drop")


if __name__ == "__main__":
    main()
