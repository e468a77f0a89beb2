-- Everything that the migrations made.
DROP TABLE IF EXISTS
    -- include: every_table;
