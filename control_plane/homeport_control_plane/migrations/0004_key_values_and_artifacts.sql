-- What flows keep at the control plane by themselves: small values by key, and artifacts of their runs.

create table key_value (
    tenant_id uuid not null references tenant,
    key text not null,
    value json not null,
    updated_at timestamptz not null default now(),
    updated_by text not null,
    primary key (tenant_id, key)
);

create table artifact (
    id uuid primary key,
    tenant_id uuid not null references tenant,
    flow_run_id uuid not null references flow_run on delete cascade,
    task_run_id uuid,
    kind text not null check (kind in ('LINK', 'MARKDOWN', 'TABLE', 'IMAGE')),
    key text,
    version int check (version > 0),
    description text,
    data json not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint a_key_has_versions check ((key is null) = (version is null)),
    unique (tenant_id, key, version)
);
create index artifact_newest on artifact (tenant_id, created_at desc, id desc);
create index artifact_of_run on artifact (flow_run_id, created_at, id);
