-- name: api_key
-- The key if it may be used now. Its use is noted at most once in $3 seconds, so that a busy key is not a busy row.
with noted as (
    update api_key set last_used_at = coalesce($2::timestamptz, now())
    where id = $1 and revoked_at is null
      and coalesce(last_used_at, '-infinity') < coalesce($2::timestamptz, now()) - make_interval(secs => $3)
)
select k.id, k.name, k.kind, k.queues, k.expires_at, k.secret_hash, k.revoked_at is not null as revoked,
       coalesce(k.expires_at <= coalesce($2::timestamptz, now()), false) as expired,
       t.id as tenant_id, t.name as tenant_name, t.created_at as tenant_created_at
from api_key k
join tenant t on t.id = k.tenant_id
where k.id = $1

-- name: run_token
select a.id as attempt_id, a.flow_run_id, a.token_hash,
       coalesce(a.ended_at + make_interval(secs => $3) <= coalesce($2::timestamptz, now()), false) as expired,
       t.id as tenant_id, t.name as tenant_name, t.created_at as tenant_created_at
from attempt a
join tenant t on t.id = a.tenant_id
where a.id = $1
