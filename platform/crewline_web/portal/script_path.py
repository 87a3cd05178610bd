"""The script that an agent followed with a contact: each finished step with its answers."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crewline_infra.db import Tx
from crewline_infra.i18n import current_locale
from crewline_infra.i18n import gettext as _
from crewline_reporting.records.rules import Record
from crewline_tenants.scripts import service as scripts
from crewline_tenants.scripts.rules import Field, Step, text_in

NOTHING = "—"


@dataclass(frozen=True, slots=True)
class ScriptPath:
    """`steps` in the order in which they were finished: title, and (label, answer) of each field."""

    name: str
    version: int
    steps: list[tuple[str, list[tuple[str, str]]]]


async def read_script(tx: Tx, tenant_id: UUID, record: Record) -> ScriptPath | None:
    """None for a contact without a script: an imported one, or one that nobody answered."""
    if record.script_version_id is None:
        return None
    pinned = await scripts.pinned(tx, tenant_id, record.script_version_id)
    run = await scripts.run_of(tx, tenant_id, record.contact_id)
    steps = {step.id: step for step in pinned.script.steps}
    done = [steps[step_id] for step_id in run.done if step_id in steps]
    return ScriptPath(
        text_in(pinned.script.title, current_locale()) or pinned.name,
        pinned.version,
        [(text_in(step.title, current_locale()), _answers(step, run.answers.get(step.id, {}))) for step in done],
    )


def _answers(step: Step, values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(text_in(field.label, current_locale()), _shown(field, values.get(field.id))) for field in step.fields]


def _shown(field: Field, value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    words = {option.value: text_in(option.label, current_locale()) for option in field.options}
    return ", ".join(words.get(str(one), str(one)) for one in (value if isinstance(value, list) else [value]))
