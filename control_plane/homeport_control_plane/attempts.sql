-- name: start
-- The commit point. The attempt's row is locked first, so that of two instances the second finds the first.
with mine as (
    select a.id, a.flow_run_id from attempt a
    where a.tenant_id = $1 and a.id = $2 and a.ended_at is null and a.instance is null
    for update
),
started as (
    update flow_run r set
        state_type = 'RUNNING',
        state_name = 'Running',
        state_message = '',
        state_at = coalesce($6::timestamptz, now()),
        state_actor = 'run',
        event_number = r.event_number + 1,
        started_at = coalesce(r.started_at, $6::timestamptz, now())
    from mine
    where r.tenant_id = $1 and r.id = mine.flow_run_id and r.attempt_id = mine.id and r.state_type = 'PENDING'
    returning r.id, r.attempt_id
)
update attempt a set
    instance = $3,
    host = $4,
    pid = $5,
    started_at = coalesce($6::timestamptz, now()),
    reported_at = coalesce($6::timestamptz, now()),
    lease_until = coalesce($6::timestamptz, now()) + make_interval(secs => $7)
from started
where a.id = started.attempt_id
returning a.flow_run_id

-- name: start_again
-- The answer to the first start was lost; the same instance asks again.
update attempt a set lease_until = greatest(a.lease_until, coalesce($4::timestamptz, now()) + make_interval(secs => $5))
where a.tenant_id = $1 and a.id = $2 and a.instance = $3 and a.ended_at is null
returning a.id

-- name: standing
-- What an attempt that was not allowed something needs to be told.
select a.number, a.instance, a.started_at, a.ended_at, a.outcome, a.superseded, a.flow_run_id,
       r.attempt_number, r.attempt_id, r.state_type, r.state_name, r.state_message, r.state_at, r.state_actor, r.event_number, r.result,
       r.name as flow_run_name
from attempt a join flow_run r on r.id = a.flow_run_id
where a.tenant_id = $1 and a.id = $2
  and ($3::text is null or exists (select from agent g where g.id = a.agent_id and g.api_key_id = $3))

-- name: cancelling
-- A running run reaches CANCELLED by way of CANCELLING, also when nobody but the run itself asked for it. The attempt is locked
-- before the run, as everywhere.
with mine as (
    select a.id, a.flow_run_id from attempt a
    where a.tenant_id = $1 and a.id = $2 and a.ended_at is null
      and ($3::text is null or exists (select from agent g where g.id = a.agent_id and g.api_key_id = $3))
      and ($6::text is null or a.instance is null or a.instance = $6)
    for update
)
update flow_run r set
    state_type = 'CANCELLING',
    state_name = 'Cancelling',
    state_message = 'The run stopped itself',
    state_at = coalesce($4::timestamptz, now()),
    state_actor = $5,
    event_number = r.event_number + 1,
    cancel_requested_at = coalesce($4::timestamptz, now())
from mine
where r.tenant_id = $1 and r.id = mine.flow_run_id and r.attempt_id = mine.id and r.state_type in ('RUNNING', 'PAUSED')

-- name: went_on
-- A flow that completes while one of its pauses is open has gone on without an answer, by way of RUNNING.
with mine as (
    select a.id, a.flow_run_id from attempt a
    where a.tenant_id = $1 and a.id = $2 and a.ended_at is null
      and ($3::text is null or exists (select from agent g where g.id = a.agent_id and g.api_key_id = $3))
      and ($6::text is null or a.instance is null or a.instance = $6)
    for update
)
update flow_run r set
    state_type = 'RUNNING',
    state_name = 'Running',
    state_message = 'The flow went on without an answer',
    state_at = coalesce($4::timestamptz, now()),
    state_actor = $5,
    event_number = r.event_number + 1
from mine
where r.tenant_id = $1 and r.id = mine.flow_run_id and r.attempt_id = mine.id and r.state_type = 'PAUSED'
returning r.id

