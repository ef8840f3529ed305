-- SPDX-License-Identifier: MIT
--
-- Installs the triggers of one table with plain psql, or puts it into a
-- publication:
--
--     psql -v table=public.orders -f install.sql
--     psql -v table=public.orders -v transport=wal -f install.sql
--
-- channel, function_name and trigger_name can be given in the same way; so
-- can rows=on, always=on and columns='{n,total}', which the tool calls --rows,
-- --always and --columns; publication_name is for the transport wal. The
-- files that are read here are those that the tool has built in: each is a
-- query that gives statements, and \gexec executes these.

\set ON_ERROR_STOP on
\if :{?table}
\else
SELECT 'give it a table: psql -v table=...'::integer;
\endif
\ir settings.sql
\if :{?rows}
\else
\set rows ''
\endif
\if :{?always}
\else
\set always ''
\endif
\if :{?columns}
\else
\set columns ''
\endif
BEGIN;
\if :is_wal
\ir publish.sql
\else
\ir function.sql
\ir triggers.sql
\endif
COMMIT;
