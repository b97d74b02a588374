"""Migration between two backends, or a backend and a file: plan, apply, verify, report, roll back.

`plan` reads both sides and writes nothing. `apply` carries rows under the ids they have and keeps a ledger of every
row, so that it can be killed anywhere and continued. `verify` reads the target back and compares row by row.
"""

from dragoman.migrate.applied import Applied
from dragoman.migrate.differences import Difference, Example, Verification
from dragoman.migrate.hooks import Hooks
from dragoman.migrate.ledger import Ledger
from dragoman.migrate.migration import Migration
from dragoman.migrate.plan import Estimate, Plan, PlannedLoss, PlannedStep
from dragoman.migrate.rollback import RolledBack
from dragoman.migrate.scope import Scope
from dragoman.migrate.states import State

__all__ = [
    "Applied",
    "Difference",
    "Estimate",
    "Example",
    "Hooks",
    "Ledger",
    "Migration",
    "Plan",
    "PlannedLoss",
    "PlannedStep",
    "RolledBack",
    "Scope",
    "State",
    "Verification",
]
