"""Gives every demonstration tenant a CRM: an endpoint at the demonstration receiver, and the key of both sides."""

import hashlib
import hmac
from uuid import UUID

from crewline_app import store
from crewline_app.demo.crm_receiver import KeyOf
from crewline_infra.db import Database
from crewline_infra.egress import Policy
from crewline_infra.secrets import SecretBox, secret_file
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.crm import rules, service

_SEED = "demo_crm"
LAST_PORT = 65_535


def default_port(settings: Settings) -> int:
    return settings.port + 1 if settings.port < LAST_PORT else settings.port - 1


def key_of(settings: Settings) -> KeyOf:
    """The signing key of a hook's name (the tenant's slug), the same in every process of this home."""
    seed = secret_file(settings.secrets_folder, _SEED)
    return lambda slug: hmac.new(seed, slug.encode(), hashlib.sha256).digest()


async def connect(database: Database, settings: Settings, port: int) -> int:
    """Add an endpoint to each tenant that has none; returns to how many. Needs the worker's login."""
    async with database.transaction(Context(Role.DISPATCH, request_id="demo-crm")) as tx:
        tenants = await store.tenants(tx)
    added = 0
    for tenant in tenants:
        added += await _connect_one(database, settings, tenant.id, tenant.slug, port)
    return added


async def _connect_one(database: Database, settings: Settings, tenant_id: UUID, slug: str, port: int) -> bool:
    vault = service.Vault(SecretBox.from_folder(settings.secrets_folder), Policy(loopback=True))
    secret = rules.encode_secret(key_of(settings)(slug) or b"")
    url = f"http://127.0.0.1:{port}/hooks/{slug}"
    async with database.transaction(Context(Role.WORKER, tenant_id, request_id="demo-crm")) as tx:
        endpoints = await service.list_endpoints(tx, tenant_id)
        if not endpoints:
            await service.add_endpoint(tx, tenant_id, vault, url, secret)
            return True
        for endpoint in endpoints:
            if endpoint.url.startswith("http://127.0.0.1:") and endpoint.url != url:
                await service.change_endpoint(tx, tenant_id, vault, endpoint.id, url=url, state=endpoint.state)
    return False
