"""Presence of agents, the slots in which they handle contacts, and the log of their time."""
