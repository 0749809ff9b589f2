-- name: register
insert into agent (id, tenant_id, kind, name, labels, queues, version, host, capacity, session_id, api_key_id, registered_at,
    last_seen_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12::timestamptz, now()), coalesce($12::timestamptz, now()))
on conflict (tenant_id, kind, name) do update set
    labels = excluded.labels,
    queues = excluded.queues,
    version = excluded.version,
    host = excluded.host,
    capacity = excluded.capacity,
    session_id = excluded.session_id,
    api_key_id = excluded.api_key_id,
    draining = false,
    registered_at = excluded.registered_at,
    last_seen_at = excluded.last_seen_at
returning id, session_id

-- name: select
select g.id, g.name, g.kind, g.labels, g.queues, g.version, g.host, g.capacity,
       (select count(*) from attempt a where a.agent_id = g.id and a.ended_at is null)::int as running,
       g.last_seen_at >= coalesce($2::timestamptz, now()) - make_interval(secs => $3) as online,
       g.last_seen_at, g.registered_at, g.draining
from agent g
where g.tenant_id = $1

-- name: chosen
and g.id = any ($4::uuid[])

-- name: listed
and ($4::timestamptz is null or (g.registered_at, g.id) < ($4, $5::uuid))
and ($6::text is null or g.name = $6)
and ($7::text is null or g.kind = $7)
and ($8::text is null or $8 = any (g.queues))
order by g.registered_at desc, g.id desc
limit $9
