-- How far into each stream a first look goes: if all give alike, one look is enough.
(2 * :limit::integer / pg_catalog.count(*) + 10)::integer
