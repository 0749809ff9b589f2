-- Runs that wait for a person: a process that waits keeps its attempt, one that suspended is gone, and both may be given input.

alter table flow_run drop constraint held_exactly_by_an_attempt;
alter table flow_run add constraint held_exactly_by_an_attempt
    check (state_type = 'PAUSED' or (attempt_id is not null) = (state_type in ('PENDING', 'RUNNING', 'CANCELLING')));

insert into state_transition (from_type, to_type, flow_runs, task_runs, by_retry) values
    ('PENDING', 'PAUSED', false, true, false),
    ('PAUSED', 'PAUSED', true, true, false),
    ('PAUSED', 'CRASHED', true, true, false),
    ('PAUSED', 'CANCELLING', true, true, false);

-- Where a run waited, or waits, for a person: one row each time its code reached a pause that nobody had answered yet.
create table flow_run_pause (
    id uuid primary key,
    tenant_id uuid not null references tenant,
    flow_run_id uuid not null references flow_run on delete cascade,
    attempt_id uuid not null,
    task_run_id uuid,
    -- Names the place in the flow, alike in each attempt: a place that was answered once is passed from then on.
    key text not null,
    message text not null,
    -- What has to be given to go on, as JSON Schema; null: nothing.
    input_schema json,
    -- The process goes, and the next attempt goes on from here; else it waits.
    suspends boolean not null,
    paused_at timestamptz not null,
    expires_at timestamptz,
    outcome text check (outcome in ('RESUMED', 'TIMED_OUT', 'ABANDONED')),
    ended_at timestamptz,
    ended_by text,
    input json,
    constraint pause_ended_exactly_with_an_outcome check ((ended_at is not null) = (outcome is not null)),
    constraint input_is_given_by_resuming check (input is null or outcome = 'RESUMED')
);
create unique index flow_run_pause_place on flow_run_pause (flow_run_id, key) where outcome is null or outcome = 'RESUMED';
create index flow_run_pause_of_run on flow_run_pause (flow_run_id, paused_at, id);
create index flow_run_pause_expires on flow_run_pause (expires_at) where outcome is null and expires_at is not null;

-- A slot of a queue is held by whatever has an attempt.
drop index flow_run_held;
create index flow_run_held on flow_run (queue_id) where attempt_id is not null and queue_id is not null;

-- The planner takes the changed rows for a handful, and would compare each old row with each new one.
create or replace function record_changed_flow_runs() returns trigger language plpgsql set enable_nestloop = off as $$
declare
    refused record;
begin
    select n.id, o.state_type as from_type, n.state_type as to_type, o.event_number as from_number, n.event_number as to_number
    into refused
    from old_rows o
    join new_rows n on n.id = o.id
    left join state_transition t on t.from_type = o.state_type and t.to_type = n.state_type and t.flow_runs
    where case
        when n.event_number = o.event_number then
            (n.state_type, n.state_name, n.state_message, n.state_at, n.state_actor)
                is distinct from (o.state_type, o.state_name, o.state_message, o.state_at, o.state_actor)
        else
            n.event_number <> o.event_number + 1
            or t.from_type is null
            or (t.by_retry and not (n.state_name = 'AwaitingRetry' and n.state_actor like 'key:%'))
        end
    limit 1;
    if found then
        raise exception 'flow run %: % (event %) may not become % (event %)',
            refused.id, refused.from_type, refused.from_number, refused.to_type, refused.to_number
            using errcode = 'check_violation';
    end if;
    insert into flow_run_state
        (tenant_id, flow_run_id, number, type, name, message, at, actor, attempt_number, accepted, recorded_at, result)
    select n.tenant_id, n.id, n.event_number, n.state_type, n.state_name, n.state_message, n.state_at, n.state_actor,
           nullif(n.attempt_number, 0), true, greatest(now(), n.state_at), n.result
    from new_rows n
    join old_rows o on o.id = n.id
    where n.event_number <> o.event_number;
    -- No pause outlives the state PAUSED; what was resumed or timed out has said so before.
    if exists (select from old_rows where state_type = 'PAUSED') then
        update flow_run_pause p set outcome = 'ABANDONED', ended_at = now()
        where p.outcome is null and p.flow_run_id = any (array(
            select n.id from new_rows n join old_rows o on o.id = n.id
            where o.state_type = 'PAUSED' and n.state_type <> 'PAUSED'));
    end if;
    return null;
end $$;

-- How many more runs each of these limited queues may hold. Locks their rows in one order, so that two claims never count at
-- once; being volatile, it then counts with a snapshot younger than the lock.
create or replace function queue_room(queue_ids uuid[]) returns table (queue_id uuid, room int) language plpgsql volatile as $$
begin
    if cardinality(queue_ids) = 0 then
        return;
    end if;
    perform from work_queue q where q.id = any (queue_ids) order by q.id for update;
    return query
        select q.id, greatest(0, q.concurrency_limit - (
            select count(*)::int from flow_run r
            where r.queue_id = q.id and r.attempt_id is not null))
        from work_queue q
        where q.id = any (queue_ids) and q.concurrency_limit is not null and not q.paused;
end $$;
