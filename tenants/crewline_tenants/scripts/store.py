"""Statements on scripts, their versions and runs, and on dispositions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx


async def script_id(tx: Tx, tenant_id: UUID, slug: str) -> UUID | None:
    found: UUID | None = await tx.value("select id from script where tenant_id = $1 and slug = $2", tenant_id, slug)
    return found


async def add_script(tx: Tx, tenant_id: UUID, script_id: UUID, slug: str, name: str) -> None:
    await tx.run(
        "insert into script (tenant_id, id, slug, name) values ($1, $2, $3, $4)", tenant_id, script_id, slug, name
    )


async def newest(tx: Tx, tenant_id: UUID, script_id: UUID) -> Row[Any] | None:
    return await tx.row(
        """
        select id, version, hash from script_version
         where tenant_id = $1 and script_id = $2 order by version desc limit 1
        """,
        tenant_id,
        script_id,
    )


async def add_version(
    tx: Tx,
    tenant_id: UUID,
    script_id: UUID,
    *,
    version_id: UUID,
    version: int,
    document: dict[str, Any],
    hash_: str,
    by: UUID | None,
    at: datetime,
) -> None:
    await tx.run(
        """
        insert into script_version (tenant_id, id, script_id, version, document, hash, published_at, published_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        tenant_id,
        version_id,
        script_id,
        version,
        document,
        hash_,
        at,
        by,
    )


async def version(tx: Tx, tenant_id: UUID, version_id: UUID) -> Row[Any] | None:
    return await tx.row(
        """
        select v.id, v.version, v.document, s.name from script_version v
          join script s on s.tenant_id = $1 and s.id = v.script_id
         where v.tenant_id = $1 and v.id = $2
        """,
        tenant_id,
        version_id,
    )


async def run(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Row[Any] | None:
    return await tx.row(
        """
        select script_version_id, step, answers, path, finished_at from script_run
         where tenant_id = $1 and contact_id = $2
        """,
        tenant_id,
        contact_id,
    )


async def put_run(
    tx: Tx,
    tenant_id: UUID,
    contact_id: UUID,
    *,
    version_id: UUID,
    step: str | None,
    answers: dict[str, Any],
    path: list[str],
    at: datetime,
) -> None:
    await tx.run(
        """
        insert into script_run (tenant_id, contact_id, script_version_id, step, answers, path, updated_at, finished_at)
        values ($1, $2, $3, $4, $5, $6, $7, case when $4::text is null then $7::timestamptz end)
        on conflict (tenant_id, contact_id) do update
           set step = excluded.step, answers = excluded.answers, path = excluded.path,
               updated_at = excluded.updated_at, finished_at = excluded.finished_at
        """,
        tenant_id,
        contact_id,
        version_id,
        step,
        answers,
        path,
        at,
    )


async def dispositions(tx: Tx, tenant_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        """
        select id, parent_id, code, label, label_zh_hans, label_zh_hant, outcome, active
          from disposition where tenant_id = $1 order by position, code
        """,
        tenant_id,
    )


async def add_disposition(
    tx: Tx,
    tenant_id: UUID,
    disposition_id: UUID,
    *,
    parent_id: UUID | None,
    code: str,
    label: dict[str, str],
    outcome: str,
    position: int,
) -> None:
    await tx.run(
        """
        insert into disposition (tenant_id, id, parent_id, code, label, label_zh_hans, label_zh_hant, outcome, position)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        tenant_id,
        disposition_id,
        parent_id,
        code,
        label["en"],
        label.get("zh_Hans"),
        label.get("zh_Hant"),
        outcome,
        position,
    )
