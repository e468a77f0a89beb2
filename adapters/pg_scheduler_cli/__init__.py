"""The command line: `pgq`, also installed as `pg-scheduler`."""
