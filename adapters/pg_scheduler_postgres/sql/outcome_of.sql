-- What became of a transaction: committed, aborted or in progress; NULL if the server has forgotten it.
SELECT pg_catalog.pg_xact_status(:token::text::xid8) AS outcome;
