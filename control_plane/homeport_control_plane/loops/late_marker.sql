-- name: mark
with late as (
    select r.id from flow_run r
    where r.state_type = 'SCHEDULED' and r.state_name = 'Scheduled' and r.queue_id is not null
      and r.scheduled_at < coalesce($1::timestamptz, now()) - make_interval(secs => $2)
    limit $3
    for update skip locked
)
update flow_run r set
    state_name = 'Late',
    state_message = 'No agent has taken it since ' || to_char(r.scheduled_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS"Z"'),
    state_at = coalesce($1::timestamptz, now()),
    state_actor = 'late marker',
    event_number = r.event_number + 1
from late
where r.id = late.id and r.state_type = 'SCHEDULED' and r.state_name = 'Scheduled'
returning r.id
