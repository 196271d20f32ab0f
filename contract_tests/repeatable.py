"""What makes Hypothesis draw the same again for the same seed, in a whole run and in a test that runs alone.

Whatever in a request varies between two runs of a seed is an id, a token, the run's marker or a time.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck
from hypothesis.internal.conjecture import providers

SETTINGS: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "report_multiple_bugs": False,  # it would look for a second one as long as the clock says
    "print_blob": False,
}
"""For every use of Hypothesis here: nothing is remembered, and nothing depends on how long it takes."""

# Hypothesis draws on the constants of the modules that happen to be loaded from outside site-packages: a checkout would
# send other requests than an installation, and a test alone others than in a whole run.
drawn_on: Any = providers.HypothesisProvider
assert "_local_constants" in vars(drawn_on), (
    "this Hypothesis calls the constants that it draws on by another name, so that one seed would send other requests "
    "from a checkout than from an installation; pyproject.toml says which releases do not"
)
drawn_on._local_constants = type(providers.GLOBAL_CONSTANTS)()  # noqa: SLF001
