"""Contracts with tenants: the language, its versions, and which one is in force."""
