-- name: resume
-- Due from this moment on: it counts as late, and stands in line, from when a person sent it on.
update flow_run r set
    state_type = 'SCHEDULED',
    state_name = 'Scheduled',
    state_message = $5,
    state_at = coalesce($3::timestamptz, now()),
    state_actor = $4,
    event_number = r.event_number + 1,
    scheduled_at = coalesce($3::timestamptz, now())
where r.tenant_id = $1 and r.id = $2 and r.state_type = 'PAUSED' and r.attempt_id is null and r.queue_id is not null
  and exists (select from deployment d where d.id = r.deployment_id and d.deleted_at is null)
  -- One that waits at a pause is answered there.
  and not exists (select from flow_run_pause p where p.flow_run_id = r.id and p.outcome is null)
returning (select q.name from work_queue q where q.id = r.queue_id) as queue

-- name: retry
-- It was claimed before, so it is due; the time that it was scheduled for stays what its code reads, as with every other retry.
-- A person's word begins the count of lost attempts anew, and takes back a wish to cancel.
update flow_run r set
    state_type = 'SCHEDULED',
    state_name = 'AwaitingRetry',
    state_message = $5,
    state_at = coalesce($3::timestamptz, now()),
    state_actor = $4,
    event_number = r.event_number + 1,
    finished_at = null,
    result = null,
    cancel_requested_at = null,
    lost_attempts = 0
where r.tenant_id = $1 and r.id = $2 and r.state_type in ('FAILED', 'CRASHED') and r.queue_id is not null
  and exists (select from deployment d where d.id = r.deployment_id and d.deleted_at is null)
returning (select q.name from work_queue q where q.id = r.queue_id) as queue
