"""How long a login has to wait after failures. Pure: counts in, seconds out.

Failures count per account *and* address, so that nobody can lock an owner out from elsewhere; the
second count is per address over all accounts, and stops a sweep through many names.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
FREE_FAILURES = 5
FREE_FAILURES_OF_ADDRESS = 30
FIRST_WAIT_S = 5
LONGEST_WAIT_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """In the window: of this account here since its last success here; and of the address."""

    of_pair: int
    of_address: int
    last_at: datetime | None


def wait_s(failures: Failures, now: datetime) -> int:
    """Seconds until the next attempt is allowed (0: now); doubles with every further failure."""
    over = max(failures.of_pair - FREE_FAILURES, failures.of_address - FREE_FAILURES_OF_ADDRESS)
    if over < 0 or failures.last_at is None:
        return 0
    pause = timedelta(seconds=min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(over, 10)))
    left = failures.last_at + pause - now
    return max(0, -(-left // timedelta(seconds=1)))
