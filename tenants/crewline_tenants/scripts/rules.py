"""The script language: typed steps, fields, branching, texts in several languages; and walking it.

A script is a JSON/YAML document. Steps form a graph without cycles; a step without `then` ends it:

    {"language": "crewline-script/1",
     "languages": ["en", "zh_Hans", "zh_Hant"],
     "title": {"en": "Move a booking", "zh_Hans": "改签", "zh_Hant": "改簽"},
     "greeting": {"en": "Thank you for holding, this is Aster Travel.", ...},
     "start": "find",
     "steps": [
       {"id": "find", "title": {"en": "Find the booking"},
        "say": {"en": "May I have your booking number?"},
        "fields": [{"id": "booking", "kind": "text", "label": {"en": "Booking"},
                    "required": true, "mask": "AA-9999"},
                   {"id": "reason", "kind": "choice", "label": {"en": "Reason"}, "required": true,
                    "options": [{"value": "weather", "label": {"en": "Weather"}},
                                {"value": "other", "label": {"en": "Other"}}]}],
        "then": [{"when": {"field": "reason", "is": "weather"}, "go": "free"}, {"go": "fee"}]},
       {"id": "free", "title": {"en": "No fee"}, "say": {"en": "…"}, "then": "bye"},
       {"id": "fee", "title": {"en": "Fee"}, "say": {"en": "…"}, "then": "bye"},
       {"id": "bye", "title": {"en": "Anything else?"}, "suggest": "rebooked"}]}

The first branch whose condition holds is taken; `suggest` proposes a disposition code. A text is
given at least in the first of `languages`. `mask`: 9 is a digit, A a letter, * either, anything
else itself.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from crewline_infra.errors import Invalid

LANGUAGE = "crewline-script/1"
Texts = dict[str, str]
FieldKind = Literal["text", "long_text", "number", "date", "choice", "multi", "yes_no", "phone", "email"]


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: str
    label: Texts


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One input. `minimum`/`maximum` bound numbers, `max_length` texts (200; long texts 4,000)."""

    id: str
    kind: FieldKind
    label: Texts
    help: Texts = {}
    required: bool = False
    options: tuple[Option, ...] = ()
    max_length: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    mask: str | None = None


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"is_": "is"}):
    """Exactly one of `is`, `one_of`, `filled` says what must hold of the field's answer."""

    field: str
    is_: str | bool | None = None
    one_of: tuple[str, ...] | None = None
    filled: bool | None = None


class Branch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    go: str
    when: When | None = None


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: str
    title: Texts
    say: Texts = {}
    fields: tuple[Field, ...] = ()
    then: str | tuple[Branch, ...] = ()
    suggest: str | None = None

    @property
    def branches(self) -> tuple[Branch, ...]:
        return (Branch(go=self.then),) if isinstance(self.then, str) else self.then


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    language: Literal["crewline-script/1"]
    languages: tuple[str, ...]
    title: Texts
    greeting: Texts = {}
    start: str
    steps: tuple[Step, ...]

    def step(self, step_id: str) -> Step | None:
        return next((step for step in self.steps if step.id == step_id), None)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How far an agent is: answers by step and field, and the steps finished, in order.

    Answers of a step that is no longer finished stay as drafts, so going back loses nothing.
    """

    answers: dict[str, dict[str, Any]] = {}
    done: tuple[str, ...] = ()


def parse_script(document: object) -> Script:
    """The document as a script, or `Invalid` naming the place ('steps[0].fields[1].kind')."""
    try:
        return msgspec.convert(document, Script)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at ")
        raise Invalid(f"The script is not valid: {text}.", field=place.strip("`$.")) from None


def text_in(texts: Mapping[str, str], locale: str) -> str:
    """The text in that language, else in a sister script of it, else the first one given."""
    if locale in texts:
        return texts[locale]
    family = locale.partition("_")[0]
    sister = next((key for key in texts if key.partition("_")[0] == family), None)
    return texts[sister] if sister else next(iter(texts.values()), "")


def next_step(script: Script, run: Run) -> Step | None:
    """The first step on the path that is not finished; None after the last one."""
    path = _path(script, run)
    last = script.step(path[-1]) if path else None
    if last is None:
        return script.step(script.start)
    target = _target(last, _values(script, run, path))
    return script.step(target) if target else None


def path(script: Script, run: Run) -> tuple[Step, ...]:
    """Finished steps that the present answers lead through, in order."""
    return tuple(step for step_id in _path(script, run) if (step := script.step(step_id)))


def result(script: Script, run: Run) -> dict[str, Any]:
    """Answers by field id of the steps on the path only: what the tenant gets."""
    return _values(script, run, _path(script, run))


def suggested_disposition(script: Script, run: Run) -> str | None:
    """The code of the last step reached that proposes one."""
    reached = [*path(script, run), next_step(script, run)]
    return next((step.suggest for step in reversed(reached) if step and step.suggest), None)


def finish_step(script: Script, run: Run, step_id: str, values: Mapping[str, Any]) -> Run:
    """The run with the present step answered; `values` have passed `check_answers`."""
    current = next_step(script, run)
    if current is None or current.id != step_id:
        raise Invalid("That step is not the one in front of you.", code="step_out_of_order")
    return Run(answers={**run.answers, step_id: dict(values)}, done=(*_path(script, run), step_id))


def back(script: Script, run: Run) -> Run:
    """The run with its last finished step open again; its answers stay as drafts."""
    return Run(answers=run.answers, done=_path(script, run)[:-1])


def _path(script: Script, run: Run) -> tuple[str, ...]:
    walked: list[str] = []
    target: str | None = script.start
    while target is not None and target in run.done and target not in walked:
        step = script.step(target)
        if step is None:
            break
        walked.append(target)
        target = _target(step, _values(script, run, tuple(walked)))
    return tuple(walked)


def _values(script: Script, run: Run, walked: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: value
        for step_id in walked
        for name, value in run.answers.get(step_id, {}).items()
        if script.step(step_id) is not None
    }


def _target(step: Step, values: Mapping[str, Any]) -> str | None:
    return next((b.go for b in step.branches if b.when is None or _holds(b.when, values)), None)


def _holds(when: When, values: Mapping[str, Any]) -> bool:
    value = values.get(when.field)
    if when.filled is not None:
        return (value not in (None, "", [])) is when.filled
    if when.one_of is not None:
        return any(str(item) in when.one_of for item in (value if isinstance(value, list) else [value]))
    return when.is_ in value if isinstance(value, list) else bool(value == when.is_)
