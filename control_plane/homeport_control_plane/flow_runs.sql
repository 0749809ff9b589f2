-- name: select
select r.id, r.name, f.project_id, p.name as project_name, r.flow_id, f.name as flow_name, r.flow_version_id, r.deployment_id,
       d.name as deployment_name, r.parameters, r.labels, q.name as queue, r.state_type, r.state_name, r.state_message,
       r.state_at, r.state_actor, r.event_number, r.attempt_number, r.attempt_id, a.agent_id, r.on_lost,
       r.cancel_requested_at, r.created_at, r.created_by, r.scheduled_at, r.started_at, r.finished_at, r.result,
       r.parent_flow_run_id, r.parent_task_run_id
from flow_run r
join flow f on f.id = r.flow_id
join project p on p.id = f.project_id
join deployment d on d.id = r.deployment_id
left join work_queue q on q.id = r.queue_id
left join attempt a on a.flow_run_id = r.id and a.number = r.attempt_number

-- name: flow_ids
select f.id from flow f join project p on p.id = f.project_id
where f.tenant_id = $1 and ($2::text is null or p.name = $2) and ($3::text is null or f.name = $3)

-- name: states
select s.flow_run_id, s.number, s.type, s.name, s.message, s.at, s.actor, s.attempt_number, s.accepted, s.result
from flow_run r
join flow_run_state s on s.flow_run_id = r.id and s.tenant_id = $1 and s.recorded_at >= r.created_at
where r.tenant_id = $1 and r.id = any ($2::uuid[])
order by s.flow_run_id, s.number, s.accepted desc, s.recorded_at

-- name: cancel
-- What nobody holds is cancelled here and now; what an attempt holds is asked to stop.
update flow_run r set
    state_type = case when r.attempt_id is null then 'CANCELLED' else 'CANCELLING' end,
    state_name = case when r.attempt_id is null then 'Cancelled' else 'Cancelling' end,
    state_message = case when r.attempt_id is null then 'Cancelled before it ran' else 'Asked to stop' end,
    state_at = coalesce($3::timestamptz, now()),
    state_actor = $4,
    event_number = r.event_number + 1,
    cancel_requested_at = coalesce($3::timestamptz, now()),
    finished_at = case when r.attempt_id is null then coalesce($3::timestamptz, now()) end
where r.tenant_id = $1 and r.id = $2 and r.state_type in ('SCHEDULED', 'PAUSED', 'PENDING', 'RUNNING')
returning (select a.agent_id from attempt a where a.id = r.attempt_id) as agent_id

-- name: same_project
select exists (
    select from flow_run mine
    join flow f on f.id = mine.flow_id
    join flow_run other on other.id = $3 and other.tenant_id = $1
    join flow g on g.id = other.flow_id and g.project_id = f.project_id
    where mine.tenant_id = $1 and mine.id = $2)
