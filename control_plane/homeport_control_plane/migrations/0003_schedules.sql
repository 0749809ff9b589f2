-- When a deployment's runs are due, and how far ahead runs were made of it.

alter table deployment
    add column schedule json,
    add column schedule_active boolean not null default true,
    add column scheduled_until timestamptz not null default '-infinity';
create index deployment_to_schedule on deployment (scheduled_until)
    where schedule is not null and schedule_active and not paused;
create index flow_run_of_schedule on flow_run (deployment_id) where state_type = 'SCHEDULED' and created_by = 'scheduler';
