-- Blocks: named, typed configuration of storage and infrastructure; of a secret only where the customer keeps it.

create table block_type (
    id uuid primary key,
    tenant_id uuid not null references tenant,
    slug text not null,
    title text not null,
    schema json not null,
    secret_fields text[] not null,
    -- The version of the package that described the type last; an older one leaves it as it is.
    version text not null,
    updated_at timestamptz not null default now(),
    unique (tenant_id, slug),
    unique (tenant_id, id)
);

create table block (
    id uuid primary key,
    tenant_id uuid not null,
    block_type_id uuid not null,
    name text not null,
    fields json not null,
    -- Field -> reference ("env:SMB_PASSWORD").
    secrets json not null,
    revision int not null default 1,
    created_at timestamptz not null default now(),
    created_by text not null,
    updated_at timestamptz not null default now(),
    updated_by text not null,
    unique (tenant_id, block_type_id, name),
    unique (tenant_id, id),
    foreign key (tenant_id, block_type_id) references block_type (tenant_id, id)
);

-- A version whose code lies in the storage of a block: what the block says now holds whenever a run is claimed.
alter table flow_version
    add column block_id uuid,
    add foreign key (tenant_id, block_id) references block (tenant_id, id) on delete set null (block_id);
create index flow_version_of_block on flow_version (block_id) where block_id is not null;
create index deployment_of_version on deployment (flow_version_id);
