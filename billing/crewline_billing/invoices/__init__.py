"""Invoices: from rated usage and service-level credits to a numbered, frozen, verifiable bill."""
