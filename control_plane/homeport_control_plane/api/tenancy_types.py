"""Tenant, who is asking, and API keys as the contract shows them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from homeport_control_plane import __version__, api_keys, tenants
from homeport_control_plane.api.enums import KeyKind
from homeport_control_plane.authentication import Principal


@strawberry.type(description="The unit of isolation; everything else belongs to exactly one.")
class Tenant:
    id: strawberry.ID
    name: str
    created_at: datetime

    @classmethod
    def of(cls, tenant: tenants.Tenant) -> Tenant:
        return cls(id=strawberry.ID(str(tenant.id)), name=tenant.name, created_at=tenant.created_at)


@strawberry.type(description="Who the key is: never the secret.")
class Viewer:
    kind: str
    key_id: strawberry.ID
    key_name: str
    tenant: Tenant
    expires_at: datetime | None
    server_version: str

    @classmethod
    def of(cls, principal: Principal) -> Viewer:
        tenant = Tenant(
            id=strawberry.ID(str(principal.tenant_id)),
            name=principal.tenant_name,
            created_at=principal.tenant_created_at,
        )
        return cls(
            kind=principal.kind,
            key_id=strawberry.ID(principal.key_id),
            key_name=principal.key_name,
            tenant=tenant,
            expires_at=principal.expires_at,
            server_version=__version__,
        )


@strawberry.type(description="A key without its secret.")
class ApiKey:
    id: strawberry.ID
    name: str
    kind: KeyKind
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    queues: list[str] = strawberry.field(description="The queues an agent key is bound to; none: any.")

    @classmethod
    def of(cls, key: api_keys.ApiKey) -> ApiKey:
        return cls(
            id=strawberry.ID(key.id),
            name=key.name,
            kind=KeyKind(key.kind),
            created_at=key.created_at,
            created_by=key.created_by,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
            queues=list(key.queues),
        )
