-- depends: 0027.voice-notes-and-takeouts
-- What a closed chat refused comes when its person is back: every update asks for it.
CREATE INDEX outbox_closed ON outbox (owner_id)
    WHERE given_up_at IS NOT NULL AND sent_at IS NULL AND error = 'chat_closed';
CREATE INDEX progress_cards_closed ON progress_cards (owner_id) WHERE final AND shown_hash = '';
