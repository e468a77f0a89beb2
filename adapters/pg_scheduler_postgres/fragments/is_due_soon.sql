stored.execution_time <= :WALL_CLOCK + pg_catalog.make_interval(secs => :soon_seconds::double precision)
