"""The live board: queues by tenant, agents, pools. Counters only, no person who called."""
