-- depends: 0016.knowledge
-- Which line of a chunk answers a question: the vectors of the lines lie beside that of the chunk, which is made of them.

-- lines has a unit vector for each line of the chunk, one after another, each like vector.
ALTER TABLE chunk_vectors ADD COLUMN lines bytea;
ALTER TABLE chunk_vectors ALTER COLUMN lines SET STORAGE EXTERNAL;

-- Vectors were made of whole chunks before: everything is indexed anew, in the background.
DELETE FROM chunks;
UPDATE embedding_models SET complete = false;
UPDATE chunk_sources SET changes = changes + 1, changed_at = clock_timestamp();
