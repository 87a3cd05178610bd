"""The installation's checks, as `crewline doctor` makes them, for a page."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from crewline_infra.clock import Clock
from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_infra.settings import Settings
from crewline_tenants.people.access import AnyRequest

STATES = {
    "ok": ("ok", mark("Good")),
    "warn": ("risk", mark("Worth a look")),
    "fail": ("miss", mark("Broken")),
}


class Finding(Protocol):
    """What the application's doctor says of one thing; `status` is ok, warn or fail."""

    @property
    def check(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def fix(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Check:
    """`found` says what is so, `fix` what to do about it."""

    name: str
    state: tuple[str, str]
    found: str
    fix: str


Doctor = Callable[[Settings, Clock], Awaitable[Sequence[Finding]]]


async def health_checks(request: AnyRequest) -> list[Check]:
    """By the doctor that the application was made with."""
    state: Any = request.app.state
    doctor: Doctor = state.doctor
    return [_check(finding) for finding in await doctor(state.settings, state.clock)]


def overall(checks: list[Check]) -> tuple[str, str]:
    kinds = {check.state[0] for check in checks}
    if "miss" in kinds:
        return "miss", _("Something is broken")
    return ("risk", _("Worth a look")) if "risk" in kinds else ("ok", _("All good"))


def _check(finding: Finding) -> Check:
    kind, word = STATES[finding.status]
    return Check(finding.check, (kind, _(word)), finding.detail, finding.fix)
