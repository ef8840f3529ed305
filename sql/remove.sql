-- SPDX-License-Identifier: MIT
--
-- Removes what function.sql and triggers.sql have made.
--
-- Takes function, trigger, table_oids: a list with commas, or empty for
-- every table. Gives the statements, or nothing if there is nothing to
-- remove; the statement is empty where something stays. The third column says
-- what will make a statement fail.
--
-- A function is known by its name, in whatever schema it is, and by what it
-- does; a trigger by its name and its function. Nothing is ever dropped with
-- CASCADE: where a trigger of another name calls the function, it stays.

WITH function AS (
    SELECT p.oid, p.proowner,
           pg_catalog.format('%I.%I()', n.nspname, p.proname) AS name
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE p.proname = :'function'::text
       AND p.pronargs = 0
       AND p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype
       AND pg_catalog.strpos(p.prosrc, 'pg_notify') > 0
), trigger AS (
    SELECT function.oid AS function_oid, c.relowner,
           pg_catalog.quote_ident(t.tgname) AS name,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS relation,
           t.tgname IN (:'trigger'::text, :'trigger'::text || '_i',
                        :'trigger'::text || '_u', :'trigger'::text || '_d')
           AND (:'table_oids'::text = ''
                OR c.oid = ANY (pg_catalog.string_to_array(
                       :'table_oids'::text, ',')::oid[])) AS is_to_go
      FROM function
      JOIN pg_catalog.pg_trigger AS t ON t.tgfoid = function.oid
      JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE NOT t.tgisinternal
), step (turn, comment, statement, owner) AS (
    SELECT 1, pg_catalog.format('drop trigger %s on %s', name, relation),
           pg_catalog.format('DROP TRIGGER IF EXISTS %s ON %s;',
                             name, relation), relowner
      FROM trigger
     WHERE is_to_go
    UNION ALL
    SELECT 2, 'drop function ' || name,
           'DROP FUNCTION IF EXISTS ' || name || ';', proowner
      FROM function
     WHERE NOT EXISTS (SELECT FROM trigger
                        WHERE function_oid = function.oid AND NOT is_to_go)
    UNION ALL
    SELECT 3, pg_catalog.format(
                  'keep function %s: trigger %s calls it', function.name,
                  pg_catalog.min(trigger.name || ' on ' || relation))
           || CASE WHEN pg_catalog.count(*) > 1
              THEN pg_catalog.format(', and %s more',
                                     pg_catalog.count(*) - 1)
              ELSE '' END,
           NULL, function.proowner
      FROM function
      JOIN trigger ON trigger.function_oid = function.oid
     WHERE NOT trigger.is_to_go
       AND EXISTS (SELECT FROM trigger AS other
                    WHERE other.function_oid = function.oid
                      AND other.is_to_go)
     GROUP BY function.oid, function.name, function.proowner
)
SELECT pg_catalog.translate('-- ' || comment,
                            pg_catalog.chr(10) || pg_catalog.chr(13), '  ')
           AS comment,
       statement,
       CASE WHEN statement IS NOT NULL
                 AND NOT pg_catalog.pg_has_role(owner, 'USAGE')
            THEN pg_catalog.format('cannot %s: only its owner can, %I',
                                   comment,
                                   pg_catalog.pg_get_userbyid(owner))
       END AS problem
  FROM step
 ORDER BY turn, comment
\gexec
