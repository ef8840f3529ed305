-- SPDX-License-Identifier: MIT
--
-- The triggers of some tables, which call the function of function.sql.
--
-- Takes function, trigger, table_oids: a list with commas. Gives the
-- statements that make them, but for those that are there already. The third
-- column says what will make a statement fail.
--
-- A statement's trigger fires also where no row was changed, as with
-- UPDATE ... WHERE false. To skip these it needs a transition table; then
-- there can be but one event a trigger, and none is TRUNCATE: hence four
-- triggers. Measured, that costs a writer's statement some 10 us of CPU more
-- than one trigger that tells of everything. The one with the bare name is
-- the Python library's, for all four events; where it is there it is
-- replaced, so that nothing is told twice. A foreign table can have no
-- transition tables, and so has the bare one only.
--
-- A trigger of such a name that calls another function is not replaced: it
-- may be that of another channel, say a_i beside a.

WITH relation AS (
    SELECT c.oid, c.relkind = 'f' AS is_foreign,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
           pg_catalog.array_position(given.oids, c.oid) AS turn
      FROM (SELECT pg_catalog.string_to_array(
                       :'table_oids'::text, ',')::oid[] AS oids) AS given
      JOIN pg_catalog.pg_class AS c ON c.oid = ANY (given.oids)
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
), function AS (
    SELECT pg_catalog.to_regprocedure(name)::oid AS oid, name
      FROM pg_catalog.format('%I.%I()', pg_catalog.current_schema(),
                             :'function'::text) AS name
), kind (turn, suffix, event, type, rows, is_foreign) AS (
    VALUES (1, '_i', 'INSERT', 4, 'NEW', false),
           (2, '_u', 'UPDATE', 16, 'NEW', false),
           (3, '_d', 'DELETE', 8, 'OLD', false),
           (4, '', 'TRUNCATE', 32, NULL, false)
    UNION ALL
    SELECT 1, '', 'INSERT OR UPDATE OR DELETE' || truncate.event,
           28 + truncate.type, NULL, true
      FROM (VALUES ('', 0, 0, 159999),
                   (' OR TRUNCATE', 32, 160000, 2147483647))
               AS truncate (event, type, since, until)
     WHERE pg_catalog.current_setting('server_version_num')::integer
           BETWEEN truncate.since AND truncate.until
), wanted AS (
    SELECT kind.turn, kind.event, kind.type, kind.rows,
           :'trigger'::text || kind.suffix AS name,
           relation.oid AS relation_oid, relation.name AS relation_name,
           relation.turn AS relation_turn
      FROM relation JOIN kind USING (is_foreign)
), found AS (
    SELECT wanted.relation_oid, wanted.name, p.proname,
           t.tgfoid = function.oid
           AND t.tgtype = wanted.type
           AND (t.tgnargs > 0) = (wanted.rows IS NOT NULL)
           AND coalesce(t.tgoldtable, t.tgnewtable) IS NOT DISTINCT FROM
               CASE WHEN wanted.rows IS NOT NULL THEN 'changed_rows'::name END
           AND t.tgqual IS NULL
           AND t.tgattr = ''::pg_catalog.int2vector
           AND t.tgenabled IN ('O', 'A') AS is_as_wanted
      FROM wanted
      JOIN pg_catalog.pg_trigger AS t
        ON t.tgrelid = wanted.relation_oid AND t.tgname = wanted.name
      JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
      CROSS JOIN function
)
SELECT pg_catalog.translate(
           pg_catalog.format(
               '-- %s trigger %I on %s',
               CASE WHEN found.name IS NULL THEN 'create' ELSE 'replace' END,
               wanted.name, wanted.relation_name),
           pg_catalog.chr(10) || pg_catalog.chr(13), '  ') AS comment,
       pg_catalog.format(
           E'CREATE OR REPLACE TRIGGER %I\n'
           '    AFTER %s ON %s\n'
           '%s    FOR EACH STATEMENT EXECUTE FUNCTION %s%s);',
           wanted.name, wanted.event, wanted.relation_name,
           E'    REFERENCING ' || wanted.rows || E' TABLE AS changed_rows\n',
           pg_catalog.rtrim(function.name, ')'),
           CASE WHEN wanted.rows IS NOT NULL THEN '''changed_rows''' END)
           AS statement,
       CASE
       WHEN found.proname <> :'function'::text
       THEN pg_catalog.format(
                'trigger %I on %s is there, and calls %I, not our function',
                wanted.name, wanted.relation_name, found.proname)
       WHEN NOT pg_catalog.has_table_privilege(wanted.relation_oid, 'TRIGGER')
       THEN pg_catalog.format(
                'role %I may make no trigger on %s: GRANT TRIGGER ON %2$s '
                'TO %1$I', current_user, wanted.relation_name)
       WHEN NOT pg_catalog.has_function_privilege(function.oid, 'EXECUTE')
       THEN pg_catalog.format(
                'role %I may not use function %s: GRANT EXECUTE ON FUNCTION '
                '%2$s TO %1$I', current_user, function.name)
       END AS problem
  FROM wanted
  LEFT JOIN found USING (relation_oid, name)
  CROSS JOIN function
 WHERE found.is_as_wanted IS NOT TRUE
 ORDER BY wanted.relation_turn, wanted.turn
\gexec
