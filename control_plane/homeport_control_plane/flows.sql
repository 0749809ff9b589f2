-- name: get_many
select f.id, f.name, f.project_id, p.name as project_name, f.created_at, f.latest_version_id
from flow f join project p on p.id = f.project_id
where f.tenant_id = $1 and f.id = any ($2::uuid[]) and f.latest_version_id is not null

-- name: by_name
select f.id, f.name, f.project_id, p.name as project_name, f.created_at, f.latest_version_id
from flow f join project p on p.id = f.project_id
where f.tenant_id = $1 and p.tenant_id = $1 and p.name = $2 and f.name = $3 and f.latest_version_id is not null

-- name: page
select f.id, f.name, f.project_id, p.name as project_name, f.created_at, f.latest_version_id
from flow f join project p on p.id = f.project_id
where f.tenant_id = $1 and p.tenant_id = $1 and f.latest_version_id is not null
  and ($2::text is null or (p.name, f.name) > ($2, $3::text))
  and ($4::text is null or p.name = $4)
  and ($5::text is null or f.name = $5)
  and ($6::text is null or f.name ilike $6)
order by p.name, f.name
limit $7

-- name: versions
select id, flow_id, number, description, entrypoint, parameter_schema, graph, storage, content_digest, sdk_version,
       python_version, envelope, created_at, created_by
from flow_version
where tenant_id = $1 and flow_id = $2 and ($3::int is null or number < $3)
order by number desc
limit $4

-- name: versions_by_id
select id, flow_id, number, description, entrypoint, parameter_schema, graph, storage, content_digest, sdk_version,
       python_version, envelope, created_at, created_by
from flow_version
where tenant_id = $1 and id = any ($2::uuid[])
