-- depends: 0020.research
-- Where questions are searched, what is shown of an answer while it is written, and what could be asked instead.

-- filters: where all questions of the chat are searched, as its person chose.
ALTER TABLE chats ADD COLUMN filters jsonb NOT NULL DEFAULT '{}';

-- search: what an answer is searched without. narrowing: what it was narrowed to. refinable: whether better questions can
-- be proposed. draft: what may be shown of an answer that is being written; null as soon as it has ended.
ALTER TABLE chat_answers
    ADD COLUMN search jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN narrowing jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN refinable boolean NOT NULL DEFAULT false,
    ADD COLUMN draft text;
CREATE INDEX chat_answers_drafts ON chat_answers (id) WHERE status = 'waiting' AND draft IS NOT NULL;

-- Better questions than that of an answer; questions is null until they are made. The door that asked for them brings
-- them to return_to.
CREATE TABLE question_proposals (
    id           uuid PRIMARY KEY,
    answer_id    uuid NOT NULL REFERENCES chat_answers (id) ON DELETE CASCADE,
    questions    jsonb,
    return_to    jsonb NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz
);
CREATE INDEX question_proposals_of_answer ON question_proposals (answer_id);
CREATE INDEX question_proposals_undelivered ON question_proposals (created_at)
    WHERE questions IS NOT NULL AND delivered_at IS NULL;

-- What a research found, so that its report can be written anew when one of its recordings is deleted. Null for those of
-- earlier versions.
ALTER TABLE research_runs ADD COLUMN findings jsonb;
