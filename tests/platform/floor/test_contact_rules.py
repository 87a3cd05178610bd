"""The life of a contact: a state machine against the table, and time that always adds up."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crewline_floor.contacts import rules
from crewline_infra.clock import ms_between
from crewline_infra.errors import Conflict

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def arrived() -> rules.Contact:
    return rules.Contact(
        tenant_id=UUID(int=1),
        id=UUID(int=2),
        channel="voice",
        direction="inbound",
        engine="test",
        external_id="1",
        state="menu",
        arrived_at=START,
    )


def test_every_pair_is_in_the_table_or_refused() -> None:
    for state in get_args(rules.State):
        for act in get_args(rules.Act):
            contact = rules.Contact(
                **{f: getattr(arrived(), f) for f in rules.Contact.__struct_fields__} | {"state": state}
            )
            if (state, act) in rules.TRANSITIONS:
                assert rules.step(contact, act, START).state == rules.TRANSITIONS[state, act]
            else:
                with pytest.raises(Conflict):
                    rules.step(contact, act, START)


def test_a_worked_call() -> None:
    contact = arrived()
    for act, second in (
        ("enqueue", 5),
        ("offer", 20),
        ("return", 40),
        ("offer", 41),
        ("answer", 45),
        ("hold", 60),
        ("resume", 75),
        ("release", 100),
        ("finish", 130),
    ):
        contact = rules.step(contact, act, START + timedelta(seconds=second))  # type: ignore[arg-type]  # words of the table
    spent = rules.durations(contact)
    assert spent == rules.Durations(
        menu_ms=5_000, wait_ms=40_000, ring_ms=24_000, talk_ms=40_000, hold_ms=15_000, wrap_ms=30_000
    )
    assert contact.outcome == "answered"


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.contact = arrived()

    @rule(act=st.sampled_from(get_args(rules.Act)), ms=st.integers(-5_000, 60_000), us=st.integers(0, 999))
    def happen(self, act: rules.Act, ms: int, us: int) -> None:
        at = START + timedelta(milliseconds=ms, microseconds=us)
        if not rules.allowed(self.contact.state, act):
            with pytest.raises(Conflict):
                rules.step(self.contact, act, at)
            return
        before = self.contact
        self.contact = rules.step(before, act, at)
        assert self.contact.revision == before.revision + 1

    @invariant()
    def time_adds_up(self) -> None:
        contact = self.contact
        if contact.ended_at is None:
            assert contact.outcome is None
            return
        spent = rules.durations(contact)
        assert min(spent.menu_ms, spent.wait_ms, spent.talk_ms, spent.hold_ms, spent.wrap_ms) >= 0
        assert spent.ring_ms <= spent.wait_ms
        whole = spent.menu_ms + spent.wait_ms + spent.talk_ms + spent.hold_ms + spent.wrap_ms
        assert whole == ms_between(contact.arrived_at, contact.wrapped_at or contact.ended_at)
        assert (contact.outcome == "answered") == (contact.answered_at is not None)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
