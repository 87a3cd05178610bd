"""Call-level history of other systems, read through a mapping into records."""
