-- name: claim
-- Gives due runs of the agent's queues to it, as new attempts. A run that another agent is claiming at this moment is locked,
-- and skipped rather than waited for. Answers no row if the session is not the agent's, one without an attempt if nothing is due.
with me as (
    update agent set last_seen_at = greatest(last_seen_at, coalesce($4::timestamptz, now())), draining = $6
    where tenant_id = $1 and id = $2 and session_id = $3
    returning id, name, labels, queues
),
-- The queues with something for this agent. The longest waiting run decides between queues of one priority; an agent of one
-- queue does not pay for that look.
line as materialized (
    select q.id, q.priority, q.concurrency_limit, me.labels, head.scheduled_at as head
    from me
    join work_queue q on q.tenant_id = $1 and q.name = any (me.queues) and not q.paused
    left join lateral (
        select r.scheduled_at from flow_run r
        where cardinality(me.queues) > 1
          and r.queue_id = q.id and r.state_type = 'SCHEDULED' and r.scheduled_at <= coalesce($4::timestamptz, now())
          and r.labels <@ me.labels
        order by r.scheduled_at, r.id
        limit 1
    ) head on true
    where $5::int > 0 and not $6 and (head.scheduled_at is not null or cardinality(me.queues) = 1)
),
-- Only limited queues are locked and counted.
open_line as materialized (
    select line.id, line.labels, coalesce(limited.room, $5::int) as room
    from line
    left join queue_room(array(select l.id from line l where l.concurrency_limit is not null)) limited
        on limited.queue_id = line.id
    where line.concurrency_limit is null or limited.room > 0
    order by line.priority, line.head, line.id
),
-- Runs are locked one by one, in the order of the line, until there are enough: none is locked and then left.
due as materialized (
    select chosen.id, row_number() over () as n
    from (
        select waiting.id
        from open_line
        cross join lateral (
            select r.id from flow_run r
            where r.queue_id = open_line.id and r.state_type = 'SCHEDULED'
              and r.scheduled_at <= coalesce($4::timestamptz, now())
              and r.labels <@ open_line.labels
              and (select not d.paused from deployment d where d.id = r.deployment_id)
            order by r.scheduled_at, r.id
            limit open_line.room
            for update of r skip locked
        ) waiting
        limit $5::int
    ) chosen
),
taken as (
    update flow_run r set
        state_type = 'PENDING',
        state_name = 'Pending',
        state_message = 'Claimed by agent ' || me.name,
        state_at = coalesce($4::timestamptz, now()),
        state_actor = 'agent:' || me.name,
        event_number = r.event_number + 1,
        attempt_number = r.attempt_number + 1,
        attempt_id = token.id
    from due
    join unnest($7::uuid[], $8::bytea[]) with ordinality as token (id, hash, n) on token.n = due.n
    cross join me
    where r.id = due.id and r.state_type = 'SCHEDULED'
    returning r.*, due.n, token.hash as token_hash
),
made as (
    insert into attempt (id, tenant_id, flow_run_id, number, agent_id, executor, token_hash, claimed_at, lease_until)
    select t.attempt_id, $1, t.id, t.attempt_number, me.id, me.name, t.token_hash, coalesce($4::timestamptz, now()),
           coalesce($4::timestamptz, now()) + make_interval(secs => $9)
    from taken t cross join me
)
select t.n::int, t.attempt_id, t.attempt_number, t.id as flow_run_id, t.name as flow_run_name, f.name as flow_name,
       p.name as project_name, d.name as deployment_name, v.entrypoint, v.storage,
       b.fields as block_fields, b.secrets as block_secrets, v.content_digest, t.parameters, d.run_config, t.labels, t.scheduled_at, t.on_lost, v.envelope,
       -- Whether another agent of these queues has something to look for; if this one is full, nobody knows.
       (select count(*) from due) < $5::int and exists (
           select from work_queue q
           where q.tenant_id = $1 and q.name = any (me.queues) and not q.paused and q.concurrency_limit is null
             and exists (
                 select from flow_run r
                 where r.queue_id = q.id and r.state_type = 'SCHEDULED' and r.scheduled_at <= coalesce($4::timestamptz, now())
                   and r.id not in (select due.id from due))
       ) as more
from me
left join taken t on true
left join flow f on f.id = t.flow_id
left join project p on p.id = f.project_id
left join deployment d on d.id = t.deployment_id
left join flow_version v on v.id = t.flow_version_id
left join block b on b.id = v.block_id
order by t.n

-- name: agent_exists
select name from agent where tenant_id = $1 and id = $2

-- name: commands
-- What to do with attempts that the agent still has: cancel what was asked to stop; kill what is not its to run any more.
select live.id as attempt_id,
       case when a.ended_at is null and a.id is not null then 'CANCEL' else 'STOP_TRACKING' end as kind,
       case when a.id is null then 'unknown here'
            when a.superseded then 'superseded'
            when a.ended_at is not null then 'ended: ' || r.state_name
            else 'cancel was asked for by ' || r.state_actor end as reason
from unnest($3::uuid[]) as live (id)
left join attempt a on a.id = live.id and a.tenant_id = $1 and a.agent_id = $2
left join flow_run r on r.id = a.flow_run_id
where a.id is null
   or (a.ended_at is null and r.state_type = 'CANCELLING')
   or a.superseded
   -- A process that has just told its end is given the time to exit by itself.
   or a.ended_at < coalesce($4::timestamptz, now()) - make_interval(secs => $5)

-- name: queues
select queues from agent where tenant_id = $1 and id = $2

-- name: claim_direct
with taken as (
    update flow_run r set
        state_type = 'PENDING',
        state_name = 'Pending',
        state_message = 'Claimed to be executed by ' || $3::text,
        state_at = coalesce($4::timestamptz, now()),
        state_actor = $5,
        event_number = r.event_number + 1,
        attempt_number = r.attempt_number + 1,
        attempt_id = $6
    where r.tenant_id = $1 and r.id = $2 and r.queue_id is null and r.state_type = 'SCHEDULED'
    returning r.*
),
made as (
    insert into attempt (id, tenant_id, flow_run_id, number, executor, token_hash, claimed_at, lease_until)
    select $6, $1, t.id, t.attempt_number, $3::text, $7, coalesce($4::timestamptz, now()),
           coalesce($4::timestamptz, now()) + make_interval(secs => $8)
    from taken t
)
select 1 as n, t.attempt_id, t.attempt_number, t.id as flow_run_id, t.name as flow_run_name, f.name as flow_name,
       p.name as project_name, d.name as deployment_name, v.entrypoint, v.storage,
       b.fields as block_fields, b.secrets as block_secrets, v.content_digest, t.parameters, d.run_config, t.labels, t.scheduled_at, t.on_lost, v.envelope
from taken t
join flow f on f.id = t.flow_id
join project p on p.id = f.project_id
join deployment d on d.id = t.deployment_id
join flow_version v on v.id = t.flow_version_id
left join block b on b.id = v.block_id
