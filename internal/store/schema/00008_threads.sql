-- +goose Up
-- A reply is aside: left out of the room's history, unless it was also sent
-- to the room. The index of history has it, so that replies are passed over
-- without a look at their rows.
ALTER TABLE messages ADD COLUMN aside BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE messages SET aside = TRUE WHERE thread IS NOT NULL;
DROP INDEX messages_history;
CREATE INDEX messages_history ON messages (room, sent, id, aside);

-- Replies alone: nothing is written here for messages that are none.
CREATE INDEX messages_thread ON messages (thread, sent, id, author, gone) WHERE thread IS NOT NULL;
