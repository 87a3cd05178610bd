"""The agent's desk: state, the contacts in hand, the tenant's script, the result."""
