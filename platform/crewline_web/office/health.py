"""The installation's checks, as `crewline doctor` makes them, for a page."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from crewline_infra.i18n import gettext as _
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people.access import AnyRequest


@dataclass(frozen=True, slots=True)
class Check:
    """`found` says what is so, `fix` what to do about it."""

    name: str
    state: tuple[str, str]
    found: str
    fix: str = ""


Doctor = Callable[[Any], Awaitable[list[Check]]]


async def health_checks(request: AnyRequest) -> list[Check]:
    """The application's own list where it has one, else whether the database answers."""
    doctor: Doctor | None = getattr(request.app.state, "doctor", None)
    if doctor is not None:
        return await doctor(request.app.state)
    async with request.app.state.database.transaction(Context(role=Role.AUTH)) as tx:
        await tx.value("select 1")
    return [Check(_("Database"), ("ok", _("Good")), _("It answers."))]


def overall(checks: list[Check]) -> tuple[str, str]:
    kinds = {check.state[0] for check in checks}
    if "miss" in kinds:
        return "miss", _("Something is broken")
    return ("risk", _("Worth a look")) if "risk" in kinds else ("ok", _("All good"))
