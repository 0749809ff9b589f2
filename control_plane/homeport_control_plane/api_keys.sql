-- name: create
insert into api_key (id, tenant_id, name, kind, secret_hash, queues, created_by, expires_at, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9::timestamptz, now()))
returning id, name, kind, queues, created_at, created_by, expires_at, revoked_at, last_used_at

-- name: revoke
update api_key set revoked_at = coalesce(revoked_at, $3::timestamptz, now())
where tenant_id = $1 and id = $2
returning id, name, kind, queues, created_at, created_by, expires_at, revoked_at, last_used_at

-- name: page
select id, name, kind, queues, created_at, created_by, expires_at, revoked_at, last_used_at
from api_key
where tenant_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::text))
order by created_at desc, id desc
limit $4
