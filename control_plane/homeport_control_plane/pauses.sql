-- name: hold
-- Locks the attempt and then its run until the end of the transaction, so that what is read next is what stands.
with mine as (
    select a.id, a.flow_run_id from attempt a
    where a.tenant_id = $1 and a.id = $2 and a.ended_at is null and a.started_at is not null
    for update
)
select r.id, r.name, r.state_type, r.state_name, r.queue_id is null as direct
from flow_run r join mine on r.id = mine.flow_run_id
where r.tenant_id = $1 and r.attempt_id = mine.id
for update of r

-- name: reached
-- The pause that was asked for before (the answer was lost), or the answer that its place in the flow was given before.
select p.* from flow_run_pause p
where p.tenant_id = $1 and p.flow_run_id = $2 and (p.id = $3 or (p.key = $4 and p.outcome = 'RESUMED'))
order by p.id = $3 desc
limit 1

-- name: pause
-- Only the attempt that holds the run pauses it; beside another pause, the run is paused already.
with made as (
    insert into flow_run_pause
        (id, tenant_id, flow_run_id, attempt_id, task_run_id, key, message, input_schema, suspends, paused_at, expires_at)
    select $3, $1, r.id, $2, $4, $5, $6, $7::json, $8, coalesce($10::timestamptz, now()),
           coalesce($10::timestamptz, now()) + make_interval(secs => $9)
    from flow_run r
    where r.tenant_id = $1 and r.attempt_id = $2 and r.state_type in ('RUNNING', 'PAUSED')
    on conflict do nothing
    returning *
),
paused as (
    update flow_run r set
        state_type = 'PAUSED',
        state_name = case when made.suspends then 'Suspended' else 'Paused' end,
        state_message = $11,
        state_at = made.paused_at,
        state_actor = 'run',
        event_number = r.event_number + 1
    from made
    where r.tenant_id = $1 and r.attempt_id = $2 and r.id = made.flow_run_id and r.state_type = 'RUNNING'
)
select * from made

-- name: withdraw
-- The code that waited here goes on without an answer: it was stopped, or its time was over.
update flow_run_pause p set outcome = 'ABANDONED', ended_at = coalesce($4::timestamptz, now()), ended_by = 'run'
where p.tenant_id = $1 and p.flow_run_id = $2 and p.id = $3 and p.outcome is null
returning p.id

-- name: lock_run
-- The count of open pauses needs a snapshot younger than this lock: it is the next statement that counts.
select id from flow_run where tenant_id = $1 and id = $2 and state_type = 'PAUSED' for update

-- name: answer
update flow_run_pause p set
    outcome = 'RESUMED', input = $4::json, ended_at = coalesce($5::timestamptz, now()), ended_by = $6
from flow_run r
where p.tenant_id = $1 and p.flow_run_id = $2 and p.id = $3 and p.outcome is null
  and (p.expires_at is null or p.expires_at > coalesce($5::timestamptz, now()))
  and r.id = p.flow_run_id and r.state_type = 'PAUSED'
  -- Without a process it needs an agent, and the runs of a deleted deployment are given to none.
  and (r.attempt_id is not null or r.queue_id is not null
       and exists (select from deployment d where d.id = r.deployment_id and d.deleted_at is null))
returning p.key

-- name: go_on
-- Nothing is waited for any more: the process goes on where it waits, and where there is none the next attempt will.
update flow_run r set
    state_type = case when r.attempt_id is not null then 'RUNNING' else 'SCHEDULED' end,
    state_name = case when r.attempt_id is not null then 'Running' else 'Scheduled' end,
    state_message = $5,
    state_at = coalesce($3::timestamptz, now()),
    state_actor = $4,
    event_number = r.event_number + 1,
    scheduled_at = case when r.attempt_id is not null then r.scheduled_at else coalesce($3::timestamptz, now()) end
where r.tenant_id = $1 and r.id = $2 and r.state_type = 'PAUSED' and (r.attempt_id is not null or r.queue_id is not null)
  and not exists (select from flow_run_pause p where p.flow_run_id = r.id and p.outcome is null)
returning r.attempt_id is null as scheduled, (select q.name from work_queue q where q.id = r.queue_id) as queue

-- name: expired
-- Runs with a pause whose time is over; while a process is on its way out of one, it is left to go first.
select distinct p.tenant_id, p.flow_run_id
from flow_run_pause p join flow_run r on r.id = p.flow_run_id
where p.outcome is null and p.expires_at <= coalesce($1::timestamptz, now())
  and r.state_type = 'PAUSED' and (r.attempt_id is null or not p.suspends)
limit $2

-- name: expire
update flow_run_pause p set outcome = 'TIMED_OUT', ended_at = coalesce($3::timestamptz, now()), ended_by = 'control plane'
from flow_run r
where p.tenant_id = $1 and p.flow_run_id = $2 and p.outcome is null and p.expires_at <= coalesce($3::timestamptz, now())
  and r.id = p.flow_run_id and (r.attempt_id is null or not p.suspends)
returning p.key, p.paused_at

-- name: give_up
-- There is no process that could say so itself.
update flow_run r set
    state_type = 'FAILED',
    state_name = 'TimedOut',
    state_message = $4,
    state_at = coalesce($3::timestamptz, now()),
    state_actor = 'control plane',
    event_number = r.event_number + 1,
    finished_at = coalesce($3::timestamptz, now())
where r.tenant_id = $1 and r.id = $2 and r.state_type = 'PAUSED' and r.attempt_id is null
returning r.id

-- name: open_of_run
select p.* from flow_run_pause p
where p.tenant_id = $1 and p.flow_run_id = $2 and p.outcome is null
order by p.paused_at, p.id

-- name: last_ended
select p.* from flow_run_pause p
where p.tenant_id = $1 and p.flow_run_id = $2 and p.outcome is not null
order by p.ended_at desc, p.id desc
limit 1

-- name: of_runs
select p.* from flow_run_pause p
where p.tenant_id = $1 and p.flow_run_id = any ($2::uuid[])
order by p.flow_run_id, p.paused_at, p.id

-- name: of_attempt
-- What the process of an attempt waits for: its ended pauses, and in how many seconds the next of the open ones is over.
select a.flow_run_id, a.ended_at is null as live,
       (select count(*) from flow_run_pause p where p.attempt_id = a.id and p.flow_run_id = a.flow_run_id and p.outcome is not null)::int
           as ended,
       (select extract(epoch from min(p.expires_at) - now())::float8 from flow_run_pause p
        where p.attempt_id = a.id and p.flow_run_id = a.flow_run_id and p.outcome is null and not p.suspends) as seconds_left
from attempt a
where a.tenant_id = $1 and a.id = $2

-- name: ended_of_attempt
select p.* from flow_run_pause p
where p.tenant_id = $1 and p.flow_run_id = $2 and p.attempt_id = $3 and p.outcome is not null
order by p.ended_at, p.id
