-- name: create
insert into project (id, tenant_id, name, description) values ($1, $2, $3, $4)
on conflict (tenant_id, name) do nothing
returning id, name, description, created_at, 0 as flow_count

-- name: by_name
select p.id, p.name, p.description, p.created_at,
       (select count(*) from flow f where f.tenant_id = $1 and f.project_id = p.id)::int as flow_count
from project p
where p.tenant_id = $1 and p.name = $2

-- name: get_many
select p.id, p.name, p.description, p.created_at,
       (select count(*) from flow f where f.tenant_id = $1 and f.project_id = p.id)::int as flow_count
from project p
where p.tenant_id = $1 and p.id = any ($2::uuid[])

-- name: page
select p.id, p.name, p.description, p.created_at,
       (select count(*) from flow f where f.tenant_id = $1 and f.project_id = p.id)::int as flow_count
from project p
where p.tenant_id = $1
  and ($2::text is null or p.name > $2)
  and ($3::text is null or p.name ilike $3)
order by p.name
limit $4

-- name: lock
select id from project where tenant_id = $1 and name = $2 for update

-- name: lock_runs
-- Locks every run of the project, so that nothing can claim one between the look and the deletion; counts those held.
select count(*) filter (where held)::int
from (
    select r.attempt_id is not null as held
    from flow_run r join flow f on f.id = r.flow_id
    where f.tenant_id = $1 and f.project_id = $2
    order by r.id
    for update of r
) as locked

-- name: delete_task_runs
delete from task_run t using flow_run r, flow f
where t.flow_run_id = r.id and r.flow_id = f.id and f.tenant_id = $1 and f.project_id = $2

-- name: delete_attempts
delete from attempt a using flow_run r, flow f
where a.flow_run_id = r.id and r.flow_id = f.id and f.tenant_id = $1 and f.project_id = $2

-- name: delete_runs
delete from flow_run r using flow f where r.flow_id = f.id and f.tenant_id = $1 and f.project_id = $2

-- name: delete_deployments
delete from deployment d using flow f where d.flow_id = f.id and f.tenant_id = $1 and f.project_id = $2

-- name: delete_versions
delete from flow_version v using flow f where v.flow_id = f.id and f.tenant_id = $1 and f.project_id = $2

-- name: delete_flows
delete from flow f where f.tenant_id = $1 and f.project_id = $2

-- name: delete_project
delete from project where tenant_id = $1 and id = $2
