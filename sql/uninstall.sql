-- SPDX-License-Identifier: MIT
--
-- Removes with plain psql what install.sql or the tool has made:
--
--     psql -f uninstall.sql
--     psql -v table=public.orders -f uninstall.sql
--
-- The first removes it from every table. channel, function_name and
-- trigger_name can be given as for install.sql.

\set ON_ERROR_STOP on
\ir settings.sql
BEGIN;
\ir remove.sql
COMMIT;
