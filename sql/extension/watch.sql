-- SPDX-License-Identifier: MIT
--
-- watch() and unwatch(): what `pgcachewatch install --commit` and `uninstall
-- --commit` do, with the same queries.
--
-- They run as whoever calls them, with his search_path, which says what
-- 'orders' means and where the function is made. So operators of our own are
-- qualified here.
--
-- What they make is no member of the extension, or pg_dump would leave it
-- out: it dumps the function, and the triggers with their tables. But the
-- function is marked as depending on the extension. So DROP EXTENSION is
-- refused as long as a trigger calls it, and with CASCADE takes both away.
-- A function that is another's is left as it is. Where the tool replaces a
-- function, as one of another version does, PostgreSQL takes the mark away:
-- then what is there is the tool's, until watch() is called again.

CREATE FUNCTION pgcachewatch.run_step(
    comment pg_catalog.text, statement pg_catalog.text,
    problem pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE plpgsql AS $body$
BEGIN
    IF run_step.problem IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = run_step.problem;
    END IF;
    IF run_step.statement IS NOT NULL THEN
        EXECUTE run_step.statement;
    END IF;
    RETURN pg_catalog.substr(run_step.comment, 4); -- without its dashes
END
$body$;

CREATE FUNCTION pgcachewatch.names_of(
    channel pg_catalog.text, function_name pg_catalog.text,
    trigger_name pg_catalog.text,
    OUT function pg_catalog.text, OUT trigger pg_catalog.text)
LANGUAGE plpgsql STABLE AS $body$
DECLARE
    problem pg_catalog.text;
BEGIN
    SELECT n.function, n.trigger, n.problem
      INTO names_of.function, names_of.trigger, problem
      FROM pgcachewatch.sql_names(
               'notify', names_of.channel, names_of.function_name,
               names_of.trigger_name, '') AS n;
    IF names_of.function IS NULL OR names_of.trigger IS NULL THEN
        problem := 'the names of channel, function and trigger may not be null';
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                              MESSAGE = problem;
    END IF;
END
$body$;

CREATE FUNCTION pgcachewatch.table_of(target pg_catalog.text)
RETURNS pg_catalog.oid
LANGUAGE plpgsql STABLE AS $body$
DECLARE
    found pg_catalog.record;
BEGIN
    SELECT t.table_oid, t.problem INTO found
      FROM pgcachewatch.sql_table(table_of.target) AS t;
    IF found.problem IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.concat(table_of.target, ': ', found.problem);
    END IF;
    RETURN found.table_oid;
END
$body$;

-- Nothing if that is so already, or if the function is another's.
CREATE FUNCTION pgcachewatch.mark_function(function pg_catalog.text)
RETURNS pg_catalog.void
LANGUAGE plpgsql AS $body$
DECLARE
    full_name pg_catalog.text := pg_catalog.format(
        '%I.%I()', pg_catalog.current_schema(), mark_function.function);
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_proc AS p
         WHERE p.oid OPERATOR(pg_catalog.=)
               pg_catalog.to_regprocedure(full_name)::pg_catalog.oid
           AND pg_catalog.pg_has_role(p.proowner, 'USAGE')
           AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.classid OPERATOR(pg_catalog.=)
                      'pg_catalog.pg_proc'::pg_catalog.regclass
                  AND d.objid OPERATOR(pg_catalog.=) p.oid
                  AND d.refclassid OPERATOR(pg_catalog.=)
                      'pg_catalog.pg_extension'::pg_catalog.regclass))
    THEN
        EXECUTE pg_catalog.concat('ALTER FUNCTION ', full_name,
                                  ' DEPENDS ON EXTENSION pgcachewatch');
    END IF;
END
$body$;

CREATE FUNCTION pgcachewatch.watch(
    target pg_catalog.text,
    rows pg_catalog.bool DEFAULT false,
    columns pg_catalog.text[] DEFAULT '{}',
    always pg_catalog.bool DEFAULT false,
    channel pg_catalog.text DEFAULT 'ch_pgcachewatch_table_change',
    function_name pg_catalog.text DEFAULT 'fn_pgcachewatch_table_change',
    trigger_name pg_catalog.text DEFAULT 'tg_pgcachewatch_table_change')
RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql AS $body$
DECLARE
    names pg_catalog.record;
    relation pg_catalog.oid;
    step pg_catalog.record;
BEGIN
    names := pgcachewatch.names_of(
        watch.channel, watch.function_name, watch.trigger_name);
    relation := pgcachewatch.table_of(watch.target);
    FOR step IN
        SELECT s.comment, s.statement, s.problem
          FROM pgcachewatch.sql_function(watch.channel, names.function)
               WITH ORDINALITY AS s
         ORDER BY s.ordinality
    LOOP
        RETURN NEXT pgcachewatch.run_step(
            step.comment, step.statement, step.problem);
    END LOOP;
    PERFORM pgcachewatch.mark_function(names.function);
    FOR step IN
        SELECT s.comment, s.statement, s.problem
          FROM pgcachewatch.sql_triggers(
                   names.function, names.trigger, relation::pg_catalog.text,
                   CASE WHEN watch.rows THEN 'on' ELSE '' END,
                   COALESCE(watch.columns, '{}')::pg_catalog.text,
                   CASE WHEN watch.always THEN 'on' ELSE '' END)
               WITH ORDINALITY AS s
         ORDER BY s.ordinality
    LOOP
        RETURN NEXT pgcachewatch.run_step(
            step.comment, step.statement, step.problem);
    END LOOP;
END
$body$;

CREATE FUNCTION pgcachewatch.unwatch(
    target pg_catalog.text DEFAULT NULL,
    channel pg_catalog.text DEFAULT 'ch_pgcachewatch_table_change',
    function_name pg_catalog.text DEFAULT 'fn_pgcachewatch_table_change',
    trigger_name pg_catalog.text DEFAULT 'tg_pgcachewatch_table_change')
RETURNS SETOF pg_catalog.text
LANGUAGE plpgsql AS $body$
DECLARE
    names pg_catalog.record;
    relation pg_catalog.oid;
    step pg_catalog.record;
BEGIN
    names := pgcachewatch.names_of(
        unwatch.channel, unwatch.function_name, unwatch.trigger_name);
    IF unwatch.target IS NOT NULL THEN
        relation := pgcachewatch.table_of(unwatch.target);
    END IF;
    FOR step IN
        SELECT s.comment, s.statement, s.problem
          FROM pgcachewatch.sql_remove(
                   names.function, names.trigger,
                   COALESCE(relation::pg_catalog.text, ''))
               WITH ORDINALITY AS s
         ORDER BY s.ordinality
    LOOP
        RETURN NEXT pgcachewatch.run_step(
            step.comment, step.statement, step.problem);
    END LOOP;
END
$body$;

COMMENT ON FUNCTION pgcachewatch.watch(text, bool, text[], bool, text, text,
                                       text)
    IS 'make the triggers that tell of what changes in a table';
COMMENT ON FUNCTION pgcachewatch.unwatch(text, text, text, text)
    IS 'remove them from a table, or from all';
GRANT USAGE ON SCHEMA pgcachewatch TO public;
