-- depends: 0013.stranded-work
-- A question knows its recording: what is shown of another recording does not remove it, and text that comes while it
-- is not in the chat is no reply to it. Questions that are open now belong to the recording of their dialog.
ALTER TABLE sent_messages ADD COLUMN subject uuid;
UPDATE sent_messages SET subject = (value ->> 'recording_id')::uuid
FROM user_states JOIN users ON users.id = user_id
WHERE key = 'dialog' AND value ? 'recording_id' AND chat_id = telegram_id
    AND sent_messages.kind IN ('input_request', 'confirmation');
