-- depends: 0032.numbers-in-order-of-sending
-- An erasure outlives the person's row until somebody was told of its end; it knows nobody's name.
CREATE TABLE erasures (
    person_id uuid PRIMARY KEY,
    heir_id   uuid REFERENCES users (id),
    chat_id   bigint NOT NULL,
    random_id bigint NOT NULL,
    asked_at  timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz
);
CREATE INDEX erasures_of_heirs ON erasures (heir_id);
