-- What a task, and the code around its call, said of a task run.

alter table task_run add column tags text[] not null default '{}';
