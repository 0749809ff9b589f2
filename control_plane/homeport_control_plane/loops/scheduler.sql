-- name: due
select d.id, d.tenant_id, d.revision, d.schedule, greatest(d.scheduled_until, coalesce($1::timestamptz, now())) as after,
       f.name as flow_name
from deployment d join flow f on f.id = d.flow_id
where d.schedule is not null and d.schedule_active and not d.paused
  and d.scheduled_until < coalesce($1::timestamptz, now()) + make_interval(secs => $2)
order by d.scheduled_until
limit $3

-- name: made
-- Only if the deployment is still what the runs were made of.
update deployment set scheduled_until = $3 where id = $1 and revision = $2
