-- name: due
-- For each queue whether something is due, and in how many seconds the next run will be.
select q.tenant_id, q.name,
       exists (select from flow_run r
               where r.queue_id = q.id and r.state_type = 'SCHEDULED' and r.scheduled_at <= now()) as due,
       (select extract(epoch from r.scheduled_at - now())::float8 from flow_run r
        where r.queue_id = q.id and r.state_type = 'SCHEDULED' and r.scheduled_at > now()
        order by r.scheduled_at limit 1) as seconds
from work_queue q
where not q.paused

-- name: notify
select pg_notify($1, payload) from unnest($2::text[]) as payload
