-- name: update
-- Changes nothing, and counts no revision, if nothing is different. What was made ahead of a schedule is made anew.
update deployment d set
    paused = coalesce($3::boolean, d.paused),
    schedule = case when $4::boolean then null else coalesce($5::text::json, d.schedule) end,
    schedule_active = coalesce($6::boolean, d.schedule_active),
    scheduled_until = '-infinity',
    revision = d.revision + 1,
    updated_at = now()
where d.tenant_id = $1 and d.id = $2 and d.deleted_at is null
  and (d.paused, d.schedule::text, d.schedule_active) is distinct from
      (coalesce($3::boolean, d.paused),
       case when $4::boolean then null else coalesce($5::text, d.schedule::text) end,
       coalesce($6::boolean, d.schedule_active))
returning d.id

-- name: parameters
-- What the runs of a new schedule would get, and what they must fit.
select d.parameters, v.parameter_schema
from deployment d join flow_version v on v.id = d.flow_version_id
where d.tenant_id = $1 and d.id = $2 and d.deleted_at is null

-- name: delete
-- At rest for ever: no schedule makes runs, and none that slipped in meanwhile is given to an agent.
update deployment set
    deleted_at = now(),
    paused = true,
    schedule = null,
    revision = revision + 1,
    updated_at = now()
where tenant_id = $1 and id = $2 and deleted_at is null
returning id

-- name: cancel_waiting
-- What an agent holds goes on to its end, also while it waits for a person.
update flow_run r set
    state_type = 'CANCELLED',
    state_name = 'Cancelled',
    state_message = 'Its deployment was deleted',
    state_at = now(),
    state_actor = $3,
    event_number = r.event_number + 1,
    cancel_requested_at = now(),
    finished_at = now()
where r.tenant_id = $1 and r.deployment_id = $2 and r.state_type in ('SCHEDULED', 'PAUSED') and r.attempt_id is null
returning r.id
