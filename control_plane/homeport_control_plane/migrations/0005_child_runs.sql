-- Which run, and which of its task runs, started another run.

alter table flow_run add column parent_flow_run_id uuid, add column parent_task_run_id uuid;
create index flow_run_children on flow_run (parent_flow_run_id, created_at desc, id desc) where parent_flow_run_id is not null;
