-- What the keys of TLS session tickets are made of, so that a session of one node is known to all.
CREATE TABLE ticket_key (
  generation BIGINT PRIMARY KEY,        -- half days since 1970; who comes first makes it
  sealed BYTEA NOT NULL                 -- with the key "seal": a copied database opens no ticket
);
