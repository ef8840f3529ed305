-- SPDX-License-Identifier: MIT
--
-- One table, written as in SQL: orders, public.orders, "Mixed Case".
--
-- Takes table. Gives one row: its oid, or what is wrong with it; or fails
-- where the name cannot be read. A name that is too long is refused, as
-- PostgreSQL would cut it and take another table.

WITH relation AS (
    SELECT c.oid, c.relkind, c.relpersistence
      FROM pg_catalog.pg_class AS c
     WHERE c.oid = pg_catalog.to_regclass(:'table'::text)
), problem (turn, problem) AS (
    SELECT 1, pg_catalog.format('a part of it has %s bytes, at most 63 are '
                                'possible', pg_catalog.octet_length(part))
      FROM pg_catalog.unnest(
               pg_catalog.parse_ident(:'table'::text)) AS part
     WHERE pg_catalog.octet_length(part) > 63
    UNION ALL
    SELECT 2, 'there is no such table'
     WHERE NOT EXISTS (SELECT FROM relation)
    UNION ALL
    SELECT 3, 'it is '
              || CASE relkind
                 WHEN 'v' THEN 'a view: name the tables that it shows'
                 WHEN 'm' THEN 'a materialized view: only REFRESH changes it, '
                               'and nobody is told of that'
                 WHEN 'i' THEN 'an index'
                 WHEN 'I' THEN 'an index'
                 WHEN 'S' THEN 'a sequence'
                 WHEN 'c' THEN 'a type'
                 WHEN 't' THEN 'a part of the storage of another table'
                 ELSE 'a relation of an unknown kind' END
      FROM relation
     WHERE relkind NOT IN ('r', 'p', 'f')
    UNION ALL
    SELECT 4, 'it is a table of the system'
      FROM relation
     WHERE oid < 16384 -- the first oid that is not the system's
    UNION ALL
    SELECT 5, 'it is a temporary table: only its own session can change it'
      FROM relation
     WHERE relpersistence = 't'
)
SELECT (SELECT oid FROM relation) AS table_oid,
       (SELECT problem FROM problem ORDER BY turn LIMIT 1) AS problem
\gset
