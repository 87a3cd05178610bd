"""Verification: recompute a statement from nothing but the statement."""
