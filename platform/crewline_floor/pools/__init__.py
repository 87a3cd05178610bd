"""Pools of agents shared by tenants: shares, floors, caps, members; who may decide for a pool."""
