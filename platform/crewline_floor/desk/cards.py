"""Turning a script and a tree of results into what one agent sees, in one language. Pure."""

from collections.abc import Sequence
from typing import Any

from crewline_floor.desk.model import DispositionChoice, FieldCard, ScriptCard, StepCard
from crewline_infra.i18n import gettext as _
from crewline_tenants.scripts import rules
from crewline_tenants.scripts.dispositions import Disposition, choices
from crewline_tenants.scripts.rules import Field, Run, Script, Step, text_in
from crewline_tenants.scripts.service import Pinned


def script_card(pinned: Pinned, run: Run, locale: str) -> ScriptCard:
    script = pinned.script
    current = rules.next_step(script, run)
    done = rules.path(script, run)
    shown = [*done, *([current] if current else [])]
    return ScriptCard(
        version_id=pinned.id,
        name=text_in(script.title, locale),
        version=pinned.version,
        greeting=text_in(script.greeting, locale),
        steps=[_step_card(step, run, locale, done=step in done) for step in shown],
        current=current.id if current else None,
        ahead=_ahead(script, current, locale),
        suggested_disposition=rules.suggested_disposition(script, run),
    )


def disposition_choices(tree: Sequence[Disposition], locale: str) -> list[DispositionChoice]:
    return [
        DispositionChoice(
            id=choice.id, code=choice.code, label=" › ".join(text_in(label, locale) for label in choice.trail)
        )
        for choice in choices(tree)
    ]


def _step_card(step: Step, run: Run, locale: str, *, done: bool) -> StepCard:
    values = run.answers.get(step.id, {})
    return StepCard(
        id=step.id,
        title=text_in(step.title, locale),
        say=text_in(step.say, locale),
        done=done,
        fields=[] if done else [_field_card(field, values.get(field.id), locale) for field in step.fields],
        answers=[
            (text_in(field.label, locale), _told(field, values.get(field.id), locale))
            for field in step.fields
            if done and values.get(field.id) is not None
        ],
    )


def _field_card(field: Field, value: Any, locale: str) -> FieldCard:
    return FieldCard(
        id=field.id,
        kind=field.kind,
        label=text_in(field.label, locale),
        help=text_in(field.help, locale),
        required=field.required,
        options=[(option.value, text_in(option.label, locale)) for option in field.options],
        value=value,
        mask=field.mask,
        max_length=field.max_length,
    )


def _told(field: Field, value: Any, locale: str) -> str:
    """The answer as a person reads it."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    labels = {option.value: text_in(option.label, locale) for option in field.options}
    if isinstance(value, list):
        return ", ".join(labels.get(item, str(item)) for item in value)
    return labels.get(value, str(value))


def _ahead(script: Script, current: Step | None, locale: str) -> list[str]:
    """Titles of the steps that may follow, along the first branch of each."""
    titles: list[str] = []
    step = current
    while step is not None and step.branches and len(titles) < len(script.steps):
        step = script.step(step.branches[-1].go)
        if step is not None:
            titles.append(text_in(step.title, locale))
    return titles
