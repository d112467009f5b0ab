-- depends: 0021.narrowed-questions
-- What the sender said that a text is: the transcript of a conversation, or a document to ask about. NULL where nobody
-- has to say, since the file's name tells, and until somebody has said it.

ALTER TABLE incoming_files ADD COLUMN purpose text CHECK (purpose IN ('recording', 'document'));

-- What the reports of a card were expected to take when they were ordered, in words; what they took is in their rows.
ALTER TABLE progress_cards ADD COLUMN expected text;
