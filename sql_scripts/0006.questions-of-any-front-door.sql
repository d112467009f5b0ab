-- depends: 0005.recording-wizards
-- A question need not be a message of Telegram. (door, key) is what asked: the front door, and what it knows it by; however
-- often that comes, it is one question. The door brings the answer to return_to, which it alone reads; where that is null,
-- whoever asked looks for the answer.
ALTER TABLE chat_questions ADD COLUMN door text, ADD COLUMN key text;
ALTER TABLE chat_answers ADD COLUMN return_to jsonb;

UPDATE chat_questions SET door = 'telegram', key = telegram_chat_id || ':' || message_id;
UPDATE chat_answers
    SET return_to = jsonb_build_object('chat_id', telegram_chat_id, 'waiting_message_id', waiting_message_id)
    FROM chat_questions WHERE chat_questions.id = question_id;
UPDATE user_states
    SET key = 'chat_last_title', value = jsonb_build_object('door', 'telegram', 'turn', value -> 'message_id')
    WHERE key = 'chat_title_message';

ALTER TABLE chat_questions
    ALTER COLUMN door SET NOT NULL,
    ALTER COLUMN key SET NOT NULL,
    ADD UNIQUE (door, key),
    DROP COLUMN telegram_chat_id,
    DROP COLUMN message_id;
DROP INDEX chat_answers_undelivered;
ALTER TABLE chat_answers DROP COLUMN waiting_message_id;
CREATE INDEX chat_answers_undelivered ON chat_answers (finished_at)
    WHERE status <> 'waiting' AND delivered_at IS NULL AND return_to IS NOT NULL;
