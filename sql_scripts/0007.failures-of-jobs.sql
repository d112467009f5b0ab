-- depends: 0006.questions-of-any-front-door
-- How often the work on a subject failed in a row through no fault of ours; what restarts and the database interrupted
-- does not count. The job's own count of attempts cannot tell the two apart.
CREATE TABLE job_failures (
    lock     text PRIMARY KEY,
    failures integer NOT NULL
);
