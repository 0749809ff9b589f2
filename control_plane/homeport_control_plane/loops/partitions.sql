-- name: ahead
select make_partitions(day, day + $2::int)
from (select (coalesce($1::timestamptz, now()) at time zone 'utc')::date as day) today
