-- name: note
-- Two servers that come back at once wait for each other at the one row, and the second finds no gap.
with before as materialized (
    select looked_at from rescuer_round for update
),
noted as (
    update rescuer_round set looked_at = coalesce($1::timestamptz, now())
),
renewed as (
    update attempt a set
        lease_until = coalesce($1::timestamptz, now())
            + make_interval(secs => case when a.started_at is null then $3::float8 else $4::float8 end)
    from before
    where coalesce($1::timestamptz, now()) - before.looked_at > make_interval(secs => $2)
      and a.ended_at is null
    returning a.id
)
select count(*)::int from renewed
