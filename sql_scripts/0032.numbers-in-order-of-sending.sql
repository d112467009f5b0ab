-- depends: 0031.avatars
-- A file that is taken in keeps the number of its recording from the start: numbers follow the order of sending.
CREATE TABLE reserved_numbers (
    incoming_id bigint PRIMARY KEY REFERENCES incoming_files (id) ON DELETE CASCADE,
    number integer NOT NULL CHECK (number > 0)
);
