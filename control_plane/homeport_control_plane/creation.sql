-- name: deployment
-- What a run takes from its deployment; by id, by flow id, or by project and flow name.
select d.id as deployment_id, d.revision, d.name as deployment_name, d.flow_id, f.name as flow_name, f.project_id,
       p.name as project_name, d.flow_version_id, d.parameters, d.labels, d.queue_id, q.name as queue, d.on_lost,
       v.parameter_schema
from deployment d
join flow f on f.id = d.flow_id
join project p on p.id = f.project_id
join flow_version v on v.id = d.flow_version_id
join work_queue q on q.id = d.queue_id
where d.tenant_id = $1 and d.deleted_at is null
  and case
      when $2::uuid is not null then d.id = $2
      when $3::uuid is not null then d.flow_id = $3 and d.name = $6::text
      else p.tenant_id = $1 and p.name = $4::text and f.name = $5::text and d.name = $6::text
      end

-- name: insert
-- A run is made only of the revision of its deployment that the caller checked the parameters against.
insert into flow_run (id, tenant_id, flow_id, flow_version_id, deployment_id, queue_id, name, parameters, labels, on_lost,
    scheduled_at, created_at, created_by, idempotency_key, request_digest,
    state_type, state_name, state_message, state_at, state_actor, event_number,
    parent_flow_run_id, parent_task_run_id)
select n.id, $1, d.flow_id, d.flow_version_id, d.id, case when n.direct then null else d.queue_id end, n.name,
       n.parameters::json, string_to_array(n.labels, E'\x1f'), d.on_lost,
       coalesce(n.scheduled_at, $2::timestamptz, now()), coalesce($2::timestamptz, now()), $3, n.idempotency_key,
       n.request_digest, 'SCHEDULED', 'Scheduled', '', coalesce($2::timestamptz, now()), $3, 1,
       n.parent_flow_run_id, n.parent_task_run_id
from unnest($4::uuid[], $5::uuid[], $6::int[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::text[],
            $12::bytea[], $13::boolean[], $14::uuid[], $15::uuid[])
     as n (id, deployment_id, revision, name, parameters, labels, scheduled_at, idempotency_key, request_digest, direct,
           parent_flow_run_id, parent_task_run_id)
join deployment d on d.id = n.deployment_id and d.tenant_id = $1 and d.revision = n.revision
on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing
returning id, created_at, scheduled_at, scheduled_at <= created_at as due

-- name: by_idempotency_key
select idempotency_key, id, request_digest from flow_run where tenant_id = $1 and idempotency_key = any ($2::text[])

-- name: project_of_run
select f.project_id from flow_run r join flow f on f.id = r.flow_id where r.tenant_id = $1 and r.id = $2
