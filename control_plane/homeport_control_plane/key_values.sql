-- name: get
select k.key, k.value, k.updated_at, k.updated_by from key_value k where k.tenant_id = $1 and k.key = $2

-- name: page
select k.key, k.value, k.updated_at, k.updated_by from key_value k
where k.tenant_id = $1 and ($2::text is null or k.key > $2) and ($3::text is null or k.key like $3)
order by k.key
limit $4

-- name: set
insert into key_value (tenant_id, key, value, updated_by) values ($1, $2, $3::text::json, $4)
on conflict (tenant_id, key) do update set value = excluded.value, updated_by = excluded.updated_by, updated_at = now()
returning key, value, updated_at, updated_by

-- name: delete
delete from key_value k where k.tenant_id = $1 and k.key = $2 returning k.key
