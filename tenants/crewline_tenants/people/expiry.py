"""Use case of housekeeping: sessions that have ended and log-in attempts that no rule looks at any more."""

from datetime import datetime, timedelta

from crewline_infra.db import Tx
from crewline_tenants.people import store_expiry

ATTEMPTS_KEPT = timedelta(days=30)


async def forget(tx: Tx, now: datetime) -> int:
    """Returns how many rows went."""
    gone = await store_expiry.forget_sessions(tx, now)
    return gone + await store_expiry.forget_attempts(tx, now - ATTEMPTS_KEPT)
