-- name: create
-- Versions of a key count within the tenant; whoever makes one waits for the other (`lock_key`).
insert into artifact (id, tenant_id, flow_run_id, task_run_id, kind, key, version, description, data)
select $2, $1, r.id, $4, $5, $6::text,
       case when $6 is not null
            then (select coalesce(max(a.version), 0) + 1 from artifact a where a.tenant_id = $1 and a.key = $6) end,
       $7, $8::text::json
from flow_run r
where r.tenant_id = $1 and r.id = $3
returning id, flow_run_id, task_run_id, kind, key, version, description, data, created_at, updated_at

-- name: lock_key
select pg_advisory_xact_lock(hashtextextended('artifact:' || $1::uuid || ':' || $2::text, 0))

-- name: update
update artifact a set data = $4::text::json, updated_at = now()
where a.tenant_id = $1 and a.id = $2 and ($3::uuid is null or a.flow_run_id = $3) and a.kind = $5
returning id, flow_run_id, task_run_id, kind, key, version, description, data, created_at, updated_at

-- name: delete
delete from artifact a where a.tenant_id = $1 and a.id = $2 and ($3::uuid is null or a.flow_run_id = $3) returning a.id

-- name: get
select a.id, a.flow_run_id, a.task_run_id, a.kind, a.key, a.version, a.description, a.data, a.created_at, a.updated_at
from artifact a where a.tenant_id = $1 and a.id = $2

-- name: page
-- Newest first; with `latest`, only the last version of each key.
select a.id, a.flow_run_id, a.task_run_id, a.kind, a.key, a.version, a.description, a.data, a.created_at, a.updated_at
from artifact a
where a.tenant_id = $1
  and ($2::timestamptz is null or (a.created_at, a.id) < ($2, $3::uuid))
  and ($4::uuid is null or a.flow_run_id = $4)
  and ($5::text is null or a.key = $5)
  and ($6::text is null or a.kind = $6)
  and (not $7::boolean or a.key is null or not exists (
      select from artifact n where n.tenant_id = $1 and n.key = a.key and n.version > a.version))
order by a.created_at desc, a.id desc
limit $8
