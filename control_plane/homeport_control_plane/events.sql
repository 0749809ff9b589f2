-- name: open
-- Locks the attempt until the end of the transaction, renews its lease, and moves the acknowledged mark to $3 if the batch that
-- begins at $4 leaves no gap. Answers what stood before.
with mine as (
    select a.id, a.flow_run_id, a.number, a.acknowledged_seq, a.ended_at is null and a.started_at is not null as live,
           a.superseded
    from attempt a
    where a.tenant_id = $1 and a.id = $2
    for update
)
update attempt a set
    acknowledged_seq = case when $4 <= a.acknowledged_seq + 1 then greatest(a.acknowledged_seq, $3) else a.acknowledged_seq end,
    reported_at = greatest(a.reported_at, coalesce($5::timestamptz, now())),
    lease_until = case when a.ended_at is not null then null when not mine.live then a.lease_until
                       else greatest(a.lease_until, coalesce($5::timestamptz, now()) + make_interval(secs => $6)) end
from mine, flow_run r
where a.id = mine.id and r.id = mine.flow_run_id
returning mine.flow_run_id, mine.number, mine.acknowledged_seq, mine.live, mine.superseded,
          r.cancel_requested_at is not null and r.finished_at is null as cancel,
          r.attempt_number, r.name as flow_run_name, r.state_name

-- name: fold_tasks
-- Task runs and their states in one stream, in the order of the batch. A state is accepted if every step up to it is in the
-- state table; the stored state is the last accepted one.
with told as (
    select * from unnest($5::bigint[], $6::timestamptz[], $7::uuid[], $8::boolean[], $9::text[], $10::text[], $11::text[],
                         $12::int[], $13::text[], $14::text[], $15::int[], $16::text[], $17::uuid[], $18::text[], $19::text[])
        as e (seq, at, task_run_id, announced, type, name, message, run_count, task_name, task_key, map_index, upstream,
              parent_id, result, tags)
),
chained as (
    select e.seq, least(e.at, coalesce($20::timestamptz, now())) as at, e.task_run_id, e.announced, e.type, e.name, e.message,
           e.run_count, e.result, t.id is not null as taken, t.attempt_id = $2 as stored,
           case when t.attempt_id = $2 then t.event_number else 0 end as base,
           coalesce(lag(e.type) over task, case when t.attempt_id = $2 then t.state_type end) as from_type,
           row_number() over task as step,
           first_value(e.announced) over task as new,
           first_value(e.task_name) over task as task_name,
           first_value(e.task_key) over task as task_key,
           first_value(e.map_index) over task as map_index,
           first_value(e.upstream) over task as upstream,
           first_value(e.parent_id) over task as parent_id,
           first_value(e.tags) over task as tags,
           first_value(e.at) over task as announced_at
    from told e
    -- By the id alone, so that the planner knows that there is at most one; whose it is decides what is made of it.
    left join task_run t on t.id = e.task_run_id
    -- A task run that is announced a second time is not news.
    where not (e.announced and t.attempt_id is not distinct from $2)
    window task as (partition by e.task_run_id order by e.seq)
),
stepped as (
    select c.*, coalesce(bool_and(
        $4::boolean and case when c.announced then c.step = 1 and not c.taken else allowed.from_type is not null end) over task, false) as accepted
    from chained c
    left join state_transition allowed
        on allowed.from_type = c.from_type and allowed.to_type = c.type and allowed.task_runs and not allowed.by_retry
    window task as (partition by c.task_run_id order by c.seq)
),
judged as (
    select s.*,
           s.base + count(*) filter (where s.accepted) over task as number,
           min(s.at) filter (where s.accepted and s.type = 'RUNNING') over task as begun_at
    from stepped s
    window task as (partition by s.task_run_id order by s.seq)
),
history as (
    insert into task_run_state
        (tenant_id, task_run_id, attempt_number, number, type, name, message, at, actor, accepted, recorded_at, result)
    select $1, j.task_run_id, $3, j.number, j.type, j.name, j.message, j.at, 'run', j.accepted,
           greatest(now(), $20::timestamptz), j.result::json
    from judged j
),
standing as (
    select distinct on (j.task_run_id) j.* from judged j where j.accepted order by j.task_run_id, j.seq desc
),
made as (
    insert into task_run (id, tenant_id, flow_run_id, attempt_id, attempt_number, name, task_key, map_index, upstream, parent_id,
        tags, run_count, created_at, started_at, finished_at, state_type, state_name, state_message, state_at, event_number, result)
    select s.task_run_id, $1, $21, $2, $3, s.task_name, s.task_key, s.map_index, string_to_array(s.upstream, ',')::uuid[],
           s.parent_id, string_to_array(s.tags, e'\x1f'), s.run_count, least(s.announced_at, coalesce($20::timestamptz, now())), s.begun_at,
           case when s.type in ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') then s.at end,
           s.type, s.name, s.message, s.at, s.number, s.result::json
    from standing s
    where s.new
    on conflict (id) do nothing
)
update task_run t set
    state_type = s.type,
    state_name = s.name,
    state_message = s.message,
    state_at = s.at,
    event_number = s.number,
    result = s.result::json,
    run_count = greatest(t.run_count, s.run_count),
    started_at = coalesce(t.started_at, s.begun_at),
    finished_at = case when s.type in ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') then s.at end
from standing s
-- Accepted and not new: it was found among the task runs of this attempt, which is locked.
where not s.new and t.id = s.task_run_id

-- name: store_logs
insert into log (tenant_id, flow_run_id, attempt_number, recorded_at, seq, at, level, logger, message, task_run_id)
select $1, $2, $3, greatest(now(), $4::timestamptz), l.seq, l.at, l.level, l.logger, l.message, l.task_run_id
from unnest($5::bigint[], $6::timestamptz[], $7::smallint[], $8::text[], $9::text[], $10::uuid[])
    as l (seq, at, level, logger, message, task_run_id)

-- name: rename_run
-- What the engine says of a running run: it is still RUNNING, under another name.
update flow_run r set
    state_name = $4,
    state_message = $5,
    state_at = least(greatest($6::timestamptz, r.started_at), coalesce($7::timestamptz, now())),
    state_actor = 'run',
    event_number = r.event_number + 1
where r.tenant_id = $1 and r.attempt_id = $2 and r.state_type = 'RUNNING' and $3 = 'RUNNING' and $8::boolean
returning r.id

-- name: name_run
-- What the flow calls its run; only the attempt that holds the run may say so.
update flow_run r set name = $3
where r.tenant_id = $1 and r.attempt_id = $2 and $4::boolean
