-- name: page
-- The lines of the run after (attempt $3, seq $4). The rest of that attempt and the attempts after it are looked up apart, so
-- that each look-up walks its index in order and ends with the page. Whose the run is, its own row says.
with run as materialized (
    select created_at from flow_run where tenant_id = $1 and id = $2
)
select page.* from (
    (select l.attempt_number, l.seq, l.at, l.level, l.logger, l.message, l.task_run_id
     from log l
     where l.flow_run_id = $2 and l.attempt_number = $3::int and l.seq > $4::bigint
       and l.recorded_at >= (select created_at from run)
       and ($5::smallint is null or l.level >= $5)
       and ($6::uuid is null or l.task_run_id = $6)
       and ($7::int is null or l.attempt_number = $7)
       and ($8::text is null or l.message ilike $8)
       and ($9::timestamptz is null or l.at >= $9)
     order by l.attempt_number, l.seq
     limit $10)
    union all
    (select l.attempt_number, l.seq, l.at, l.level, l.logger, l.message, l.task_run_id
     from log l
     where l.flow_run_id = $2 and l.attempt_number > $3
       and l.recorded_at >= (select created_at from run)
       and ($5::smallint is null or l.level >= $5)
       and ($6::uuid is null or l.task_run_id = $6)
       and ($7::int is null or l.attempt_number = $7)
       and ($8::text is null or l.message ilike $8)
       and ($9::timestamptz is null or l.at >= $9)
     order by l.attempt_number, l.seq
     limit $10)
) page
order by page.attempt_number, page.seq
limit $10
