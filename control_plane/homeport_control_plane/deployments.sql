-- name: get_many
-- Deleted ones too: their runs are still shown.
select d.id, d.name, d.flow_id, f.name as flow_name, f.project_id, p.name as project_name, d.flow_version_id, d.parameters,
       d.labels, q.name as queue, d.run_config, d.on_lost, d.paused, d.schedule, d.schedule_active,
       d.description, d.version, d.tags, d.created_at, d.updated_at, d.deleted_at
from deployment d
join flow f on f.id = d.flow_id
join project p on p.id = f.project_id
join work_queue q on q.id = d.queue_id
where d.tenant_id = $1 and d.id = any ($2::uuid[])

-- name: by_name
select d.id, d.name, d.flow_id, f.name as flow_name, f.project_id, p.name as project_name, d.flow_version_id, d.parameters,
       d.labels, q.name as queue, d.run_config, d.on_lost, d.paused, d.schedule, d.schedule_active,
       d.description, d.version, d.tags, d.created_at, d.updated_at, d.deleted_at
from deployment d
join flow f on f.id = d.flow_id
join project p on p.id = f.project_id
join work_queue q on q.id = d.queue_id
where d.tenant_id = $1 and p.tenant_id = $1 and p.name = $2 and f.name = $3 and d.name = $4
  and d.deleted_at is null

-- name: page
select d.id, d.name, d.flow_id, f.name as flow_name, f.project_id, p.name as project_name, d.flow_version_id, d.parameters,
       d.labels, q.name as queue, d.run_config, d.on_lost, d.paused, d.schedule, d.schedule_active,
       d.description, d.version, d.tags, d.created_at, d.updated_at, d.deleted_at
from deployment d
join flow f on f.id = d.flow_id
join project p on p.id = f.project_id
join work_queue q on q.id = d.queue_id
where d.tenant_id = $1
  and d.deleted_at is null
  and ($2::timestamptz is null or (d.created_at, d.id) < ($2, $3::uuid))
  and ($4::text is null or p.name = $4)
  and ($5::text is null or f.name = $5)
  and ($6::text is null or d.name = $6)
  and ($7::text is null or q.name = $7)
order by d.created_at desc, d.id desc
limit $8
