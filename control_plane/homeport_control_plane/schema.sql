-- Everything that a registered flow needs on its way to an agent and back.
-- Documents (parameters, schemas, references) are json, not jsonb: they are answered as they came, in order and spelling.

create table tenant (
    id uuid primary key,
    name text not null unique,
    created_at timestamptz not null default now()
);

create table api_key (
    id text primary key check (id ~ '^[0-9a-f]{12}$'),
    tenant_id uuid not null references tenant,
    name text not null,
    kind text not null check (kind in ('admin', 'member', 'viewer', 'agent')),
    secret_hash bytea not null check (length(secret_hash) = 32),
    queues text[] not null default '{}',
    created_at timestamptz not null default now(),
    created_by text not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
create index api_key_newest on api_key (tenant_id, created_at desc, id desc);

create table project (
    id uuid primary key,
    tenant_id uuid not null references tenant,
    name text not null,
    description text not null default '',
    created_at timestamptz not null default now(),
    unique (tenant_id, name),
    unique (tenant_id, id)
);

create table flow (
    id uuid primary key,
    tenant_id uuid not null,
    project_id uuid not null,
    name text not null,
    created_at timestamptz not null default now(),
    latest_version_id uuid,
    unique (tenant_id, project_id, name),
    unique (tenant_id, id),
    foreign key (tenant_id, project_id) references project (tenant_id, id)
);

-- Blocks: named, typed configuration of storage and infrastructure; of a secret only where the customer keeps it.
create table block_type (
    id uuid primary key,
    tenant_id uuid not null references tenant,
    slug text not null,
    title text not null,
    schema json not null,
    secret_fields text[] not null,
    -- The version of the package that described the type last; an older one leaves it as it is.
    version text not null,
    updated_at timestamptz not null default now(),
    unique (tenant_id, slug),
    unique (tenant_id, id)
);

create table block (
    id uuid primary key,
    tenant_id uuid not null,
    block_type_id uuid not null,
    name text not null,
    fields json not null,
    -- Field -> reference ("env:SMB_PASSWORD").
    secrets json not null,
    revision int not null default 1,
    created_at timestamptz not null default now(),
    created_by text not null,
    updated_at timestamptz not null default now(),
    updated_by text not null,
    unique (tenant_id, block_type_id, name),
    unique (tenant_id, id),
    foreign key (tenant_id, block_type_id) references block_type (tenant_id, id)
);

create table flow_version (
    id uuid primary key,
    tenant_id uuid not null,
    flow_id uuid not null,
    number int not null check (number > 0),
    description text not null,
    entrypoint text not null,
    parameter_schema json not null,
    graph json,
    storage json not null,
    content_digest text not null check (content_digest ~ '^sha256:[0-9a-f]{64}$'),
    description_digest bytea not null,
    sdk_version text not null,
    python_version text not null,
    envelope json,
    created_at timestamptz not null default now(),
    created_by text not null,
    -- The block whose storage the code lies in: what it says now holds whenever a run is claimed.
    block_id uuid,
    unique (flow_id, number),
    unique (tenant_id, id),
    foreign key (tenant_id, flow_id) references flow (tenant_id, id),
    foreign key (tenant_id, block_id) references block (tenant_id, id) on delete set null (block_id)
);
create index flow_version_of_block on flow_version (block_id) where block_id is not null;

create table work_queue (
    id uuid primary key,
    tenant_id uuid not null references tenant,
    name text not null,
    description text not null default '',
    paused boolean not null default false,
    concurrency_limit int check (concurrency_limit >= 0),
    priority int not null default 100 check (priority >= 1),
    created_at timestamptz not null default now(),
    unique (tenant_id, name),
    unique (tenant_id, id)
);

create table deployment (
    id uuid primary key,
    tenant_id uuid not null,
    flow_id uuid not null,
    name text not null,
    flow_version_id uuid not null,
    queue_id uuid not null,
    parameters json not null,
    labels text[] not null default '{}',
    run_config json not null,
    on_lost text not null check (on_lost in ('CRASH', 'RETRY', 'HOLD')),
    paused boolean not null default false,
    -- Counts changes, so that what a server remembers of a deployment can be checked by the statement that uses it.
    revision int not null default 1,
    schedule json,
    schedule_active boolean not null default true,
    -- How far ahead runs were made of the schedule.
    scheduled_until timestamptz not null default '-infinity',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- For people to find it by, and a version of their own.
    description text not null default '',
    version text,
    tags text[] not null default '{}',
    -- A deleted deployment makes no runs, and stays for the history of those it made. Registering it again revives it.
    deleted_at timestamptz,
    unique (tenant_id, flow_id, name),
    unique (tenant_id, id),
    foreign key (tenant_id, flow_id) references flow (tenant_id, id),
    foreign key (tenant_id, flow_version_id) references flow_version (tenant_id, id),
    foreign key (tenant_id, queue_id) references work_queue (tenant_id, id),
    constraint deleted_is_at_rest check (deleted_at is null or (paused and schedule is null))
);
create index deployment_of_version on deployment (flow_version_id);
create index deployment_newest on deployment (tenant_id, created_at desc, id desc);
create index deployment_to_schedule on deployment (scheduled_until)
    where schedule is not null and schedule_active and not paused;

create table agent (
    id uuid primary key,
    tenant_id uuid not null references tenant,
    kind text not null,
    name text not null,
    labels text[] not null default '{}',
    queues text[] not null,
    version text not null,
    host text not null,
    capacity int not null check (capacity >= 0),
    session_id uuid not null,
    api_key_id text references api_key,
    draining boolean not null default false,
    registered_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    unique (tenant_id, kind, name)
) with (fillfactor = 70);

-- The state table. A pair of equal types renames a state (Scheduled -> Late).
create table state_transition (
    from_type text not null,
    to_type text not null,
    flow_runs boolean not null,
    task_runs boolean not null,
    -- Only an explicit retry, by somebody with a key, leaves a final state.
    by_retry boolean not null default false,
    primary key (from_type, to_type)
);
insert into state_transition (from_type, to_type, flow_runs, task_runs, by_retry) values
    ('SCHEDULED', 'SCHEDULED', true, true, false),
    ('SCHEDULED', 'PENDING', true, true, false),
    ('SCHEDULED', 'CANCELLED', true, true, false),
    ('SCHEDULED', 'RUNNING', false, true, false),
    ('PENDING', 'RUNNING', true, true, false),
    ('PENDING', 'SCHEDULED', true, true, false),
    ('PENDING', 'FAILED', true, true, false),
    ('PENDING', 'CRASHED', true, true, false),
    ('PENDING', 'CANCELLING', true, true, false),
    ('PENDING', 'CANCELLED', true, true, false),
    ('PENDING', 'COMPLETED', false, true, false),
    ('PENDING', 'PAUSED', false, true, false),
    ('RUNNING', 'RUNNING', true, true, false),
    ('RUNNING', 'COMPLETED', true, true, false),
    ('RUNNING', 'FAILED', true, true, false),
    ('RUNNING', 'CRASHED', true, true, false),
    ('RUNNING', 'CANCELLING', true, true, false),
    ('RUNNING', 'PAUSED', true, true, false),
    ('RUNNING', 'SCHEDULED', true, true, false),
    ('RUNNING', 'CANCELLED', false, true, false),
    ('PAUSED', 'SCHEDULED', true, true, false),
    ('PAUSED', 'RUNNING', true, true, false),
    ('PAUSED', 'CANCELLED', true, true, false),
    ('PAUSED', 'FAILED', true, true, false),
    ('PAUSED', 'PAUSED', true, true, false),
    ('PAUSED', 'CRASHED', true, true, false),
    ('PAUSED', 'CANCELLING', true, true, false),
    ('CANCELLING', 'CANCELLED', true, true, false),
    ('CANCELLING', 'CRASHED', true, true, false),
    ('CANCELLING', 'COMPLETED', true, true, false),
    ('CANCELLING', 'FAILED', true, true, false),
    ('FAILED', 'SCHEDULED', true, false, true),
    ('CRASHED', 'SCHEDULED', true, false, true);

create table flow_run (
    id uuid primary key,
    tenant_id uuid not null,
    flow_id uuid not null,
    flow_version_id uuid not null,
    deployment_id uuid not null,
    queue_id uuid,
    name text not null,
    parameters json not null,
    labels text[] not null,
    on_lost text not null check (on_lost in ('CRASH', 'RETRY', 'HOLD')),
    scheduled_at timestamptz not null,
    created_at timestamptz not null,
    created_by text not null,
    started_at timestamptz,
    finished_at timestamptz,
    cancel_requested_at timestamptz,
    idempotency_key text,
    request_digest bytea,
    state_type text not null check (state_type in (
        'SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING', 'COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')),
    state_name text not null,
    state_message text not null,
    state_at timestamptz not null,
    state_actor text not null,
    event_number int not null,
    attempt_number int not null default 0,
    -- The attempt that holds the run now; no other may write.
    attempt_id uuid,
    lost_attempts int not null default 0,
    -- Where the result of the finished run lies in the customer's storage: a reference, never the result.
    result json,
    -- Which run, and which of its task runs, started it.
    parent_flow_run_id uuid,
    parent_task_run_id uuid,
    foreign key (tenant_id, deployment_id) references deployment (tenant_id, id),
    constraint finished_exactly_when_final
        check ((finished_at is not null) = (state_type in ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED'))),
    constraint held_exactly_by_an_attempt
        -- A paused run is held while its process waits, and not once that is gone.
        check (state_type = 'PAUSED' or (attempt_id is not null) = (state_type in ('PENDING', 'RUNNING', 'CANCELLING'))),
    constraint cancelling_was_asked_for
        check (state_type <> 'CANCELLING' or cancel_requested_at is not null),
    constraint an_idempotency_key_has_its_body
        check ((idempotency_key is null) or (request_digest is not null))
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
create unique index flow_run_idempotency on flow_run (tenant_id, idempotency_key) where idempotency_key is not null;
create index flow_run_due on flow_run (queue_id, scheduled_at, id) where state_type = 'SCHEDULED' and queue_id is not null;
create index flow_run_held on flow_run (queue_id) where attempt_id is not null and queue_id is not null;
create index flow_run_newest on flow_run (tenant_id, created_at desc, id desc);
create index flow_run_newest_of_flow on flow_run (flow_id, created_at desc, id desc);
create index flow_run_newest_of_state on flow_run (tenant_id, state_type, created_at desc, id desc);
create index flow_run_of_schedule on flow_run (deployment_id) where state_type = 'SCHEDULED' and created_by = 'scheduler';
create index flow_run_children on flow_run (parent_flow_run_id, created_at desc, id desc) where parent_flow_run_id is not null;
create index flow_run_name on flow_run (tenant_id, name text_pattern_ops);

create table attempt (
    id uuid primary key,
    tenant_id uuid not null,
    flow_run_id uuid not null references flow_run,
    number int not null check (number > 0),
    agent_id uuid,
    executor text not null,
    token_hash bytea not null check (length(token_hash) = 32),
    instance text,
    host text,
    pid int,
    claimed_at timestamptz not null,
    started_at timestamptz,
    reported_at timestamptz,
    lease_until timestamptz,
    acknowledged_seq bigint not null default 0,
    ended_at timestamptz,
    outcome text,
    superseded boolean not null default false,
    unique (flow_run_id, number),
    constraint leased_exactly_while_live check ((lease_until is not null) = (ended_at is null)),
    constraint started_by_an_instance check ((started_at is not null) = (instance is not null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
create index attempt_live on attempt (agent_id) where ended_at is null;

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

-- When any server's rescuer last looked: one row. A long gap means that nobody could be heard, not that everybody died.
create table rescuer_round (
    only_row boolean primary key default true check (only_row),
    looked_at timestamptz not null
);
insert into rescuer_round (looked_at) values (now());

create table task_run (
    id uuid primary key,
    tenant_id uuid not null,
    flow_run_id uuid not null,
    attempt_id uuid not null,
    attempt_number int not null,
    name text not null,
    task_key text not null,
    map_index int,
    upstream uuid[] not null default '{}',
    parent_id uuid,
    run_count int not null default 0,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    state_type text not null,
    state_name text not null,
    state_message text not null,
    state_at timestamptz not null,
    event_number int not null,
    result json,
    tags text[] not null default '{}',
    constraint task_finished_exactly_when_final
        check ((finished_at is not null) = (state_type in ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')))
) with (fillfactor = 80);
create index task_run_of_run on task_run (flow_run_id, created_at, id);
create index task_run_unfinished on task_run (attempt_id) where finished_at is null;

-- What flows keep at the control plane by themselves: small values by key, and artifacts of their runs.
create table key_value (
    tenant_id uuid not null references tenant,
    key text not null,
    value json not null,
    updated_at timestamptz not null default now(),
    updated_by text not null,
    primary key (tenant_id, key)
);

create table artifact (
    id uuid primary key,
    tenant_id uuid not null references tenant,
    flow_run_id uuid not null references flow_run on delete cascade,
    task_run_id uuid,
    kind text not null check (kind in ('LINK', 'MARKDOWN', 'TABLE', 'IMAGE')),
    key text,
    version int check (version > 0),
    description text,
    data json not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint a_key_has_versions check ((key is null) = (version is null)),
    unique (tenant_id, key, version)
);
create index artifact_newest on artifact (tenant_id, created_at desc, id desc);
create index artifact_of_run on artifact (flow_run_id, created_at, id);

-- History and logs: by day of recording, so that retention drops tables instead of deleting rows.
create table flow_run_state (
    tenant_id uuid not null,
    flow_run_id uuid not null,
    number int not null,
    type text not null,
    name text not null,
    message text not null,
    at timestamptz not null,
    actor text not null,
    attempt_number int,
    accepted boolean not null,
    recorded_at timestamptz not null,
    result json
) partition by range (recorded_at);
create index flow_run_state_of_run on flow_run_state (flow_run_id, number);

create table task_run_state (
    tenant_id uuid not null,
    task_run_id uuid not null,
    attempt_number int not null,
    number int not null,
    type text not null,
    name text not null,
    message text not null,
    at timestamptz not null,
    actor text not null,
    accepted boolean not null,
    recorded_at timestamptz not null,
    result json
) partition by range (recorded_at);
create index task_run_state_of_task on task_run_state (task_run_id, number);

create table log (
    tenant_id uuid not null,
    flow_run_id uuid not null,
    attempt_number int not null,
    seq bigint not null,
    at timestamptz not null,
    level smallint not null,
    logger text not null,
    message text not null,
    task_run_id uuid,
    recorded_at timestamptz not null
) partition by range (recorded_at);
create index log_of_run on log (flow_run_id, attempt_number, seq);

-- The net below the daily partitions: nothing is ever refused for want of one.
create table flow_run_state_default partition of flow_run_state default;
create table task_run_state_default partition of task_run_state default;
create table log_default partition of log default;

create function make_partitions(first_day date, last_day date) returns int language plpgsql as $$
declare
    parent text;
    day date;
    made int := 0;
begin
    perform pg_advisory_xact_lock(1886352500);
    foreach parent in array array['flow_run_state', 'task_run_state', 'log'] loop
        for day in select generate_series(first_day, last_day, interval '1 day')::date loop
            continue when to_regclass(format('%I', parent || to_char(day, '_YYYYMMDD'))) is not null;
            begin
                execute format(
                    'create table %I partition of %I for values from (%L) to (%L)',
                    parent || to_char(day, '_YYYYMMDD'), parent, day || ' 00:00:00+00', day + 1 || ' 00:00:00+00');
                made := made + 1;
            exception when check_violation then
                -- The net holds rows of that day already; they stay there, and so does what follows them.
                null;
            end;
        end loop;
    end loop;
    return made;
end $$;

-- The second of the three places where the state table is enforced, and the only one that writes a run's accepted history:
-- event numbers have no gap and the stored state is the last event, by construction. By statement, not by row, because
-- runs are claimed and created in batches.
create function record_created_flow_runs() returns trigger language plpgsql as $$
begin
    if exists (select from new_rows where event_number <> 1 or state_type <> 'SCHEDULED') then
        raise exception 'a flow run begins with event 1, SCHEDULED' using errcode = 'check_violation';
    end if;
    insert into flow_run_state
        (tenant_id, flow_run_id, number, type, name, message, at, actor, attempt_number, accepted, recorded_at)
    select tenant_id, id, event_number, state_type, state_name, state_message, state_at, state_actor, null, true,
           greatest(now(), state_at)
    from new_rows;
    return null;
end $$;

-- The planner takes the changed rows for a handful, and would compare each old row with each new one.
create function record_changed_flow_runs() returns trigger language plpgsql set enable_nestloop = off as $$
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

create trigger flow_run_created after insert on flow_run
    referencing new table as new_rows for each statement execute function record_created_flow_runs();
create trigger flow_run_changed after update on flow_run
    referencing old table as old_rows new table as new_rows for each statement execute function record_changed_flow_runs();

-- How many more runs each of these limited queues may hold. Locks their rows in one order, so that two claims never count at
-- once; being volatile, it then counts with a snapshot younger than the lock.
create function queue_room(queue_ids uuid[]) returns table (queue_id uuid, room int) language plpgsql volatile as $$
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

select make_partitions((now() at time zone 'utc')::date - 1, (now() at time zone 'utc')::date + 7);
