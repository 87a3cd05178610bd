"""The live floor: channels, contacts, agents, pools, routing, desk."""
