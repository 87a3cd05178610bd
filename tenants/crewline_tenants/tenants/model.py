"""The tenant as the registry knows it."""

from dataclasses import dataclass
from uuid import UUID

from crewline_infra.i18n import current_locale


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """`time_zone` (IANA) cuts days and months; `currency` is ISO 4217; `colour` is a slot from 1 to 8."""

    id: UUID
    slug: str
    name: str
    name_zh_hans: str | None
    name_zh_hant: str | None
    time_zone: str
    currency: str
    locale: str
    colour: int
    state: str

    @property
    def shown_name(self) -> str:
        """The name in the language of the request."""
        local = {"zh_Hans": self.name_zh_hans, "zh_Hant": self.name_zh_hant}
        return local.get(current_locale()) or self.name
