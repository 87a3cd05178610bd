"""Publish a script, run it for a contact, read the tree of results."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crewline_infra.canonical import canonical_json, sha256_hex
from crewline_infra.db import Tx
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.ids import new_id
from crewline_tenants.scripts import checks, rules, store
from crewline_tenants.scripts.answers import check_answers
from crewline_tenants.scripts.dispositions import Disposition
from crewline_tenants.scripts.rules import Run, Script


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """The version that a contact follows from its answer to its end."""

    id: UUID
    name: str
    version: int
    script: Script


class StepOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """`faults` by field id; when there are any, nothing was saved."""

    run: Run
    faults: dict[str, str] = {}


async def publish(
    tx: Tx,
    tenant_id: UUID,
    slug: str,
    document: dict[str, Any],
    *,
    at: datetime,
    by: UUID | None = None,
) -> UUID:
    """The id of the new version; of the newest one when the document is the same.

    `Invalid` lists every problem. Role OPS.
    """
    script = rules.parse_script(document)
    if found := checks.problems(script):
        raise Invalid(f"The script cannot be published: {'; '.join(found)}.", field="document")
    script_id = await store.script_id(tx, tenant_id, slug)
    if script_id is None:
        script_id = new_id()
        await store.add_script(tx, tenant_id, script_id, slug, rules.text_in(script.title, "en"))
    digest = sha256_hex(canonical_json(msgspec.to_builtins(script)))
    newest = await store.newest(tx, tenant_id, script_id)
    if newest is not None and newest.hash == digest:
        return UUID(str(newest.id))
    version_id = new_id()
    await store.add_version(
        tx,
        tenant_id,
        script_id,
        version_id=version_id,
        version=(newest.version if newest else 0) + 1,
        document=document,
        hash_=digest,
        by=by,
        at=at,
    )
    return version_id


async def script_of(tx: Tx, tenant_id: UUID, slug: str) -> UUID | None:
    """The script's id, to be named by a queue."""
    return await store.script_id(tx, tenant_id, slug)


async def pinned(tx: Tx, tenant_id: UUID, version_id: UUID) -> Pinned:
    row = await store.version(tx, tenant_id, version_id)
    if row is None:
        raise NotFound
    return Pinned(id=row.id, name=row.name, version=row.version, script=rules.parse_script(row.document))


async def run_of(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Run:
    row = await store.run(tx, tenant_id, contact_id)
    return Run(answers=row.answers, done=tuple(row.path)) if row else Run()


async def answer_step(
    tx: Tx,
    tenant_id: UUID,
    contact_id: UUID,
    version_id: UUID,
    *,
    step_id: str,
    values: Mapping[str, Any],
    at: datetime,
) -> StepOutcome:
    """Save the answers of the step in front and go on; or say what is wrong with each field."""
    pin = await pinned(tx, tenant_id, version_id)
    run = await run_of(tx, tenant_id, contact_id)
    step = rules.next_step(pin.script, run)
    if step is None or step.id != step_id:
        raise Invalid("That step is not the one in front of you.", code="step_out_of_order")
    clean, faults = check_answers(step, values)
    if faults:
        return StepOutcome(run=run, faults=faults)
    run = rules.finish_step(pin.script, run, step_id, clean)
    await save_run(tx, tenant_id, contact_id, pin=pin, run=run, at=at)
    return StepOutcome(run=run)


async def back(tx: Tx, tenant_id: UUID, contact_id: UUID, version_id: UUID, *, at: datetime) -> Run:
    """Open the last finished step again."""
    pin = await pinned(tx, tenant_id, version_id)
    run = rules.back(pin.script, await run_of(tx, tenant_id, contact_id))
    await save_run(tx, tenant_id, contact_id, pin=pin, run=run, at=at)
    return run


async def disposition_tree(tx: Tx, tenant_id: UUID) -> tuple[Disposition, ...]:
    return tuple(
        Disposition(
            id=row.id,
            parent_id=row.parent_id,
            code=row.code,
            label={
                key: text
                for key, text in (
                    ("en", row.label),
                    ("zh_Hans", row.label_zh_hans),
                    ("zh_Hant", row.label_zh_hant),
                )
                if text
            },
            outcome=row.outcome,
            active=row.active,
        )
        for row in await store.dispositions(tx, tenant_id)
    )


async def add_disposition(
    tx: Tx,
    tenant_id: UUID,
    *,
    code: str,
    label: dict[str, str],
    parent_id: UUID | None = None,
    outcome: str = "resolved",
    position: int = 0,
) -> UUID:
    """Role OPS. `label` by language; English is needed."""
    if not label.get("en"):
        raise Invalid("The result needs an English label.", field="label")
    disposition_id = new_id()
    await store.add_disposition(
        tx,
        tenant_id,
        disposition_id,
        parent_id=parent_id,
        code=code,
        label=label,
        outcome=outcome,
        position=position,
    )
    return disposition_id


async def save_run(
    tx: Tx,
    tenant_id: UUID,
    contact_id: UUID,
    *,
    pin: Pinned,
    run: Run,
    at: datetime,
) -> None:
    """Keep how far the agent is (`run` has passed the script's checks)."""
    step = rules.next_step(pin.script, run)
    await store.put_run(
        tx,
        tenant_id,
        contact_id,
        version_id=pin.id,
        step=step.id if step else None,
        answers=run.answers,
        path=list(run.done),
        at=at,
    )
