"""The end of a page of contacts, as opaque text."""

import base64
import binascii
from datetime import datetime
from uuid import UUID

from crewline_billing.invoices.model import LineContact
from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _


def contact_cursor(contact: LineContact) -> str | None:
    if contact.ended_at is None:
        return None
    return base64.urlsafe_b64encode(f"{contact.ended_at.isoformat()}|{contact.contact_id}".encode()).decode()


def contact_position(cursor: str) -> tuple[datetime, UUID]:
    """Raises `Invalid` for text that no page ended with."""
    try:
        at, _bar, contact_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None:
            raise ValueError(at)
        return instant, UUID(contact_id)
    except (ValueError, binascii.Error):
        raise Invalid(_("This is not the end of a page."), field="after") from None
