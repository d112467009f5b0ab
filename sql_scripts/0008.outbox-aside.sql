-- depends: 0007.failures-of-jobs
-- A message whose own file cannot be made does not hold up those behind it: it stands aside and is tried by itself.
ALTER TABLE outbox ADD COLUMN aside_at timestamptz;
