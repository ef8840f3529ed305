-- SPDX-License-Identifier: MIT
--
-- What install.sql and uninstall.sql have in common: the defaults, and a
-- look at the names. What is wrong with one is shown by the error of a cast,
-- as psql has no other way to stop a script with an error.

\if :{?transport}
\else
\set transport notify
\endif
\if :{?channel}
\else
\set channel ch_pgcachewatch_table_change
\endif
\if :{?function_name}
\else
\set function_name fn_pgcachewatch_table_change
\endif
\if :{?trigger_name}
\else
\set trigger_name tg_pgcachewatch_table_change
\endif
\if :{?publication_name}
\else
\set publication_name ''
\endif
\ir names.sql
\if :{?problem}
SELECT :'problem'::integer;
\endif
\set table_oids ''
\if :{?table}
\ir table.sql
\if :{?problem}
SELECT :'problem'::integer;
\endif
\set table_oids :table_oid
\endif
SELECT :'transport' = 'wal' AS is_wal
\gset
