"""The script language: one worked example, its branches, its faults."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crewline_infra.errors import Invalid
from crewline_tenants.scripts import answers, checks, rules

EXAMPLE: dict[str, Any] = {
    "language": "crewline-script/1",
    "languages": ["en", "zh_Hans"],
    "title": {"en": "Move a booking", "zh_Hans": "改签"},
    "greeting": {"en": "Thank you for holding, this is Aster Travel."},
    "start": "find",
    "steps": [
        {
            "id": "find",
            "title": {"en": "Find the booking", "zh_Hans": "找到订单"},
            "say": {"en": "May I have your booking number?"},
            "fields": [
                {
                    "id": "booking",
                    "kind": "text",
                    "label": {"en": "Booking"},
                    "required": True,
                    "mask": "AA-9999",
                },
                {
                    "id": "reason",
                    "kind": "choice",
                    "label": {"en": "Reason"},
                    "required": True,
                    "options": [
                        {"value": "weather", "label": {"en": "Weather"}},
                        {"value": "other", "label": {"en": "Other"}},
                    ],
                },
            ],
            "then": [
                {"when": {"field": "reason", "is": "weather"}, "go": "free"},
                {"go": "fee"},
            ],
        },
        {"id": "free", "title": {"en": "No fee"}, "then": "bye"},
        {
            "id": "fee",
            "title": {"en": "Fee"},
            "fields": [
                {
                    "id": "amount",
                    "kind": "number",
                    "label": {"en": "Amount"},
                    "minimum": 0,
                    "maximum": "99.5",
                },
                {"id": "agreed", "kind": "yes_no", "label": {"en": "Agreed"}, "required": True},
            ],
            "then": "bye",
        },
        {"id": "bye", "title": {"en": "Anything else?"}, "suggest": "rebooked"},
    ],
}


def script(**changes: Any) -> rules.Script:
    return rules.parse_script({**copy.deepcopy(EXAMPLE), **changes})


def test_the_example_can_be_published() -> None:
    assert checks.problems(script()) == []


def test_the_first_branch_that_holds_is_taken_and_only_its_answers_count() -> None:
    it = script()
    first = {"booking": "AS-4817", "reason": "other"}
    run = rules.finish_step(it, rules.Run(), "find", first)
    assert rules.next_step(it, run) == it.step("fee")
    run = rules.finish_step(it, run, "fee", {"amount": "20", "agreed": True})
    assert [step.id for step in rules.path(it, run)] == ["find", "fee"]
    assert rules.result(it, run) == {**first, "amount": "20", "agreed": True}

    run = rules.back(it, rules.back(it, run))
    assert rules.next_step(it, run) == it.step("find")
    assert run.answers["find"] == first  # kept as a draft
    run = rules.finish_step(it, run, "find", {"booking": "AS-4817", "reason": "weather"})
    assert rules.next_step(it, run) == it.step("free")
    assert "amount" not in rules.result(it, run)


def test_the_end_of_the_script_suggests_its_disposition() -> None:
    it = script()
    run = rules.finish_step(it, rules.Run(), "find", {"booking": "AS-4817", "reason": "weather"})
    assert rules.suggested_disposition(it, run) is None
    run = rules.finish_step(it, run, "free", {})
    assert rules.suggested_disposition(it, run) == "rebooked"
    run = rules.finish_step(it, run, "bye", {})
    assert rules.next_step(it, run) is None


def test_a_step_that_is_not_in_front_is_refused() -> None:
    with pytest.raises(Invalid, match="not the one in front"):
        rules.finish_step(script(), rules.Run(), "fee", {})


@pytest.mark.parametrize(
    ("given_", "faults"),
    [
        ({"booking": "AS-4817", "reason": "other"}, set()),
        ({"booking": " AS-4817 ", "reason": "other"}, set()),
        ({"booking": "AS4817", "reason": "other"}, {"booking"}),
        ({"booking": "", "reason": "none"}, {"booking", "reason"}),
        ({}, {"booking", "reason"}),
        ({"booking": 5, "reason": ["other"]}, {"booking", "reason"}),
    ],
)
def test_every_fault_of_a_step_is_named_at_once(given_: dict[str, Any], faults: set[str]) -> None:
    step = script().step("find")
    assert step is not None
    if "reason" in given_ and isinstance(given_["reason"], list):
        given_ = {**given_, "reason": "x"}
    assert set(answers.check_answers(step, given_)[1]) == faults


def test_numbers_come_back_as_decimal_text_and_yes_no_as_bool() -> None:
    step = script().step("fee")
    assert step is not None
    assert answers.check_answers(step, {"amount": "20.50", "agreed": "on"})[0] == {
        "amount": "20.50",
        "agreed": True,
    }
    assert set(answers.check_answers(step, {"amount": "100", "agreed": "perhaps"})[1]) == {
        "amount",
        "agreed",
    }
    assert set(answers.check_answers(step, {"amount": "NaN", "agreed": "no"})[1]) == {"amount"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"language": "crewline-script/2"}, "language"),
        ({"steps": [{"id": "a"}]}, "steps[0]"),
        ({"surprise": 1}, ""),
        ({"start": 7}, "start"),
    ],
)
def test_a_document_that_is_no_script_is_refused_with_its_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid) as refused:
        script(**change)
    assert (refused.value.field or "") == place


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"start": "nowhere"}, "no step 'nowhere'"),
        ({"languages": ["zh_Hans"]}, "text in zh_Hans is missing"),
        ({"steps": [*EXAMPLE["steps"], {"id": "x", "title": {"en": "X"}}]}, "never reached"),
        (
            {"steps": [*EXAMPLE["steps"][:3], {**EXAMPLE["steps"][3], "then": "find"}]},
            "in a circle",
        ),
        ({"steps": [*EXAMPLE["steps"][:3]]}, "'bye', which does not exist"),
    ],
)
def test_a_script_unfit_to_publish_says_why(change: dict[str, Any], says: str) -> None:
    assert any(says in problem for problem in checks.problems(script(**change)))


def test_texts_fall_back_to_the_sister_script_and_then_to_the_first_language() -> None:
    texts = {"en": "Change", "zh_Hans": "改签"}
    assert rules.text_in(texts, "zh_Hant") == "改签"
    assert rules.text_in(texts, "fr") == "Change"
    assert rules.text_in({}, "en") == ""


@given(st.lists(st.sampled_from(["weather", "other", "back"]), max_size=30))
def test_any_walk_stays_on_the_graph_and_finishes(moves: list[str]) -> None:
    it, run = script(), rules.Run()
    for move in moves:
        step = rules.next_step(it, run)
        if move == "back" or step is None:
            run = rules.back(it, run)
            continue
        values = {"booking": "AS-4817", "reason": move} if step.id == "find" else {}
        run = rules.finish_step(it, run, step.id, values)
        done = rules.path(it, run)
        assert len({s.id for s in done}) == len(done) <= 3
        assert done[0].id == "find"


def test_the_documented_example_can_be_published() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "script-language.md").read_text(encoding="utf-8")
    document = yaml.safe_load(text.split("```yaml\n", 2)[1].split("```", 1)[0])
    assert checks.problems(rules.parse_script(document)) == []
