-- name: mark
-- A run of a deleted deployment slipped in, or came back to its queue: no agent is given it, so it is cancelled.
with late as (
    select r.id, d.deleted_at is not null as orphaned
    from flow_run r join deployment d on d.id = r.deployment_id
    where r.state_type = 'SCHEDULED' and r.state_name = 'Scheduled' and r.queue_id is not null
      and r.scheduled_at < coalesce($1::timestamptz, now()) - make_interval(secs => $2)
    limit $3
    for update of r skip locked
)
update flow_run r set
    state_type = case when late.orphaned then 'CANCELLED' else r.state_type end,
    state_name = case when late.orphaned then 'Cancelled' else 'Late' end,
    state_message = case when late.orphaned then 'Its deployment was deleted' else 'No agent has taken it since '
        || to_char(r.scheduled_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS"Z"') end,
    state_at = coalesce($1::timestamptz, now()),
    state_actor = 'late marker',
    event_number = r.event_number + 1,
    cancel_requested_at = case when late.orphaned then coalesce($1::timestamptz, now()) else r.cancel_requested_at end,
    finished_at = case when late.orphaned then coalesce($1::timestamptz, now()) end
from late
where r.id = late.id and r.state_type = 'SCHEDULED' and r.state_name = 'Scheduled'
returning r.id
