-- name: page
select l.attempt_number, l.seq, l.at, l.level, l.logger, l.message, l.task_run_id
from flow_run r
join log l on l.flow_run_id = r.id and l.tenant_id = $1 and l.recorded_at >= r.created_at
where r.tenant_id = $1 and r.id = $2
  and (l.attempt_number, l.seq) > ($3::int, $4::bigint)
  and ($5::smallint is null or l.level >= $5)
  and ($6::uuid is null or l.task_run_id = $6)
  and ($7::int is null or l.attempt_number = $7)
  and ($8::text is null or l.message ilike $8)
  and ($9::timestamptz is null or l.at >= $9)
order by l.attempt_number, l.seq
limit $10
