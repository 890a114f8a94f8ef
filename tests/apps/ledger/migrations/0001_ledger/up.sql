-- One row an effect: nothing here keeps an effect from happening twice, so that a test sees it if it does.
CREATE TABLE ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number bigint NOT NULL
);
COMMENT ON TABLE ledger IS 'catena: public';
