-- SPDX-License-Identifier: MIT
--
-- Removes what publish.sql has made.
--
-- Takes publication, table_oids: a list with commas, or empty for every
-- table. Gives the statements, or nothing if there is nothing to remove; the
-- statement is empty where something stays. The third column says what will
-- make a statement fail.
--
-- A publication is known by its name, and by what it is of: one of all
-- tables, or of the tables of a schema, is somebody else's.

WITH publication AS (
    SELECT p.oid, p.pubowner AS owner,
           p.puballtables OR EXISTS (
               SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.refclassid = 'pg_catalog.pg_publication'
                                     ::pg_catalog.regclass
                  AND d.refobjid = p.oid
                  AND d.classid <> 'pg_catalog.pg_publication_rel'
                                   ::pg_catalog.regclass) AS is_foreign
      FROM pg_catalog.pg_publication AS p
     WHERE p.pubname = :'publication'::text
), member AS (
    SELECT publication.owner,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
           :'table_oids'::text = ''
           OR c.oid = ANY (pg_catalog.string_to_array(
                  :'table_oids'::text, ',')::oid[]) AS is_to_go
      FROM publication
      JOIN pg_catalog.pg_publication_rel AS r ON r.prpubid = publication.oid
      JOIN pg_catalog.pg_class AS c ON c.oid = r.prrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE NOT publication.is_foreign
), step (comment, statement, owner) AS (
    SELECT pg_catalog.format('drop publication %I', :'publication'::text),
           pg_catalog.format('DROP PUBLICATION IF EXISTS %I;',
                             :'publication'::text), owner
      FROM publication
     WHERE NOT is_foreign
       AND (:'table_oids'::text = '' OR EXISTS (SELECT FROM member))
       AND NOT EXISTS (SELECT FROM member WHERE NOT is_to_go)
    UNION ALL
    SELECT pg_catalog.format('drop %s from publication %I', name,
                             :'publication'::text),
           pg_catalog.format('ALTER PUBLICATION %I DROP TABLE ONLY %s;',
                             :'publication'::text, name), owner
      FROM member
     WHERE is_to_go AND EXISTS (SELECT FROM member WHERE NOT is_to_go)
    UNION ALL
    SELECT pg_catalog.format('keep publication %I: it is of ALL TABLES or of '
                             'a SCHEMA', :'publication'::text), NULL, owner
      FROM publication
     WHERE is_foreign
)
SELECT pg_catalog.translate('-- ' || comment,
                            pg_catalog.chr(10) || pg_catalog.chr(13), '  ')
           AS comment,
       statement,
       CASE WHEN statement IS NOT NULL
                 AND NOT pg_catalog.pg_has_role(owner, 'USAGE')
            THEN pg_catalog.format('cannot %s: only its owner can, %I',
                                   comment,
                                   pg_catalog.pg_get_userbyid(owner))
       END AS problem
  FROM step
 ORDER BY comment
\gexec
