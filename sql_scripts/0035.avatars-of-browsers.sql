-- depends: 0034.limits
-- Who comes by a browser without a messenger has no chat in which a card or a picture could be shown.
ALTER TABLE avatars ALTER COLUMN chat_id DROP NOT NULL;
