-- SPDX-License-Identifier: MIT
--
-- Tells of ALTER and DROP of a watched table, which no trigger of a table
-- hears: as of a truncate, since nothing that was read before is sure.
--
-- A command may change a table that it does not name (DROP SCHEMA, ALTER TABLE
-- of a parent), and after it nobody knows how the table was called. So all
-- that is watched is noted before the command, in a setting of the session,
-- and looked at again after it.
--
-- Whoever made the triggers, the tool, watch() or the Python library, they are
-- known by their function: it calls pg_notify() with a channel, and its name
-- ends with this channel's.
--
-- Nobody's command may fail because of this; so an error becomes a warning.

-- Of inheritance, and of partitions, at any depth.
CREATE FUNCTION pgcachewatch.parts_of(relation pg_catalog.oid)
RETURNS pg_catalog.text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $body$
    WITH RECURSIVE part (oid) AS (
        SELECT inhrelid FROM pg_inherits WHERE inhparent = $1
        UNION
        SELECT i.inhrelid FROM pg_inherits AS i
          JOIN part ON i.inhparent = part.oid
    )
    SELECT coalesce(array_agg(oid ORDER BY oid)::text, '') FROM part
$body$;

-- In plpgsql, which keeps the plan for the session.
CREATE FUNCTION pgcachewatch.watched()
RETURNS TABLE (relation pg_catalog.oid, schema pg_catalog.text,
               name pg_catalog.text, channel pg_catalog.text,
               parts pg_catalog.text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH caller AS MATERIALIZED (
        SELECT DISTINCT tgrelid, tgfoid FROM pg_trigger WHERE NOT tgisinternal
    ), function AS MATERIALIZED (
        SELECT p.oid, p.proname::text AS name,
               CASE WHEN starts_with(literal, 'E')
               THEN replace(replace(substr(literal, 3, length(literal) - 3),
                                    $q$''$q$, $q$'$q$), $q$\\$q$, $q$\$q$)
               ELSE replace(substr(literal, 2, length(literal) - 2),
                            $q$''$q$, $q$'$q$) END AS channel
          FROM (SELECT DISTINCT tgfoid FROM caller) AS called
          JOIN pg_proc AS p ON p.oid = called.tgfoid
          CROSS JOIN LATERAL substring(
               p.prosrc FROM $q$pg_notify\(\s*(E?'(?:[^']|'')*')$q$) AS literal
    )
    SELECT c.oid, n.nspname::text, c.relname::text, function.channel,
           CASE WHEN c.relhassubclass THEN pgcachewatch.parts_of(c.oid)
                ELSE '' END
      FROM function
      JOIN caller ON caller.tgfoid = function.oid
      JOIN pg_class AS c ON c.oid = caller.tgrelid
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE "right"(function.name, length(function.channel) + 1)
           = '_' || function.channel;
END
$body$;

CREATE FUNCTION pgcachewatch.note_before()
RETURNS pg_catalog.event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    -- Not for this transaction only: DETACH CONCURRENTLY takes two.
    PERFORM set_config('pgcachewatch.before',
                       coalesce(json_agg(w)::text, ''), false)
       FROM pgcachewatch.watched() AS w;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'pgcachewatch: % of a watched table would not be told: %',
        TG_TAG, SQLERRM;
END
$body$;

CREATE FUNCTION pgcachewatch.tell_after()
RETURNS pg_catalog.event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    before text := current_setting('pgcachewatch.before', true);
BEGIN
    IF coalesce(before, '') = '' THEN
        RETURN;
    END IF;
    PERFORM set_config('pgcachewatch.before', '', false);
    PERFORM pg_notify(
                changed.channel,
                json_build_object('operation', 'truncate',
                                  'table', changed.name, 'sent_at', now(),
                                  'schema', changed.schema)::text)
       FROM (
        WITH RECURSIVE altered (oid) AS (
            SELECT objid FROM pg_event_trigger_ddl_commands()
             WHERE classid = 'pg_class'::regclass
            UNION
            SELECT i.inhrelid FROM pg_inherits AS i
              JOIN altered ON i.inhparent = altered.oid
        )
        SELECT b.channel, told.schema, told.name
          FROM json_to_recordset(before::json)
               AS b (relation oid, schema text, name text, channel text,
                     parts text)
          LEFT JOIN pg_class AS c ON c.oid = b.relation
          LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace
          CROSS JOIN LATERAL (
              VALUES (b.schema, b.name), (n.nspname::text, c.relname::text)
              ) AS told (schema, name)
         WHERE told.name IS NOT NULL
           AND (c.oid IS NULL OR n.nspname <> b.schema OR c.relname <> b.name
                OR c.oid IN (SELECT oid FROM altered)
                OR (c.relhassubclass OR b.parts <> '')
                   AND pgcachewatch.parts_of(c.oid) <> b.parts)
       ) AS changed;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'pgcachewatch: % of a watched table is not told: %',
        TG_TAG, SQLERRM;
END
$body$;

CREATE EVENT TRIGGER pgcachewatch_note_before ON ddl_command_start
    WHEN TAG IN ('ALTER TABLE', 'ALTER FOREIGN TABLE', 'ALTER INDEX',
                 'ALTER SCHEMA', 'ALTER EXTENSION', 'DROP TABLE',
                 'DROP FOREIGN TABLE', 'DROP SCHEMA', 'DROP OWNED',
                 'DROP TYPE', 'DROP EXTENSION', 'DROP SERVER',
                 'DROP FOREIGN DATA WRAPPER')
    EXECUTE FUNCTION pgcachewatch.note_before();
CREATE EVENT TRIGGER pgcachewatch_tell_after ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'ALTER FOREIGN TABLE', 'ALTER INDEX',
                 'ALTER SCHEMA', 'ALTER EXTENSION', 'DROP TABLE',
                 'DROP FOREIGN TABLE', 'DROP SCHEMA', 'DROP OWNED',
                 'DROP TYPE', 'DROP EXTENSION', 'DROP SERVER',
                 'DROP FOREIGN DATA WRAPPER')
    EXECUTE FUNCTION pgcachewatch.tell_after();

-- Also where session_replication_role is replica.
ALTER EVENT TRIGGER pgcachewatch_note_before ENABLE ALWAYS;
ALTER EVENT TRIGGER pgcachewatch_tell_after ENABLE ALWAYS;
