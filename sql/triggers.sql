-- SPDX-License-Identifier: MIT
--
-- The triggers of some tables, which call the function of function.sql.
--
-- Takes function, trigger, table_oids: a list with commas; rows and always:
-- 'on' or empty; columns: an array of names as in SQL, '{n,"Mixed"}', or
-- empty. Gives the statements that make them, but for those that are there
-- already. The third column says what will make a statement fail.
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
-- With rows, what is changed is told by primary key; with columns, an UPDATE
-- is told only where it changes one of these. Both are arguments of the
-- triggers, and for an UPDATE need the rows as they were.
--
-- ENABLE ALWAYS is never taken back: somebody may have meant it.
--
-- A trigger of such a name that calls another function is not replaced: it
-- may be that of another channel, say a_i beside a.

WITH relation AS (
    SELECT c.oid, c.relkind = 'f' AS is_foreign, c.relowner,
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
), chosen AS (
    SELECT pg_catalog.parse_ident(given.name) AS parts
      FROM pg_catalog.unnest(
               nullif(:'columns'::text, '')::text[])
               AS given (name)
), chosen_list AS (
    SELECT coalesce(pg_catalog.array_agg(
               DISTINCT pg_catalog.array_to_string(parts, '.')), '{}') AS names
      FROM chosen
), kind (turn, suffix, event, type, old_rows, new_rows, is_foreign) AS (
    VALUES (1, '_i', 'INSERT', 4, NULL, 'changed_rows', false),
           (2, '_u', 'UPDATE', 16, 'former_rows', 'changed_rows', false),
           (3, '_d', 'DELETE', 8, 'changed_rows', NULL, false),
           (4, '', 'TRUNCATE', 32, NULL, NULL, false)
    UNION ALL
    SELECT 1, '', 'INSERT OR UPDATE OR DELETE' || truncate.event,
           28 + truncate.type, NULL, NULL, true
      FROM (VALUES ('', 0, 0, 159999),
                   (' OR TRUNCATE', 32, 160000, 2147483647))
               AS truncate (event, type, since, until)
     WHERE pg_catalog.current_setting('server_version_num')::integer
           BETWEEN truncate.since AND truncate.until
), wanted AS (
    SELECT kind.turn, kind.event, kind.type, arguments.list AS arguments,
           :'trigger'::text || kind.suffix AS name,
           CASE WHEN kind.type <> 16 OR pg_catalog.cardinality(list) > 1
                THEN kind.old_rows END AS old_rows,
           kind.new_rows,
           relation.oid AS relation_oid, relation.name AS relation_name,
           relation.turn AS relation_turn, relation.relowner
      FROM relation JOIN kind USING (is_foreign)
      CROSS JOIN chosen_list
      CROSS JOIN LATERAL (
          SELECT CASE
                 WHEN kind.old_rows IS NULL AND kind.new_rows IS NULL
                 THEN '{}'::text[]
                 WHEN kind.type = 16 AND chosen_list.names <> '{}'
                 THEN ARRAY['changed_rows',
                            CASE WHEN :'rows'::text = '' THEN 'table'
                                 ELSE 'rows' END] || chosen_list.names
                 WHEN :'rows'::text = '' THEN ARRAY['changed_rows']
                 ELSE ARRAY['changed_rows', 'rows'] END) AS arguments (list)
), found AS (
    SELECT wanted.relation_oid, wanted.name, p.proname,
           t.tgenabled = 'A' AS is_always,
           t.tgfoid = function.oid
           AND t.tgtype = wanted.type
           AND t.tgargs = (
               SELECT coalesce(pg_catalog.string_agg(
                          pg_catalog.convert_to(
                              argument, pg_catalog.getdatabaseencoding())
                          || pg_catalog.decode('00', 'hex'),
                          '' ORDER BY turn), '')
                 FROM pg_catalog.unnest(wanted.arguments)
                      WITH ORDINALITY AS given (argument, turn))
           AND t.tgoldtable::text IS NOT DISTINCT FROM wanted.old_rows
           AND t.tgnewtable::text IS NOT DISTINCT FROM wanted.new_rows
           AND t.tgqual IS NULL
           AND t.tgattr = ''::pg_catalog.int2vector
           AND (t.tgenabled = 'A' OR t.tgenabled = 'O'
                AND :'always'::text = '') AS is_as_wanted
      FROM wanted
      JOIN pg_catalog.pg_trigger AS t
        ON t.tgrelid = wanted.relation_oid AND t.tgname = wanted.name
      JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
      CROSS JOIN function
)
SELECT pg_catalog.translate(
           pg_catalog.format(
               '-- %s trigger %I on %s%s',
               CASE WHEN found.name IS NULL THEN 'create' ELSE 'replace' END,
               wanted.name, wanted.relation_name,
               CASE WHEN 'rows' = ANY (wanted.arguments[2:2])
                         AND NOT EXISTS (
                             SELECT FROM pg_catalog.pg_index
                              WHERE indrelid = wanted.relation_oid
                                AND indisprimary)
                    THEN ', of the whole table: it has no primary key'
               END),
           pg_catalog.chr(10) || pg_catalog.chr(13), '  ') AS comment,
       pg_catalog.format(
           E'CREATE OR REPLACE TRIGGER %I\n'
           '    AFTER %s ON %s\n'
           '%s    FOR EACH STATEMENT EXECUTE FUNCTION %s%s);',
           wanted.name, wanted.event, wanted.relation_name,
           '    REFERENCING'
           || nullif(pg_catalog.concat(' OLD TABLE AS ' || wanted.old_rows,
                            ' NEW TABLE AS ' || wanted.new_rows), '')
           || E'\n',
           pg_catalog.rtrim(function.name, ')'),
           (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(argument),
                                         ', ' ORDER BY turn)
              FROM pg_catalog.unnest(wanted.arguments)
                   WITH ORDINALITY AS given (argument, turn)))
       || CASE WHEN :'always'::text <> '' OR found.is_always
          THEN pg_catalog.format(
                   E'\nALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I;',
                   wanted.relation_name, wanted.name)
          ELSE '' END
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
       WHEN (:'always'::text <> '' OR found.is_always)
            AND NOT pg_catalog.pg_has_role(wanted.relowner, 'USAGE')
       THEN pg_catalog.format(
                'only the owner of %s, %I, may make a trigger fire ALWAYS',
                wanted.relation_name,
                pg_catalog.pg_get_userbyid(wanted.relowner))
       WHEN missing.name IS NOT NULL
       THEN pg_catalog.format('%s has no column %I', wanted.relation_name,
                              missing.name)
       WHEN NOT pg_catalog.has_function_privilege(function.oid, 'EXECUTE')
       THEN pg_catalog.format(
                'role %I may not use function %s: GRANT EXECUTE ON FUNCTION '
                '%2$s TO %1$I', current_user, function.name)
       END AS problem
  FROM wanted
  LEFT JOIN found USING (relation_oid, name)
  CROSS JOIN function
  LEFT JOIN LATERAL (
      SELECT pg_catalog.min(given.name) AS name
        FROM chosen_list, pg_catalog.unnest(chosen_list.names) AS given (name)
       WHERE NOT EXISTS (
                 SELECT FROM pg_catalog.pg_attribute AS a
                  WHERE a.attrelid = wanted.relation_oid AND a.attnum > 0
                    AND a.attname::text = given.name)) AS missing ON true
 WHERE found.is_as_wanted IS NOT TRUE
 ORDER BY wanted.relation_turn, wanted.turn
\gexec
