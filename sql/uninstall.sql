-- SPDX-License-Identifier: MIT
--
-- Removes with plain psql what install.sql or the tool has made:
--
--     psql -f uninstall.sql
--     psql -v table=public.orders -f uninstall.sql
--
-- The first removes it from every table. transport and the names can be
-- given as for install.sql.

\set ON_ERROR_STOP on
\ir settings.sql
BEGIN;
\if :is_wal
\ir unpublish.sql
\else
\ir remove.sql
\endif
COMMIT;
