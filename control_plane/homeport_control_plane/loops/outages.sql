-- name: note
-- Two servers that come back at once wait for each other at the one row, and the second finds no gap. A round that follows
-- soon upon another is not worth a write: half a gap is as good a witness.
with before as materialized (
    select looked_at from rescuer_round
    where coalesce($1::timestamptz, now()) - looked_at > make_interval(secs => $2 / 2)
    for update
),
noted as (
    update rescuer_round set looked_at = coalesce($1::timestamptz, now()) from before
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
