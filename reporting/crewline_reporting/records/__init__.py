"""The ledger of facts: one immutable, versioned account of every finished contact."""
