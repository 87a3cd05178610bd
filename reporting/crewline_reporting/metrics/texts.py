"""Sentences that several metrics share."""

from crewline_infra.i18n import mark as _

BY_QUEUE_ENTRY = _("Counted in the interval in which the contact entered the queue.")
BY_ARRIVAL = _("Counted in the interval in which the contact arrived.")
