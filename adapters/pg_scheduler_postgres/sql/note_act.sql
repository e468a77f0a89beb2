-- What somebody did by hand, in the transaction in which it was done.
INSERT INTO :"schema".scheduled_job_audit (at, actor, via, act, subject, affected)
VALUES (:NOW, :actor::text, :via::text, :act::text, :subject::text, :affected::integer);
