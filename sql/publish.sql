-- SPDX-License-Identifier: MIT
--
-- The publication of some tables, which logical decoding reads: the
-- transport "wal".
--
-- Takes publication, table_oids: a list with commas. Gives the statements
-- that make it and add the tables, but for those that are in it already; a
-- statement is empty where something else is to be done. The third column
-- says what will make a statement fail, or would make writers fail.
--
-- A writer's UPDATE and DELETE fail on a published table without a replica
-- identity, so no such table gets in. What is usable as one is what
-- PostgreSQL asks for itself: not, for example, a primary key that is
-- DEFERRABLE. A partition made later has the primary key of its parent, but
-- not its REPLICA IDENTITY; hence a partitioned table needs a primary key.
-- A row that moves to another key is told by its identity alone; so that of a
-- partition must have the key's columns, as only its table's is told.
-- From PostgreSQL 18 on a generated column may not be in the identity, as it
-- is not published; pg_upgrade would bring it there.
--
-- Changes of partitions are told as of the table that is named, as with its
-- triggers; so of a table and a partition of it only one can be published.
-- TRUNCATE of a partition by its own name is not told then. Rows of a table
-- that inherits in the old way are told under its own name, whatever name
-- the writer used: so it is to be named too.
--
-- The lock waits for those who have written to the table and have not
-- committed: decoding takes each change by what was published when it was
-- made, so they would not be heard. It is the lock of CREATE TRIGGER.

