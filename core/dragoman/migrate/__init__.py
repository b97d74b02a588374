"""Migration between two backends: plan what will move and be lost, apply it, verify what arrived.

`plan` writes nothing. `apply` carries rows under the ids they have, so that running it again adds nothing twice.
`verify` reads the target back and compares row by row.
"""

from dragoman.migrate.engine import Applied, Migration
from dragoman.migrate.plan import Plan, PlannedStep, Scope
from dragoman.migrate.verify import Difference, Verification

__all__ = ["Applied", "Difference", "Migration", "Plan", "PlannedStep", "Scope", "Verification"]
