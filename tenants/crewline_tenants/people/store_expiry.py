"""What of people's traces is deleted when its time is over."""

from datetime import datetime

from crewline_infra.db import Tx


async def forget_sessions(tx: Tx, now: datetime) -> int:
    return await tx.run("delete from session where expires_at <= $1", now)


async def forget_attempts(tx: Tx, before: datetime) -> int:
    return await tx.run("delete from login_attempt where at < $1", before)
