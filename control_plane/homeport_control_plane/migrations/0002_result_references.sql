-- Where the result of a finished run or task run lies in the customer's storage: a reference, never the result.

alter table flow_run add column result json;
alter table task_run add column result json;
alter table flow_run_state add column result json;
alter table task_run_state add column result json;

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
    return null;
end $$;
