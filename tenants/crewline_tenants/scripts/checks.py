"""What makes a well-formed script unfit to publish: every fault, with the step it is in."""

from collections import Counter
from collections.abc import Iterator

from crewline_tenants.scripts.rules import Field, Script, Step, Texts, When


def problems(script: Script) -> list[str]:
    """Sentences; empty when the script can be published."""
    found = [*_outline(script), *(p for step in script.steps for p in _step(script, step))]
    return found or [*_graph(script)]


def _outline(script: Script) -> Iterator[str]:
    if not script.languages:
        yield "languages: name at least one"
        return
    yield from _text(script, script.title, "title")
    if script.greeting:
        yield from _text(script, script.greeting, "greeting")
    ids = Counter(step.id for step in script.steps)
    yield from (f"step '{name}' exists {n} times" for name, n in ids.items() if n > 1)
    fields = Counter(field.id for step in script.steps for field in step.fields)
    yield from (f"field '{name}' exists {n} times" for name, n in fields.items() if n > 1)
    if script.start not in ids:
        yield f"start: there is no step '{script.start}'"


def _step(script: Script, step: Step) -> Iterator[str]:
    yield from _text(script, step.title, f"step '{step.id}', title")
    if step.say:
        yield from _text(script, step.say, f"step '{step.id}', say")
    for field in step.fields:
        yield from _field(script, field)
    branches = step.branches
    for position, branch in enumerate(branches):
        if script.step(branch.go) is None:
            yield f"step '{step.id}' leads to '{branch.go}', which does not exist"
        if branch.when is None and position < len(branches) - 1:
            yield f"step '{step.id}': branches after the unconditional one are never taken"
        if branch.when is not None:
            yield from _when(script, step, branch.when)
    if branches and branches[-1].when is not None:
        yield f"step '{step.id}': the last branch must be unconditional"


def _field(script: Script, field: Field) -> Iterator[str]:
    yield from _text(script, field.label, f"field '{field.id}', label")
    values = [option.value for option in field.options]
    if field.kind in {"choice", "multi"} and not values:
        yield f"field '{field.id}' needs options"
    if field.kind not in {"choice", "multi"} and values:
        yield f"field '{field.id}' of kind {field.kind} takes no options"
    if len(set(values)) != len(values):
        yield f"field '{field.id}' has an option twice"
    for option in field.options:
        yield from _text(script, option.label, f"field '{field.id}', option '{option.value}'")


def _when(script: Script, step: Step, when: When) -> Iterator[str]:
    given = [item for item in (when.is_, when.one_of, when.filled) if item is not None]
    if len(given) != 1:
        yield f"step '{step.id}': a condition has exactly one of is, one_of, filled"
        return
    field = next((f for s in script.steps for f in s.fields if f.id == when.field), None)
    if field is None:
        yield f"step '{step.id}': a condition asks for field '{when.field}', which does not exist"
        return
    wanted = when.one_of or ([when.is_] if isinstance(when.is_, str) else [])
    known = {option.value for option in field.options}
    if field.kind in {"choice", "multi"}:
        yield from (
            f"step '{step.id}': '{value}' is no option of field '{field.id}'" for value in wanted if value not in known
        )
    if field.kind == "yes_no" and (when.one_of is not None or isinstance(when.is_, str)):
        yield f"step '{step.id}': field '{field.id}' is true or false"


def _text(script: Script, texts: Texts, place: str) -> Iterator[str]:
    if not texts.get(script.languages[0], "").strip():
        yield f"{place}: the text in {script.languages[0]} is missing"
    yield from (
        f"{place}: '{language}' is not one of the script's languages"
        for language in texts
        if language not in script.languages
    )


def _graph(script: Script) -> Iterator[str]:
    """Unreachable steps, and cycles (an agent would never finish)."""
    reached: set[str] = set()
    open_steps: set[str] = set()

    def visit(step_id: str) -> bool:
        if step_id in open_steps:
            return False
        if step_id in reached:
            return True
        reached.add(step_id)
        open_steps.add(step_id)
        step = script.step(step_id)
        fine = all([visit(branch.go) for branch in step.branches]) if step else True
        open_steps.discard(step_id)
        return fine

    if not visit(script.start):
        yield "the steps lead round in a circle"
    for step in script.steps:
        if step.id not in reached:
            yield f"step '{step.id}' is never reached"
