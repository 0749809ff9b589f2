-- name: run
select r.id, r.name, r.state_type, r.state_name, r.state_message, r.state_at, r.labels, r.scheduled_at, r.attempt_number,
       r.cancel_requested_at, r.queue_id, r.scheduled_at > coalesce($3::timestamptz, now()) as ahead,
       extract(epoch from r.scheduled_at - coalesce($3::timestamptz, now()))::float8 as seconds_ahead,
       extract(epoch from coalesce($3::timestamptz, now()) - r.state_at)::float8 as seconds_in_state,
       d.name as deployment_name, d.paused as deployment_paused,
       q.name as queue, q.paused as queue_paused, q.concurrency_limit,
       (select count(*) from flow_run o
        where o.queue_id = r.queue_id and o.attempt_id is not null)::int as held,
       a.executor, a.started_at is not null as started,
       extract(epoch from coalesce($3::timestamptz, now()) - coalesce(a.reported_at, a.claimed_at))::float8 as seconds_unheard,
       (select json_agg(json_build_object('key', p.key, 'schema', p.input_schema, 'seconds_left',
                extract(epoch from p.expires_at - coalesce($3::timestamptz, now()))::float8) order by p.paused_at, p.id)
        from flow_run_pause p where p.flow_run_id = r.id and p.outcome is null) as pauses,
       extract(epoch from a.lease_until - coalesce($3::timestamptz, now()))::float8 as lease_seconds
from flow_run r
join deployment d on d.id = r.deployment_id
left join work_queue q on q.id = r.queue_id
left join attempt a on a.id = r.attempt_id
where r.tenant_id = $1 and r.id = $2

-- name: holders
select r.name from flow_run r
where r.tenant_id = $1 and r.queue_id = $2 and r.attempt_id is not null
order by r.id
limit 5

-- name: agents
-- The agents of this queue, those heard of last first.
select g.name, g.kind, g.labels, g.capacity, g.draining,
       extract(epoch from coalesce($3::timestamptz, now()) - g.last_seen_at)::float8 as seconds_unseen,
       (select count(*) from attempt a where a.agent_id = g.id and a.ended_at is null)::int as running
from agent g
where g.tenant_id = $1 and $2 = any (g.queues)
order by g.last_seen_at desc
limit 200

-- name: other_queues
select distinct queue from agent g cross join unnest(g.queues) as queue
where g.tenant_id = $1 and g.last_seen_at >= coalesce($2::timestamptz, now()) - make_interval(secs => $3)
order by queue
limit 10
