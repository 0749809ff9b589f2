-- name: rescue
-- An attempt that another rescuer, a report or a finish has locked is not lost, or not ours: skipped.
with lost as materialized (
    select a.id, a.tenant_id, a.flow_run_id, a.number, a.agent_id, a.executor, a.started_at is not null as started,
           coalesce(a.reported_at, a.claimed_at) as heard_at
    from attempt a
    where a.ended_at is null and a.lease_until < coalesce($1::timestamptz, now())
    limit $2
    for update skip locked
),
verdict as (
    select lost.*,
        case
            when r.state_type = 'CANCELLING' then 'CANCELLED'
            when r.state_type = 'PENDING' then case when r.queue_id is null then 'CRASHED' else 'SCHEDULED' end
            -- It had suspended, and did not come to say that it was gone.
            when r.state_type = 'PAUSED' and r.state_name = 'Suspended' then 'PAUSED'
            when r.on_lost = 'RETRY' and r.queue_id is not null and r.lost_attempts + 1 < $3
                and exists (select from deployment d where d.id = r.deployment_id and d.deleted_at is null) then 'SCHEDULED'
            when r.on_lost = 'HOLD' then 'PAUSED'
            else 'CRASHED'
        end as to_type,
        r.state_type as from_type,
        r.state_type = 'PAUSED' and r.state_name = 'Suspended' as suspended,
        case
            when not lost.started then format('%s did not start it in time (last heard of at %s)', lost.executor,
                to_char(lost.heard_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS"Z"'))
            else format('the process that %s started was last heard of at %s', lost.executor,
                to_char(lost.heard_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS"Z"'))
        end as seen
    from lost join flow_run r on r.id = lost.flow_run_id and r.attempt_id = lost.id
),
rescued as (
    update flow_run r set
        state_type = v.to_type,
        state_name = case
            when v.to_type = 'SCHEDULED' and v.from_type in ('RUNNING', 'PAUSED') then 'AwaitingRetry'
            when v.suspended then 'Suspended'
            when v.to_type = 'PAUSED' then 'Held'
            else initcap(v.to_type) end,
        state_message = case
            when v.to_type = 'CANCELLED' then format('Cancelled: attempt %s is gone; %s', v.number, v.seen)
            when v.suspended then r.state_message
            when v.from_type = 'PENDING' then format('Attempt %s given up: %s', v.number, v.seen)
            when v.to_type = 'SCHEDULED' then format('Attempt %s lost: %s; to be tried again', v.number, v.seen)
            when v.to_type = 'PAUSED' then format('Attempt %s lost: %s; held for a person to decide', v.number, v.seen)
            when r.on_lost = 'RETRY' then format('Attempt %s lost, the %s. of this run: %s', v.number, r.lost_attempts + 1, v.seen)
            else format('Attempt %s lost: %s', v.number, v.seen) end,
        state_at = coalesce($1::timestamptz, now()),
        state_actor = 'rescuer',
        event_number = r.event_number + 1,
        lost_attempts = r.lost_attempts + case when v.from_type in ('RUNNING', 'PAUSED') and not v.suspended then 1 else 0 end,
        finished_at = case when v.to_type in ('CRASHED', 'CANCELLED') then coalesce($1::timestamptz, now()) end,
        attempt_id = null
    from verdict v
    -- The verdict was made of the state as it was seen; a run that has moved on since is left to the next round.
    where r.id = v.flow_run_id and r.attempt_id = v.id and r.state_type = v.from_type
    returning r.*, v.id as lost_attempt, v.agent_id
),
ended as (
    update attempt a set
        ended_at = coalesce($1::timestamptz, now()),
        lease_until = null,
        outcome = case when r.finished_at is not null then r.state_type end,
        superseded = r.finished_at is null
    from rescued r
    where a.id = r.lost_attempt
),
closed as (
    update task_run t set
        state_type = case when r.state_type <> 'CANCELLED' and t.state_type in ('PENDING', 'RUNNING', 'CANCELLING')
                          then 'CRASHED' else 'CANCELLED' end,
        state_name = case when r.state_type <> 'CANCELLED' and t.state_type in ('PENDING', 'RUNNING', 'CANCELLING')
                          then 'Crashed' else 'Cancelled' end,
        state_message = 'The attempt was lost',
        state_at = r.state_at,
        event_number = t.event_number + 1,
        finished_at = r.state_at
    from rescued r
    where t.attempt_id = r.lost_attempt and t.finished_at is null
    returning t.*
),
told as (
    insert into task_run_state
        (tenant_id, task_run_id, attempt_number, number, type, name, message, at, actor, accepted, recorded_at)
    select c.tenant_id, c.id, c.attempt_number, c.event_number, c.state_type, c.state_name, c.state_message, c.state_at,
           'rescuer', true, greatest(now(), c.state_at)
    from closed c
)
select r.id, r.tenant_id, r.state_type, r.agent_id, q.name as queue
from rescued r left join work_queue q on q.id = r.queue_id
