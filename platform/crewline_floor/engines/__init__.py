"""Engines bring customers and connect them with agents: real ones by adapters, and a simulated one."""
