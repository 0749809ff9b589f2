-- What people say of a deployment, and deployments that are deleted while the history of their runs stays.

alter table deployment
    add column description text not null default '',
    add column version text,
    add column tags text[] not null default '{}',
    add column deleted_at timestamptz,
    add constraint deleted_is_at_rest check (deleted_at is null or (paused and schedule is null));
