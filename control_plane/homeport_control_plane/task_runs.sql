-- name: get
select t.* from task_run t where t.tenant_id = $1 and t.id = $2

-- name: page
select t.* from task_run t
where t.tenant_id = $1 and t.flow_run_id = $2
  and ($3::timestamptz is null or (t.created_at, t.id) > ($3, $4::uuid))
  and ($5::text[] is null or t.state_type = any ($5))
  and ($6::text is null or t.task_key = $6)
order by t.created_at, t.id
limit $7

-- name: states
select s.task_run_id, s.number, s.type, s.name, s.message, s.at, s.actor, s.attempt_number, s.accepted, s.result
from task_run t
join flow_run r on r.id = t.flow_run_id
join task_run_state s on s.task_run_id = t.id and s.tenant_id = $1 and s.recorded_at >= r.created_at
where t.tenant_id = $1 and t.id = any ($2::uuid[])
order by s.task_run_id, s.number, s.accepted desc, s.recorded_at

-- name: counts
select t.flow_run_id, t.state_type, count(*)::int as count
from flow_run r
join task_run t on t.flow_run_id = r.id and t.attempt_number = r.attempt_number
where r.tenant_id = $1 and r.id = any ($2::uuid[])
group by t.flow_run_id, t.state_type
