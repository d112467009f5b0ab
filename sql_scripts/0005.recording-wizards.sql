-- depends: 0004.chats
-- The code calls a recording's row a wizard: a conversation is what was recorded.
ALTER TABLE recording_conversations RENAME TO recording_wizards;
ALTER INDEX recording_conversations_open RENAME TO recording_wizards_open;