WITH publication AS (
    SELECT p.oid, p.pubowner AS owner,
           p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
           AND p.pubviaroot AS is_as_wanted,
           -- FOR ALL TABLES, TABLES IN SCHEMA, and what may come
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
    SELECT r.prrelid AS oid,
           -- columns that only newer versions have
           pg_catalog.to_jsonb(r) ->> 'prqual' IS NULL
           AND pg_catalog.to_jsonb(r) ->> 'prattrs' IS NULL AS is_whole,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
      FROM publication
      JOIN pg_catalog.pg_publication_rel AS r ON r.prpubid = publication.oid
      JOIN pg_catalog.pg_class AS c ON c.oid = r.prrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
), relation AS (
    SELECT c.oid, c.relkind, c.relpersistence, c.relowner AS owner,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
           pg_catalog.array_position(given.oids, c.oid) AS turn
      FROM (SELECT pg_catalog.string_to_array(
                       :'table_oids'::text, ',')::oid[] AS oids) AS given
      JOIN pg_catalog.pg_class AS c ON c.oid = ANY (given.oids)
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
), published AS (
    SELECT oid, name FROM member
    UNION
    SELECT oid, name FROM relation
), leaf AS (
    -- Where the rows are: the table, or its partitions.
    SELECT relation.oid AS relation_oid, c.oid, c.relkind, c.relpersistence,
           c.relreplident,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
      FROM relation
      LEFT JOIN LATERAL pg_catalog.pg_partition_tree(relation.oid) AS tree
        ON relation.relkind = 'p'
      JOIN pg_catalog.pg_class AS c
        ON c.oid = coalesce(tree.relid::oid, relation.oid)
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind <> 'p'
), identity AS (
    -- As RelationGetIndexList() of the server chooses it.
    SELECT leaf.oid, i.indkey, leaf.relreplident = 'f' AS is_full
      FROM leaf
      LEFT JOIN pg_catalog.pg_index AS i
        ON i.indrelid = leaf.oid AND i.indislive AND i.indisvalid
       AND i.indisunique AND i.indimmediate AND i.indpred IS NULL
       AND (leaf.relreplident = 'd' AND i.indisprimary
            OR leaf.relreplident = 'i' AND i.indisreplident)
     WHERE leaf.relreplident = 'f' OR i.indexrelid IS NOT NULL
), flaw (turn, relation_oid, flaw) AS (
    SELECT 1, relation_oid,
           name || CASE
           WHEN relkind = 'f' THEN ' is a foreign table'
           ELSE ' is unlogged' END
           || ': logical decoding tells nothing of it'
      FROM (SELECT oid, name, relkind, relpersistence FROM relation
            UNION
            SELECT relation_oid, name, relkind, relpersistence FROM leaf)
               AS storage (relation_oid, name, relkind, relpersistence)
     WHERE relkind = 'f' OR relpersistence <> 'p'
    UNION ALL
    SELECT 2, leaf.relation_oid,
           leaf.name || CASE leaf.relreplident
           WHEN 'n' THEN ' has REPLICA IDENTITY NOTHING'
           WHEN 'i' THEN ' has lost the index of its REPLICA IDENTITY'
           ELSE CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_index
                                   WHERE indrelid = leaf.oid
                                     AND indisprimary)
                THEN ' has a primary key that is DEFERRABLE or not valid'
                ELSE ' has no primary key' END
           END
           || ': each UPDATE and DELETE would fail; give it a primary key '
           'with REPLICA IDENTITY DEFAULT, or ALTER TABLE ... REPLICA '
           'IDENTITY FULL, or USING INDEX'
      FROM leaf
     WHERE leaf.oid NOT IN (SELECT oid FROM identity)
    UNION ALL
    SELECT 3, leaf.relation_oid,
           pg_catalog.format(
               '%s has the generated column %I in its replica identity: from '
               'PostgreSQL 18 on each UPDATE and DELETE would fail; take '
               'another identity', leaf.name, a.attname)
      FROM leaf
      JOIN identity USING (oid)
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = leaf.oid
     WHERE a.attgenerated <> '' AND NOT a.attisdropped
       AND (identity.is_full
            OR a.attnum = ANY (identity.indkey::pg_catalog.int2[]))
    UNION ALL
    SELECT 4, oid,
           name || ' has no primary key: a partition made later would have '
           'no replica identity, and each UPDATE and DELETE fail; give it '
           'one, or publish its partitions instead'
      FROM relation
     WHERE relkind = 'p'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_index
                        WHERE indrelid = relation.oid AND indisprimary
                          AND indisvalid AND indimmediate)
    UNION ALL
    SELECT 5, relation.oid,
           pg_catalog.format(
               '%s has a REPLICA IDENTITY without the column %I of the '
               'primary key, so that a changed key would not be told: ALTER '
               'TABLE %1$s REPLICA IDENTITY DEFAULT, or FULL',
               leaf.name, a.attname)
      FROM relation
      JOIN leaf ON leaf.relation_oid = relation.oid
      JOIN identity ON identity.oid = leaf.oid AND NOT identity.is_full
      JOIN pg_catalog.pg_index AS key
        ON key.indrelid = leaf.oid AND key.indisprimary
      JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = leaf.oid
       AND a.attnum = ANY (key.indkey::pg_catalog.int2[])
     WHERE relation.relkind = 'p'
       AND a.attnum <> ALL (identity.indkey::pg_catalog.int2[])
    UNION ALL
    SELECT 6, relation.oid,
           pg_catalog.format(
               CASE WHEN relation.oid = below.oid
               THEN '%s is a partition of %s, which is published, and told '
                    'as that: leave it out'
               ELSE '%s, a partition of %s, is published by itself: '
                    'uninstall it first' END, below.name, above.name)
      FROM relation
      JOIN published AS below ON true
      JOIN published AS above ON above.oid <> below.oid
       AND relation.oid IN (above.oid, below.oid)
       AND above.oid IN (SELECT relid::oid FROM
                         pg_catalog.pg_partition_ancestors(below.oid)
                             AS ancestor (relid))
    UNION ALL
    SELECT 7, relation.oid,
           pg_catalog.format(
               '%I.%I inherits from %s, and is told under its own name: name '
               'it too', n.nspname, c.relname, relation.name)
      FROM relation
      JOIN pg_catalog.pg_inherits AS i ON i.inhparent = relation.oid
      JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE NOT c.relispartition
       AND c.oid NOT IN (SELECT oid FROM published)
), step (turn, place, comment, statement, problem) AS (
    SELECT 1, 0,
           pg_catalog.format('create publication %I', :'publication'::text),
           pg_catalog.format(
               'CREATE PUBLICATION %I WITH (publish_via_partition_root);',
               :'publication'::text),
           CASE WHEN NOT pg_catalog.has_database_privilege(
                             pg_catalog.current_database(), 'CREATE')
           THEN pg_catalog.format(
                    'role %I may make no publication: GRANT CREATE ON '
                    'DATABASE %I TO %1$I', current_user,
                    pg_catalog.current_database()) END
     WHERE NOT EXISTS (SELECT FROM publication)
    UNION ALL
    SELECT 1, 0,
           pg_catalog.format('let publication %I tell every operation, and '
                             'partitions as their table',
                             :'publication'::text),
           coalesce((SELECT 'LOCK TABLE '
                            || pg_catalog.string_agg(name, ', ' ORDER BY name)
                            || E' IN SHARE ROW EXCLUSIVE MODE;\n'
                       FROM member), '')
           || pg_catalog.format(
                  E'ALTER PUBLICATION %I SET (\n'
                  '    publish = ''insert, update, delete, truncate'',\n'
                  '    publish_via_partition_root);', :'publication'::text),
           CASE WHEN is_foreign
           THEN pg_catalog.format(
                    'publication %I is there, and of ALL TABLES or of a '
                    'SCHEMA: take another name or channel, or drop it',
                    :'publication'::text)
           WHEN NOT pg_catalog.pg_has_role(owner, 'USAGE')
           THEN pg_catalog.format(
                    'only the owner of publication %I, %I, can change it',
                    :'publication'::text,
                    pg_catalog.pg_get_userbyid(owner)) END
      FROM publication
     WHERE is_foreign OR NOT is_as_wanted
    UNION ALL
    SELECT 2, relation.turn,
           pg_catalog.format('%s %s to publication %I',
                             CASE WHEN member.oid IS NULL THEN 'add'
                             ELSE 'add all of' END, relation.name,
                             :'publication'::text),
           pg_catalog.format(E'LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE;\n',
                             relation.name)
           || CASE WHEN member.oid IS NULL THEN '' ELSE pg_catalog.format(
                  E'ALTER PUBLICATION %I DROP TABLE ONLY %s;\n',
                  :'publication'::text, relation.name) END
           || pg_catalog.format('ALTER PUBLICATION %I ADD TABLE ONLY %s;',
                                :'publication'::text, relation.name),
           coalesce(first_flaw.flaw, CASE
           WHEN member.is_whole THEN NULL
           WHEN NOT pg_catalog.pg_has_role(relation.owner, 'USAGE')
           THEN pg_catalog.format(
                    'only the owner of %s, %I, can publish it',
                    relation.name, pg_catalog.pg_get_userbyid(relation.owner))
           WHEN NOT pg_catalog.pg_has_role(publication.owner, 'USAGE')
           THEN pg_catalog.format(
                    'only the owner of publication %I, %I, can change it',
                    :'publication'::text,
                    pg_catalog.pg_get_userbyid(publication.owner)) END)
      FROM relation
      LEFT JOIN publication ON true
      LEFT JOIN member ON member.oid = relation.oid
      LEFT JOIN LATERAL (
          SELECT flaw FROM flaw WHERE flaw.relation_oid = relation.oid
           ORDER BY flaw.turn, flaw LIMIT 1) AS first_flaw ON true
     WHERE member.is_whole IS NOT TRUE OR first_flaw.flaw IS NOT NULL
    UNION ALL
    SELECT 3, 0,
           pg_catalog.format(
               'wal_level is %s, and must be logical: ALTER SYSTEM SET '
               'wal_level = logical, and restart the server', wal_level),
           NULL, NULL
      FROM pg_catalog.current_setting('wal_level') AS wal_level
     WHERE wal_level <> 'logical'
)
SELECT pg_catalog.translate('-- ' || comment,
                            pg_catalog.chr(10) || pg_catalog.chr(13), '  ')
           AS comment,
       statement, problem
  FROM step
 ORDER BY turn, place
\gexec
