"""Seeded call histories with the patterns of a real centre: for demonstrations, tests and measurements."""
