-- Whether this server follows another one, and the last commit that has come from there.
SELECT
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    pg_catalog.pg_last_xact_replay_timestamp() AS last_commit,
    pg_catalog.date_part(
        'epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()
    ) AS seconds;