-- name: finish
-- Only the attempt that holds the run may end it, and only once; its tasks end with it.
with mine as (
    select a.id, a.flow_run_id, a.number from attempt a
    where a.tenant_id = $1 and a.id = $2 and a.ended_at is null
      and ($8::text is null or a.instance is null or a.instance = $8)
      and ($9::text is null or exists (select from agent g where g.id = a.agent_id and g.api_key_id = $9))
    for update
),
finished as (
    update flow_run r set
        state_type = $3,
        state_name = $4,
        state_message = $5,
        result = $11::json,
        -- The end as the process saw it, as far as our clock can believe it.
        state_at = least(greatest(coalesce($6::timestamptz, $7::timestamptz, now()), r.state_at), coalesce($7, now())),
        state_actor = $10,
        event_number = r.event_number + 1,
        finished_at = least(greatest(coalesce($6::timestamptz, $7::timestamptz, now()), r.state_at), coalesce($7, now())),
        attempt_id = null
    from mine
    where r.tenant_id = $1 and r.id = mine.flow_run_id and r.attempt_id = mine.id
      and exists (select from state_transition t
                  where t.from_type = r.state_type and t.to_type = $3 and t.flow_runs and not t.by_retry)
    returning r.*, mine.number as number
),
ended as (
    update attempt a set
        ended_at = coalesce($7::timestamptz, now()), outcome = $3, lease_until = null
    from finished
    where a.id = $2
),
closed as (
    update task_run t set
        state_type = case when $3 = 'CRASHED' and t.state_type in ('PENDING', 'RUNNING', 'CANCELLING')
                          then 'CRASHED' else 'CANCELLED' end,
        state_name = case when $3 = 'CRASHED' and t.state_type in ('PENDING', 'RUNNING', 'CANCELLING')
                          then 'Crashed' else 'Cancelled' end,
        state_message = 'The flow run ended: ' || f.state_name,
        state_at = f.state_at,
        event_number = t.event_number + 1,
        finished_at = f.finished_at
    from finished f
    where t.attempt_id = $2 and t.finished_at is null
    returning t.*
),
told as (
    insert into task_run_state
        (tenant_id, task_run_id, attempt_number, number, type, name, message, at, actor, accepted, recorded_at)
    select c.tenant_id, c.id, c.attempt_number, c.event_number, c.state_type, c.state_name, c.state_message, c.state_at,
           'control plane', true, greatest(now(), c.state_at)
    from closed c
)
select f.id as flow_run_id, f.number, f.event_number, f.state_type, f.state_name, f.state_message, f.state_at, f.state_actor, f.result,
       q.tenant_id, case when q.concurrency_limit is not null then q.name end as freed_queue
from finished f left join work_queue q on q.id = f.queue_id

-- name: refused
-- What came too late or from a superseded attempt is kept, marked, and changes nothing.
insert into flow_run_state
    (tenant_id, flow_run_id, number, type, name, message, at, actor, attempt_number, accepted, recorded_at)
select a.tenant_id, a.flow_run_id, r.event_number, $3, $4, $5, coalesce($6::timestamptz, $7::timestamptz, now()), $8, a.number,
       false, greatest(now(), $7::timestamptz)
from attempt a join flow_run r on r.id = a.flow_run_id
where a.tenant_id = $1 and a.id = $2
  -- A report that is repeated until it is answered is kept once.
  and not exists (
      select from flow_run_state s
      where s.flow_run_id = a.flow_run_id and s.recorded_at >= r.created_at and not s.accepted
        and s.attempt_number = a.number and s.type = $3 and s.name = $4 and s.message = $5)

