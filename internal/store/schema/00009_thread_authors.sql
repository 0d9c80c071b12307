-- +goose Up
-- Replies by author: they are added up in the order of this index, without
-- sorting. Nothing is written here for messages that are no replies.
DROP INDEX messages_thread;
CREATE INDEX messages_thread ON messages (thread, sent, id) WHERE thread IS NOT NULL;
CREATE INDEX messages_thread_by ON messages (thread, gone, author, sent) WHERE thread IS NOT NULL;
