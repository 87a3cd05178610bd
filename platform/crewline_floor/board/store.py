"""Statements of the board. Counting is per tenant; what is stored is operator-wide counters."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx


async def put(tx: Tx, pool_id: UUID, epoch: int, at: datetime, board: dict[str, Any]) -> None:
    """The newest reign's board stays: an older epoch overwrites nothing."""
    await tx.run(
        """
        insert into pool_board (pool_id, epoch, at, board) values ($1, $2, $3, $4)
        on conflict (pool_id) do update set epoch = excluded.epoch, at = excluded.at, board = excluded.board
         where pool_board.epoch <= excluded.epoch
        """,
        pool_id,
        epoch,
        at,
        board,
    )
    await tx.run("select pg_notify('crewline_floor', 'board ' || $1::text)", str(pool_id))


async def boards(tx: Tx) -> Sequence[Row[Any]]:
    return await tx.rows("select b.board from pool_board b join pool p on p.id = b.pool_id order by p.slug")


async def today(tx: Tx, tenant_id: UUID, pool_id: UUID, since: datetime) -> Sequence[Row[Any]]:
    """Per queue: contacts that entered it since an instant, by how they went."""
    return await tx.rows(
        """
        select c.queue_id,
               count(*) as offered,
               count(*) filter (where c.answered_at is not null) as answered,
               count(*) filter (where c.outcome = 'abandoned') as abandoned,
               count(*) filter (where c.answered_at <= c.queued_at + q.threshold_ms * interval '1 ms') as in_time,
               count(*) filter (where c.state in ('talking', 'held')) as talking
          from contact c join queue q on q.tenant_id = $1 and q.id = c.queue_id
         where c.tenant_id = $1 and c.arrived_at >= $3 and q.pool_id = $2 and c.queued_at is not null
         group by c.queue_id
        """,
        tenant_id,
        pool_id,
        since,
    )
