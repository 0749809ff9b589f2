-- name: project
select id from project where tenant_id = $1 and name = $2 for key share

-- name: default_project
insert into project (id, tenant_id, name, description)
values ($1, $2, $3, 'Made by the first registration that named no other project.')
on conflict (tenant_id, name) do nothing

-- name: flow
-- The flow, made where missing and locked: versions of one flow are numbered one after the other.
insert into flow (id, tenant_id, project_id, name) values ($1, $2, $3, $4)
on conflict (tenant_id, project_id, name) do update set name = excluded.name
returning id

-- name: known_versions
-- The version that the deployment has now, and the flow's latest.
select v.id, v.content_digest, v.description_digest, v.block_id
from flow f
left join deployment d on d.tenant_id = $1 and d.flow_id = f.id and d.name = $3
join flow_version v on v.id in (d.flow_version_id, f.latest_version_id)
where f.tenant_id = $1 and f.id = $2
order by v.id = d.flow_version_id desc nulls last

-- name: new_version
with made as (
    insert into flow_version (id, tenant_id, flow_id, number, description, entrypoint, parameter_schema, graph, storage,
        content_digest, description_digest, sdk_version, python_version, envelope, created_by, block_id)
    select $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6::text::json, $7::text::json, $8::text::json,
           $9, $10, $11, $12, $13::text::json, $14, $15
    from flow_version where flow_id = $3
    returning id
)
update flow set latest_version_id = made.id from made where flow.tenant_id = $2 and flow.id = $3
returning made.id

-- name: deployment
-- Changes nothing, and counts no revision, if nothing is different. A deleted one is there again, as if it were new.
insert into deployment as d
    (id, tenant_id, flow_id, name, flow_version_id, queue_id, parameters, labels, run_config, on_lost, schedule,
     schedule_active, description, version, tags)
values ($1, $2, $3, $4, $5, $6, $7::text::json, $8, $9::text::json, $10, $11::text::json, coalesce($12::boolean, true),
        $13, $14, $15)
on conflict (tenant_id, flow_id, name) do update set
    flow_version_id = excluded.flow_version_id,
    queue_id = excluded.queue_id,
    parameters = excluded.parameters,
    labels = excluded.labels,
    run_config = excluded.run_config,
    on_lost = excluded.on_lost,
    schedule = excluded.schedule,
    schedule_active = coalesce($12::boolean, d.schedule_active or d.deleted_at is not null),
    description = excluded.description,
    version = excluded.version,
    tags = excluded.tags,
    paused = d.paused and d.deleted_at is null,
    created_at = case when d.deleted_at is null then d.created_at else now() end,
    deleted_at = null,
    -- What was made ahead is taken back with it.
    scheduled_until = '-infinity',
    revision = d.revision + 1,
    updated_at = now()
where (d.flow_version_id, d.queue_id, d.parameters::text, d.labels, d.run_config::text, d.on_lost, d.schedule::text,
       d.schedule_active, d.description, d.version, d.tags, d.deleted_at) is distinct from
      (excluded.flow_version_id, excluded.queue_id, excluded.parameters::text, excluded.labels, excluded.run_config::text,
       excluded.on_lost, excluded.schedule::text, coalesce($12::boolean, d.schedule_active), excluded.description,
       excluded.version, excluded.tags, null)
returning id

-- name: take_back
-- Runs that were made ahead of a schedule, and that nobody has taken: they are made anew of what the deployment is now.
with ahead as (
    select r.id from flow_run r
    where r.tenant_id = $1 and r.deployment_id = $2 and r.state_type = 'SCHEDULED' and r.created_by = 'scheduler'
      and r.attempt_number = 0 and r.scheduled_at > now()
    for update skip locked
),
forgotten as (
    delete from flow_run_state s using ahead where s.flow_run_id = ahead.id
)
delete from flow_run r using ahead where r.id = ahead.id
