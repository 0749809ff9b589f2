-- name: ensure
with wanted as (
    select * from unnest($2::uuid[], $3::text[]) as w (id, name)
),
made as (
    insert into work_queue (id, tenant_id, name)
    select w.id, $1, w.name from wanted w
    where not exists (select from work_queue q where q.tenant_id = $1 and q.name = w.name)
    on conflict (tenant_id, name) do nothing
    returning id, name
)
select id, name from made
union
select q.id, q.name from work_queue q join wanted w on w.name = q.name where q.tenant_id = $1

-- name: create
insert into work_queue (id, tenant_id, name, description, concurrency_limit, priority)
values ($1, $2, $3, $4, $5, coalesce($6::int, 100))
on conflict (tenant_id, name) do nothing
returning id

-- name: update
update work_queue set
    paused = coalesce($3::boolean, paused),
    concurrency_limit = case when $5::boolean then null else coalesce($4::int, concurrency_limit) end,
    priority = coalesce($6::int, priority),
    description = coalesce($7::text, description)
where tenant_id = $1 and name = $2
returning id

-- name: by_name
select q.id, q.name, q.description, q.paused, q.concurrency_limit, q.priority, q.created_at,
       (select count(*) from flow_run r
        where r.queue_id = q.id and r.attempt_id is not null)::int as held,
       (select count(*) from flow_run r where r.queue_id = q.id and r.state_type = 'SCHEDULED')::int as scheduled
from work_queue q
where q.tenant_id = $1 and q.name = $2

-- name: page
select q.id, q.name, q.description, q.paused, q.concurrency_limit, q.priority, q.created_at,
       (select count(*) from flow_run r
        where r.queue_id = q.id and r.attempt_id is not null)::int as held,
       (select count(*) from flow_run r where r.queue_id = q.id and r.state_type = 'SCHEDULED')::int as scheduled
from work_queue q
where q.tenant_id = $1 and ($2::text is null or q.name > $2)
order by q.name
limit $3
