-- depends: 0046.what-an-upgrade-finds-open
-- The messages of an answer at its front door, and whether they are to be made anew in their places: what it cited was
-- deleted, or is somebody else's.
ALTER TABLE chat_answers
    ADD COLUMN shown_as bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN anew boolean NOT NULL DEFAULT false;

UPDATE chat_answers SET shown_as = sent.messages
FROM (
    SELECT CASE WHEN split_part(key, ':', 1) = 'answer' THEN split_part(key, ':', 2)::uuid END AS answer_id,
        array_agg(message_id ORDER BY id) AS messages
    FROM outbox WHERE split_part(key, ':', 1) = 'answer' AND message ->> 'kind' = 'result' AND message_id IS NOT NULL
    GROUP BY 1
) AS sent
WHERE sent.answer_id = chat_answers.id;
