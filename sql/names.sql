-- SPDX-License-Identifier: MIT
--
-- The names that an installation uses, and what is wrong with them.
--
-- Takes transport (notify or wal), channel, function_name, trigger_name,
-- publication_name (empty: named after the channel). Gives one row.
-- PostgreSQL cuts a name at 63 bytes without an error, and pg_notify()
-- refuses a longer channel in the middle of somebody's UPDATE: so they are
-- refused here, by their size in the encoding of the database. The names of
-- three triggers are longer than the given one by two bytes: see
-- triggers.sql.

WITH given AS (
    SELECT :'channel'::text AS channel,
           :'function_name'::text || '_' || :'channel'::text AS function,
           :'trigger_name'::text || '_' || :'channel'::text AS trigger,
           coalesce(nullif(:'publication_name'::text, ''),
                    'pb_pgcachewatch_table_change_' || :'channel'::text)
               AS publication
), name (turn, transport, what, name, maximum, why) AS (
    SELECT 1, :'transport'::text, 'channel', channel, 63, '' FROM given
    UNION ALL
    SELECT 2, 'notify', 'function', function, 63, '' FROM given
    UNION ALL
    SELECT 3, 'notify', 'trigger', trigger, 61,
           ' (63, and _i, _u or _d follows)'
      FROM given
    UNION ALL
    SELECT 4, 'wal', 'publication', publication, 63,
           CASE WHEN :'publication_name'::text = ''
           THEN ' (34 for the channel, unless you name the publication)'
           ELSE '' END
      FROM given
), problem (turn, problem) AS (
    SELECT turn,
           pg_catalog.format('the %s''s name has %s bytes, at most %s%s are '
                             'possible: "%s"',
                             what, pg_catalog.octet_length(name), maximum,
                             why, name)
      FROM name
     WHERE transport = :'transport'::text
       AND pg_catalog.octet_length(name) > maximum
    UNION ALL
    SELECT 5, 'the names of channel, function and trigger may not be empty'
     WHERE '' IN (:'channel'::text, :'function_name'::text,
                  :'trigger_name'::text)
    UNION ALL
    SELECT 6, 'PostgreSQL 14 is needed, for '
              || CASE :'transport'::text
                 WHEN 'wal' THEN 'messages in logical decoding'
                 ELSE 'CREATE OR REPLACE TRIGGER' END
     WHERE pg_catalog.current_setting('server_version_num')::integer < 140000
    UNION ALL
    SELECT 7, 'the transport is notify or wal'
     WHERE :'transport'::text NOT IN ('notify', 'wal')
)
SELECT function, trigger, publication,
       (SELECT problem FROM problem ORDER BY turn LIMIT 1) AS problem
  FROM given
\gset
