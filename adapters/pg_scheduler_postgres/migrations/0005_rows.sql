-- An epoch is not used twice for one id, whatever has been deleted meanwhile: new rows begin at a number of
-- their time. What is stored goes on counting from where it is.
ALTER TABLE :"schema".scheduled_jobs
    ALTER COLUMN epoch
    SET DEFAULT ((date_part('epoch', now()) - 1735689600) * 4096000)::bigint;
