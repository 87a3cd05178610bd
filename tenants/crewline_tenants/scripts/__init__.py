"""The tenant's guided flow for agents, versioned, pinned to the contact; and its dispositions."""
