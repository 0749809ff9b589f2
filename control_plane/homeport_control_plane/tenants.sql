-- name: bootstrap
-- The lock makes the second of two servers wait and then find the first one's tenant.
with locked as materialized (select pg_advisory_xact_lock(1752132965))
insert into tenant (id, name)
select $1, $2 from locked
where not exists (select from tenant)
on conflict do nothing
returning id

-- name: first
select id from tenant order by created_at, id limit 1

-- name: get
select id, name, created_at from tenant where id = $1