-- name: release
with mine as (
    select a.id, a.flow_run_id, a.number from attempt a
    where a.tenant_id = $1 and a.id = $2 and a.ended_at is null and a.started_at is null
      and ($6::text is null or exists (select from agent g where g.id = a.agent_id and g.api_key_id = $6))
    for update
),
given_back as (
    update flow_run r set
        state_type = case when r.state_type = 'CANCELLING' then 'CANCELLED' when $4 then 'CRASHED' else 'SCHEDULED' end,
        state_name = case when r.state_type = 'CANCELLING' then 'Cancelled' when $4 then 'Crashed' else 'Scheduled' end,
        state_message = case when r.state_type = 'CANCELLING' then 'Cancelled before it started'
                             when $4 then $3 else 'Given back: ' || $3 end,
        state_at = coalesce($5::timestamptz, now()),
        state_actor = $7,
        event_number = r.event_number + 1,
        finished_at = case when $4 or r.state_type = 'CANCELLING' then coalesce($5::timestamptz, now()) end,
        attempt_id = null
    from mine
    where r.tenant_id = $1 and r.id = mine.flow_run_id and r.attempt_id = mine.id and r.state_type in ('PENDING', 'CANCELLING')
    returning r.*, mine.number as number
),
ended as (
    update attempt a set
        ended_at = coalesce($5::timestamptz, now()),
        lease_until = null,
        outcome = case when g.state_type = 'SCHEDULED' then null else g.state_type end,
        superseded = g.state_type = 'SCHEDULED'
    from given_back g
    where a.id = $2
)
select g.id as flow_run_id, g.number, g.event_number, g.state_type, g.state_name, g.state_message, g.state_at, g.state_actor, g.result,
       q.name as queue
from given_back g left join work_queue q on q.id = g.queue_id

-- name: suspend
-- The process goes, and the run waits for a person without it. One that was resumed before the process had gone is due at once.
with mine as (
    select a.id, a.flow_run_id, a.number from attempt a
    where a.tenant_id = $1 and a.id = $2 and a.ended_at is null
      and ($3::text is null or a.instance is null or a.instance = $3)
      and ($4::text is null or exists (select from agent g where g.id = a.agent_id and g.api_key_id = $4))
    for update
),
let_go as (
    update flow_run r set
        state_type = case r.state_type when 'RUNNING' then 'SCHEDULED' else r.state_type end,
        state_name = case r.state_type when 'RUNNING' then 'Scheduled' else r.state_name end,
        state_at = case r.state_type when 'RUNNING' then coalesce($5::timestamptz, now()) else r.state_at end,
        event_number = r.event_number + case r.state_type when 'RUNNING' then 1 else 0 end,
        scheduled_at = case r.state_type when 'RUNNING' then coalesce($5::timestamptz, now()) else r.scheduled_at end,
        attempt_id = null
    from mine
    where r.tenant_id = $1 and r.id = mine.flow_run_id and r.attempt_id = mine.id and r.queue_id is not null
      and (r.state_type = 'PAUSED' or (r.state_type = 'RUNNING' and exists (
          select from flow_run_pause p
          where p.flow_run_id = r.id and p.attempt_id = mine.id and p.suspends and p.outcome = 'RESUMED')))
    returning r.*, mine.number as number
),
ended as (
    update attempt a set ended_at = coalesce($5::timestamptz, now()), outcome = 'PAUSED', lease_until = null
    from let_go
    where a.id = $2
),
closed as (
    update task_run t set
        state_type = 'CANCELLED',
        state_name = 'Cancelled',
        state_message = 'The flow run was suspended',
        state_at = coalesce($5::timestamptz, now()),
        event_number = t.event_number + 1,
        finished_at = coalesce($5::timestamptz, now())
    from let_go
    where t.attempt_id = $2 and t.finished_at is null
    returning t.*
),
told as (
    insert into task_run_state
        (tenant_id, task_run_id, attempt_number, number, type, name, message, at, actor, accepted, recorded_at)
    select c.tenant_id, c.id, c.attempt_number, c.event_number, c.state_type, c.state_name, c.state_message, c.state_at,
           'control plane', true, greatest(now(), c.state_at)
    from closed c
)
select l.id as flow_run_id, l.number, l.event_number, l.state_type, l.state_name, l.state_message, l.state_at, l.state_actor, l.result,
       q.name as queue
from let_go l left join work_queue q on q.id = l.queue_id

-- name: of_runs
select id, flow_run_id, number, agent_id, instance, claimed_at, started_at, ended_at, outcome, superseded
from attempt
where tenant_id = $1 and flow_run_id = any ($2::uuid[])
order by flow_run_id, number
