-- +goose Up
-- When the mover of a move was heard of last: one that was given up is not
-- under way for ever.
ALTER TABLE moves ADD COLUMN heard BIGINT NOT NULL DEFAULT 0;
