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
-- transaction are sent once. Telling of a table has no EXCEPTION block: that
-- would cost each statement a subtransaction and could not catch what is
-- left, which comes at COMMIT (the server's queue is full) or at PREPARE
-- TRANSACTION.
--
-- With an argument, the trigger has a transition table, changed_rows, and an
-- event without rows is not told. Without one, as in triggers of the Python
-- library, every event is told. The fields operation, table and sent_at are
-- that library's. lower() needs a collation, as the database's might be
-- Turkish, where INSERT becomes a word with a dotless i.
--
-- A second argument, rows or table, says what is told; 'rows' adds the field
-- keys: the primary keys of the rows. The names of columns may follow: an
-- UPDATE that changes none of these in any row is not told. For an UPDATE
-- both need a second transition table, former_rows.
--
-- What the primary key is, is looked up at each call, so that it may be
-- changed or renamed, and the triggers be dumped and restored. Where it is
-- the first column of the table, or the first two in their order, it is read
-- by a query that names no column: an alias gives them names of ours. So
-- PostgreSQL keeps the plan of it, for each trigger apart, and makes it anew
-- after ALTER TABLE. For other keys, for types that few keys have, and to
-- compare columns, a query is built from names and planned at each call,
-- which costs some 200 us.
--
-- In a transaction that keeps an old snapshot the catalogs show the past, but
-- rows are as they are now. A primary key keeps its columns as long as it has
-- its index; whether that is still there is what pg_table_is_visible() tells,
-- as it does not look through the snapshot. A dropped column moves those
-- behind it, but one that is of the key is not dropped. And the query that is
-- built asks for the names that the columns have now, or fails.
--
-- Keys are sorted, without duplicates, so that equal events fold. Whatever
-- cannot be told by row is told of the whole table: no primary key, a type
-- whose text is not the same in each session, a key too long for a payload,
-- more than 1000 keys or 8 payloads. Here there is an EXCEPTION block, which
-- costs 1 or 2 us: a cast of the user's may fail, and so may a query that is
-- built from names. No backslash may stand in the body: what it means depends
-- on a setting of the writer's session.

WITH plain (types) AS (
    -- Their text is the same in each session. The oids of the system's types
    -- are fixed for ever.
    SELECT pg_catalog.array_agg(oid ORDER BY oid)::text
      FROM pg_catalog.pg_type
     WHERE typnamespace = 'pg_catalog'::pg_catalog.regnamespace
       AND typname IN ('bool', 'int2', 'int4', 'int8', 'oid', 'xid8',
                       'pg_lsn', 'numeric', 'text', 'varchar', 'bpchar',
                       'name', 'char', 'uuid', 'inet', 'cidr', 'macaddr',
                       'macaddr8', 'bit', 'varbit', 'time')
), query (operation, first_key, pair_key) AS (
    -- Reads the keys of one column, and of two, after an UPDATE or another
    -- operation. An alias must not name more columns than there are: hence
    -- a NULL beside those of the table.
    SELECT rows.operation,
           pg_catalog.format($template$
            SELECT s.keys,
                   CASE WHEN s.keys[1] OPERATOR(pg_catalog.=) ALL (s.keys)
                             AND pg_catalog.octet_length(s.keys[1])
                                 OPERATOR(pg_catalog.<=) 1000
                        THEN s.keys[1] END
              INTO keys, only_key
              FROM (
                SELECT pg_catalog.array_agg(
                           pg_catalog."left"(r.pgcachewatch_1::pg_catalog.text,
                                             8192) COLLATE pg_catalog."C"
                           ) AS keys
                  FROM (
                    %1$s
                    LIMIT 2002) AS r
                 WHERE pg_catalog.pg_typeof(r.pgcachewatch_1)::pg_catalog.oid
                       OPERATOR(pg_catalog.=) ANY (%2$L::pg_catalog.oid[])
                   AND EXISTS (
                       SELECT FROM pg_catalog.pg_index AS i
                        WHERE i.indrelid OPERATOR(pg_catalog.=) TG_RELID
                          AND i.indisprimary
                          AND i.indnkeyatts OPERATOR(pg_catalog.=) 1
                          AND i.indkey[0] OPERATOR(pg_catalog.=) 1
                          AND pg_catalog.pg_table_is_visible(i.indexrelid)
                              IS NOT NULL)) AS s;$template$,
               pg_catalog.string_agg(pg_catalog.format(
                   'SELECT r.pgcachewatch_1 FROM %s AS r (pgcachewatch_1)',
                   rows.name), '
                    UNION ALL ' ORDER BY rows.name), types),
           pg_catalog.format($template$
            SELECT pg_catalog.array_agg(pg_catalog."left"(
                       pg_catalog.json_build_array(%3$s)
                       ::pg_catalog.text, 8192))
              INTO keys
              FROM (
                %1$s
                LIMIT 2002) AS r
             WHERE pg_catalog.pg_typeof(r.pgcachewatch_1)::pg_catalog.oid
                   OPERATOR(pg_catalog.=) ANY (%2$L::pg_catalog.oid[])
               AND pg_catalog.pg_typeof(r.pgcachewatch_2)::pg_catalog.oid
                   OPERATOR(pg_catalog.=) ANY (%2$L::pg_catalog.oid[])
               AND EXISTS (
                   SELECT FROM pg_catalog.pg_index AS i
                    WHERE i.indrelid OPERATOR(pg_catalog.=) TG_RELID
                      AND i.indisprimary
                      AND i.indnkeyatts OPERATOR(pg_catalog.=) 2
                      AND i.indkey[0] OPERATOR(pg_catalog.=) 1
                      AND i.indkey[1] OPERATOR(pg_catalog.=) 2
                      AND pg_catalog.pg_table_is_visible(i.indexrelid)
                          IS NOT NULL);$template$,
               pg_catalog.string_agg(pg_catalog.format(
                   $template$SELECT r.pgcachewatch_1, r.pgcachewatch_2
                  FROM (SELECT t.*, NULL FROM %s AS t)
                       AS r (pgcachewatch_1, pgcachewatch_2)$template$,
                   rows.name), '
                UNION ALL ' ORDER BY rows.name),
               pg_catalog.rtrim(types, '}') || ',1082,1114,1184}', pair.parts)
      FROM plain
      CROSS JOIN (VALUES ('UPDATE', 'changed_rows'), ('UPDATE', 'former_rows'),
                         ('other', 'changed_rows')) AS rows (operation, name)
      CROSS JOIN (
          SELECT pg_catalog.string_agg(pg_catalog.format($template$
                       CASE WHEN pg_catalog.pg_typeof(r.%1$s)::pg_catalog.oid
                                 OPERATOR(pg_catalog.=) 1184 -- timestamptz
                       THEN pg_catalog.concat(
                                pg_catalog.to_json(pg_catalog.timezone('UTC', (
                                    pg_catalog.to_json(r.%1$s)
                                    OPERATOR(pg_catalog.#>>) '{}')
                                    ::pg_catalog.timestamptz))
                                OPERATOR(pg_catalog.#>>) '{}', 'Z')
                       WHEN pg_catalog.pg_typeof(r.%1$s)::pg_catalog.oid
                            OPERATOR(pg_catalog.=) -- date, timestamp
                            ANY ('{1082,1114}'::pg_catalog.oid[])
                       THEN pg_catalog.to_json(r.%1$s)
                            OPERATOR(pg_catalog.#>>) '{}'
                       ELSE r.%1$s::pg_catalog.text END$template$, name),
                     ',' ORDER BY name)
            FROM (VALUES ('pgcachewatch_1'), ('pgcachewatch_2'))
                     AS column_of_ours (name)) AS pair (parts)
     GROUP BY rows.operation, types, pair.parts
), wanted AS (
    SELECT pg_catalog.current_schema() AS schema,
           :'function'::text AS name,
           pg_catalog.format($template$
DECLARE
    header pg_catalog.text;
    room pg_catalog.int4;
    key_of pg_catalog.text;
    values_of pg_catalog.text;
    rows_from pg_catalog.text;
    most_bytes pg_catalog.int4;
    keys pg_catalog.text[];
    only_key pg_catalog.text;
    element pg_catalog.text;
    payload pg_catalog.text;
    payloads pg_catalog.text[];
BEGIN
    IF TG_NARGS OPERATOR(pg_catalog.>) 1 THEN
        BEGIN
            IF TG_NARGS OPERATOR(pg_catalog.=) 2 THEN
                IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN%2$s
                ELSE%3$s
                END IF;
            END IF;
            IF only_key IS NOT NULL THEN
                PERFORM pg_catalog.pg_notify(
                    %1$L,
                    pg_catalog.json_build_object(
                        'operation',
                        pg_catalog.lower(TG_OP COLLATE pg_catalog."C"),
                        'table', TG_TABLE_NAME,
                        'sent_at', pg_catalog.now(),
                        'schema', TG_TABLE_SCHEMA,
                        'keys', pg_catalog.json_build_array(only_key))
                        ::pg_catalog.text);
                RETURN NULL;
            END IF;
            IF keys IS NULL THEN
                IF NOT EXISTS (SELECT FROM changed_rows) THEN
                    RETURN NULL;
                END IF;
                IF TG_NARGS OPERATOR(pg_catalog.>) 2 THEN
                    NULL;
                ELSIF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN%4$s
                ELSE%5$s
                END IF;
            END IF;
            IF keys IS NULL THEN
                SELECT CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.=) 1
                       THEN pg_catalog.min(field.expression)
                       ELSE pg_catalog.concat(
                                'pg_catalog.json_build_array(',
                                pg_catalog.string_agg(field.expression, ', '
                                                      ORDER BY field.turn),
                                ')::pg_catalog.text') END
                  INTO key_of
                  FROM (
                    SELECT part.turn,
                           CASE
                           WHEN type.typtype OPERATOR(pg_catalog.=) 'e'
                                OR type.oid OPERATOR(pg_catalog.=) ANY (
                                    %6$L::pg_catalog.oid[])
                           THEN pg_catalog.concat(
                                    '(', name.name, ')::pg_catalog.text')
                           WHEN type.typname OPERATOR(pg_catalog.=) 'bytea'
                           THEN pg_catalog.concat(
                                    'pg_catalog.concat(pg_catalog.chr(92), '
                                    '''x'', pg_catalog.encode(', name.name,
                                    ', ''hex''))')
                           WHEN type.typname OPERATOR(pg_catalog.=) ANY (
                                    '{date,timestamp}'::pg_catalog.name[])
                           THEN pg_catalog.concat(
                                    'pg_catalog.to_json(', name.name,
                                    ') OPERATOR(pg_catalog.#>>) ''{}''')
                           WHEN type.typname OPERATOR(pg_catalog.=)
                                'timestamptz'
                           THEN pg_catalog.concat(
                                    'pg_catalog.concat(pg_catalog.to_json('
                                    'pg_catalog.timezone(''UTC'', ', name.name,
                                    ')) OPERATOR(pg_catalog.#>>) ''{}'', '
                                    '''Z'')')
                           END AS expression
                      FROM pg_catalog.pg_index AS i
                      CROSS JOIN LATERAL pg_catalog.unnest(i.indkey)
                           WITH ORDINALITY AS part (attnum, turn)
                      JOIN pg_catalog.pg_attribute AS a
                        ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid
                           AND a.attnum OPERATOR(pg_catalog.=) part.attnum
                      JOIN pg_catalog.pg_type AS given
                        ON given.oid OPERATOR(pg_catalog.=) a.atttypid
                      LEFT JOIN pg_catalog.pg_type AS type
                        ON type.oid OPERATOR(pg_catalog.=)
                           CASE WHEN given.typtype OPERATOR(pg_catalog.=) 'd'
                                THEN given.typbasetype ELSE given.oid END
                           AND (type.oid OPERATOR(pg_catalog.<) 16384
                                OR type.typtype OPERATOR(pg_catalog.=) 'e')
                      CROSS JOIN LATERAL pg_catalog.concat(
                           'r.', pg_catalog.pg_get_indexdef(
                                     i.indexrelid, part.turn::pg_catalog.int4,
                                     false)) AS name (name)
                     WHERE i.indrelid OPERATOR(pg_catalog.=) TG_RELID
                       AND i.indisprimary
                       AND part.turn OPERATOR(pg_catalog.<=) i.indnkeyatts
                  ) AS field
                HAVING pg_catalog.bool_and(field.expression IS NOT NULL);
                IF key_of IS NOT NULL THEN
                    key_of := pg_catalog.concat(
                        'SELECT (', key_of, ') COLLATE pg_catalog."C" AS k');
                    IF TG_NARGS OPERATOR(pg_catalog.>) 2 THEN
                        SELECT pg_catalog.string_agg(
                                   pg_catalog.concat(
                                       'r.',
                                       pg_catalog.quote_ident(a.attname)),
                                   ', ')
                          INTO values_of
                          FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid OPERATOR(pg_catalog.=) TG_RELID
                           AND a.attnum OPERATOR(pg_catalog.>) 0
                           AND a.attname::pg_catalog.text
                               OPERATOR(pg_catalog.=) ANY (TG_ARGV[2:])
                        HAVING pg_catalog.count(*) OPERATOR(pg_catalog.=)
                               (TG_NARGS OPERATOR(pg_catalog.-) 2);
                    END IF;
                    rows_from := CASE
                        WHEN TG_OP OPERATOR(pg_catalog.<>) 'UPDATE'
                        THEN pg_catalog.concat(
                                 key_of, ' FROM changed_rows AS r')
                        WHEN values_of IS NULL
                        THEN pg_catalog.concat(
                                 key_of, ' FROM changed_rows AS r UNION ALL ',
                                 key_of, ' FROM former_rows AS r')
                        ELSE pg_catalog.concat(
                                 'SELECT COALESCE(n.k, o.k) AS k FROM '
                                 '(', key_of, ', ROW(', values_of, ') AS v '
                                 'FROM changed_rows AS r) AS n FULL JOIN '
                                 '(', key_of, ', ROW(', values_of, ') AS v '
                                 'FROM former_rows AS r) AS o '
                                 'ON n.k OPERATOR(pg_catalog.=) o.k '
                                 'WHERE (n.v OPERATOR(pg_catalog.*=) o.v) '
                                 'IS NOT TRUE') END;
                    EXECUTE pg_catalog.concat(
                        'SELECT pg_catalog.array_agg(pg_catalog."left"(s.k, '
                        '8192)) FROM (', rows_from, ' LIMIT 2002) AS s')
                       INTO keys;
                    IF keys IS NULL THEN
                        RETURN NULL; -- the columns are as they were
                    END IF;
                END IF;
            END IF;
            header := pg_catalog."left"(
                pg_catalog.json_build_object(
                    'operation', pg_catalog.lower(TG_OP COLLATE pg_catalog."C"),
                    'table', TG_TABLE_NAME,
                    'sent_at', pg_catalog.now(),
                    'schema', TG_TABLE_SCHEMA)::pg_catalog.text, -1);
            -- The server's limit depends on its block size; 8000 is usual.
            room := LEAST(8192, pg_catalog.current_setting('block_size')
                                ::pg_catalog.int4)
                    OPERATOR(pg_catalog.-) 300
                    OPERATOR(pg_catalog.-) pg_catalog.octet_length(header);
            IF TG_ARGV[1] OPERATOR(pg_catalog.<>) 'rows' THEN
                NULL; -- the whole table
            ELSIF pg_catalog.cardinality(keys) OPERATOR(pg_catalog.<=) 2000
                  AND pg_catalog.array_position(keys, NULL) IS NULL THEN
                SELECT pg_catalog.max(pg_catalog.octet_length(s.k)),
                       pg_catalog.array_agg(DISTINCT s.k ORDER BY s.k)
                  INTO most_bytes, keys
                  FROM (SELECT pg_catalog.to_json(u.k)::pg_catalog.text
                               COLLATE pg_catalog."C"
                          FROM pg_catalog.unnest(keys) AS u (k)) AS s (k);
                IF most_bytes OPERATOR(pg_catalog.<=) room
                   AND pg_catalog.cardinality(keys)
                       OPERATOR(pg_catalog.<=) 1000 THEN
                    payload := pg_catalog.array_to_string(keys, ',');
                    IF pg_catalog.octet_length(payload)
                       OPERATOR(pg_catalog.>) room THEN
                        payload := NULL;
                        FOREACH element IN ARRAY keys LOOP
                            IF pg_catalog.octet_length(payload)
                               OPERATOR(pg_catalog.+)
                               pg_catalog.octet_length(element)
                               OPERATOR(pg_catalog.>=) room THEN
                                payloads := pg_catalog.array_append(
                                    payloads, payload);
                                payload := NULL;
                            END IF;
                            payload := pg_catalog.concat_ws(
                                ',', payload, element);
                        END LOOP;
                    END IF;
                    payloads := pg_catalog.array_append(payloads, payload);
                END IF;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            payloads := NULL;
        END;
        IF pg_catalog.cardinality(payloads)
           OPERATOR(pg_catalog.<=) 8 THEN
            FOREACH payload IN ARRAY payloads LOOP
                PERFORM pg_catalog.pg_notify(
                    %1$L, pg_catalog.concat(header, ', "keys" : [', payload,
                                            ']}'));
            END LOOP;
            RETURN NULL;
        END IF;
    END IF;
    IF TG_NARGS OPERATOR(pg_catalog.>) 0 THEN
        IF NOT EXISTS (SELECT FROM changed_rows) THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM pg_catalog.pg_notify(
        %1$L,
        pg_catalog.json_build_object(
            'operation', pg_catalog.lower(TG_OP COLLATE pg_catalog."C"),
            'table', TG_TABLE_NAME,
            'sent_at', pg_catalog.now(),
            'schema', TG_TABLE_SCHEMA)::pg_catalog.text);
    RETURN NULL;
END
$template$, :'channel'::text,
               updating.first_key, other.first_key, updating.pair_key,
               other.pair_key, plain.types) AS body
      FROM query AS updating, query AS other, plain
     WHERE updating.operation = 'UPDATE' AND other.operation = 'other'
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
