-- SPDX-License-Identifier: MIT
--
-- The trigger function: tells the channel what was done to a table.
--
-- Takes channel, function. Gives the statement that makes it in the first
-- schema of the search_path, or nothing if it is there already. The third
-- column says what will make the statement fail.
--
-- A writer's statement must not fail because of this function: all in it is
-- qualified, so that no search_path can change its meaning; the payload is
-- bounded by the two names in it, far below the 8000 bytes that are
-- possible; now() is the transaction's start, so that equal payloads of one
-- transaction are sent once. It has no EXCEPTION block: that would cost each
-- statement a subtransaction and could not catch what is left, which comes
-- at COMMIT (the server's queue is full) or at PREPARE TRANSACTION.
--
-- With an argument, the trigger has a transition table, changed_rows, and an
-- event without rows is not told. Without one, as in triggers of the Python
-- library, every event is told. The fields operation, table and sent_at are
-- that library's. lower() needs a collation, as the database's might be
-- Turkish, where INSERT becomes a word with a dotless i.

WITH wanted AS (
    SELECT pg_catalog.current_schema() AS schema,
           :'function'::text AS name,
           pg_catalog.format($template$
BEGIN
    IF TG_NARGS OPERATOR(pg_catalog.>) 0 THEN
        IF NOT EXISTS (SELECT FROM changed_rows) THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM pg_catalog.pg_notify(
        %L,
        pg_catalog.json_build_object(
            'operation', pg_catalog.lower(TG_OP COLLATE pg_catalog."C"),
            'table', TG_TABLE_NAME,
            'sent_at', pg_catalog.now(),
            'schema', TG_TABLE_SCHEMA)::pg_catalog.text);
    RETURN NULL;
END
$template$, :'channel'::text) AS body
), found AS (
    SELECT p.oid, p.proowner, p.prorettype, p.prokind,
           p.prosrc = wanted.body
           AND p.prolang = (SELECT oid FROM pg_catalog.pg_language
                             WHERE lanname = 'plpgsql')
           AND NOT p.prosecdef
           AND p.proconfig IS NULL AS is_as_wanted
      FROM wanted
      JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema
      JOIN pg_catalog.pg_proc AS p
        ON p.pronamespace = n.oid AND p.proname = wanted.name
           AND p.pronargs = 0
), quoted AS (
    SELECT pg_catalog.format('%I.%I()', coalesce(schema, '?'), name) AS name,
           -- A channel's name may contain the closing mark.
           CASE WHEN pg_catalog.strpos(body, '$pgcachewatch$') = 0
                THEN '$pgcachewatch$' || body || '$pgcachewatch$'
                ELSE pg_catalog.quote_literal(body) END AS body
      FROM wanted
), problem (turn, problem) AS (
    SELECT 0, 'the search_path begins with no schema where a function can stay'
      FROM wanted
     WHERE pg_catalog.starts_with(schema, 'pg_') IS NOT FALSE
    UNION ALL
    SELECT 1, pg_catalog.format(
                  'role %I may create nothing in schema %I: GRANT CREATE ON '
                  'SCHEMA %2$I TO %1$I', current_user, schema)
      FROM wanted
     WHERE NOT EXISTS (SELECT FROM found)
       AND NOT pg_catalog.has_schema_privilege(schema, 'CREATE')
    UNION ALL
    SELECT 2, quoted.name || ' is there, and is no trigger function'
      FROM found CROSS JOIN quoted
     WHERE prokind <> 'f'
        OR prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype
    UNION ALL
    SELECT 3, pg_catalog.format(
                  'function %s is there with another body; its owner is %I, '
                  'and only the owner can replace it',
                  quoted.name, pg_catalog.pg_get_userbyid(proowner))
      FROM found CROSS JOIN quoted
     WHERE NOT pg_catalog.pg_has_role(proowner, 'USAGE')
    UNION ALL
    SELECT 4, 'not everybody may execute pg_notify(), so somebody''s write '
              'would fail: GRANT EXECUTE ON FUNCTION pg_notify(text, text) '
              'TO public'
     WHERE NOT pg_catalog.has_function_privilege(
                   'public', 'pg_catalog.pg_notify(text, text)', 'EXECUTE')
)
SELECT pg_catalog.translate(
           CASE WHEN EXISTS (SELECT FROM found)
                THEN '-- replace function ' || quoted.name
                     || ', which triggers may go on to call'
                ELSE '-- create function ' || quoted.name END,
           pg_catalog.chr(10) || pg_catalog.chr(13), '  ') AS comment,
       pg_catalog.format(E'CREATE OR REPLACE FUNCTION %s RETURNS trigger\n'
                         '    LANGUAGE plpgsql AS %s;',
                         quoted.name, quoted.body) AS statement,
       (SELECT problem FROM problem ORDER BY turn LIMIT 1) AS problem
  FROM quoted
 WHERE NOT EXISTS (SELECT FROM found WHERE is_as_wanted)
\gexec
