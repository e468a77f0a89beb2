-- Let this transaction stay open and idle as long as its run takes, whatever the server's limits (not every
-- version has all of them), and let the server notice within half a minute that the other machine is gone.
SELECT pg_catalog.set_config(setting.name, wanted.value, true) AS value
FROM pg_settings AS setting
JOIN (
    VALUES
        ('idle_in_transaction_session_timeout', '0'),
        ('transaction_timeout', '0'),
        ('tcp_keepalives_idle', '10'),
        ('tcp_keepalives_interval', '5'),
        ('tcp_keepalives_count', '3')
) AS wanted (name, value) ON wanted.name = setting.name;
