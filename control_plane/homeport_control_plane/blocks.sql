-- name: describe_type
insert into block_type (id, tenant_id, slug, title, schema, secret_fields, version)
values ($2, $1, $3, $4, $5::text::json, $6, $7)
on conflict (tenant_id, slug) do nothing

-- name: lock_type
select t.id, t.slug, t.title, t.schema, t.secret_fields, t.version, t.updated_at from block_type t
where t.tenant_id = $1 and t.slug = $2 for update

-- name: redescribe_type
update block_type t set title = $3, schema = $4::text::json, secret_fields = $5, version = $6, updated_at = now()
where t.tenant_id = $1 and t.id = $2
returning t.id, t.slug, t.title, t.schema, t.secret_fields, t.version, t.updated_at

-- name: type
select t.id, t.slug, t.title, t.schema, t.secret_fields, t.version, t.updated_at from block_type t
where t.tenant_id = $1 and t.slug = $2

-- name: types
select t.id, t.slug, t.title, t.schema, t.secret_fields, t.version, t.updated_at from block_type t
where t.tenant_id = $1 and ($2::text is null or t.slug > $2)
order by t.slug
limit $3

-- name: types_by_id
select t.id, t.slug, t.title, t.schema, t.secret_fields, t.version, t.updated_at from block_type t
where t.tenant_id = $1 and t.id = any ($2::uuid[])

-- name: create
insert into block (id, tenant_id, block_type_id, name, fields, secrets, created_by, updated_by)
values ($2, $1, $3, $4, $5::text::json, $6::text::json, $7, $7)
on conflict (tenant_id, block_type_id, name) do nothing
returning id

-- name: lock
select b.id, b.fields, b.secrets from block b
where b.tenant_id = $1 and b.block_type_id = $2 and b.name = $3 for update

-- name: update
update block b set fields = $3::text::json, secrets = $4::text::json, revision = b.revision + 1, updated_at = now(),
    updated_by = $5
where b.tenant_id = $1 and b.id = $2

-- name: delete
-- Its row is locked (`lock`), and this statement's snapshot is younger: a registration that was under way is seen.
delete from block b
where b.tenant_id = $1 and b.id = $2 and not exists (
    select from flow_version v join deployment d on d.flow_version_id = v.id
    where v.tenant_id = $1 and v.block_id = b.id and d.deleted_at is null)
returning b.id

-- name: get
select b.id, b.block_type_id, t.slug as type, b.name, b.fields, b.secrets, b.revision, b.created_at, b.created_by, b.updated_at,
       b.updated_by
from block b join block_type t on t.id = b.block_type_id
where b.tenant_id = $1 and t.tenant_id = $1 and t.slug = $2 and b.name = $3

-- name: page
select b.id, b.block_type_id, t.slug as type, b.name, b.fields, b.secrets, b.revision, b.created_at, b.created_by, b.updated_at,
       b.updated_by
from block b join block_type t on t.id = b.block_type_id
where b.tenant_id = $1 and t.tenant_id = $1
  and ($2::text is null or (t.slug, b.name) > ($2, $3::text))
  and ($4::text is null or t.slug = $4)
order by t.slug, b.name
limit $5

-- name: users
-- Of each block the deployments whose code lies in its storage, the first $3.
select b.id as block_id, d.id, d.project, d.flow, d.deployment
from unnest($2::uuid[]) as b (id)
cross join lateral (
    select d.id, p.name as project, f.name as flow, d.name as deployment
    from flow_version v
    join deployment d on d.flow_version_id = v.id
    join flow f on f.id = v.flow_id
    join project p on p.id = f.project_id
    where v.tenant_id = $1 and v.block_id = b.id and d.deleted_at is null
    order by p.name, f.name, d.name
    limit $3
) d
order by d.project, d.flow, d.deployment

-- name: use
-- The block of a version that is being registered; it cannot be deleted meanwhile.
select b.id, t.secret_fields
from block b join block_type t on t.id = b.block_type_id
where b.tenant_id = $1 and t.tenant_id = $1 and t.slug = $2 and b.name = $3
for key share of b
