-- The mirrored tables are their users', too: columns that they add are theirs to write, and are no edit for ScopeStack.
--
-- What the database refuses of a record is tried again in each run, since a person may have mended what refused it.
ALTER TABLE sync.parked ADD COLUMN by_database boolean NOT NULL DEFAULT false;
--> statement-breakpoint
-- Columns of the catalog that may not be edited. NULL until this version's migrate has said which they are: then every column
-- that may not be edited counts as one.
ALTER TABLE sync.captured ADD COLUMN read_only text[];
--> statement-breakpoint
CREATE FUNCTION sync.own_columns(me sync.captured, the_relation oid) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_attribute a
  WHERE a.attrelid = the_relation AND a.attnum > 0 AND NOT a.attisdropped AND me.read_only IS NOT NULL
    AND a.attname::text <> ALL (me.read_only) AND a.attname <> 'id' AND NOT starts_with(a.attname::text, 'sync_')
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(me.columns) AS c WHERE c ->> 'name' = a.attname::text)
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION sync.own_columns FROM PUBLIC;
--> statement-breakpoint
-- Whether a dump is being loaded: what it holds is no edit, and was noted when it was one. pg_dump copies all columns, all
-- those of ours among them, which no editor gives, and nothing comes behind; our own loads do not write the command in these
-- letters. Whoever may not write the outbox restores nothing.
CREATE FUNCTION sync.is_restored() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT has_table_privilege(session_user, 'sync.outbox'::regclass, 'INSERT')
    AND current_query() ~ '^COPY "?scopestack"?[.]"?[a-z_]+"? [(](?=[^)]*sync_hash)(?=[^)]*sync_changed_at)(?=[^)]*sync_deleted_at)[^)]*[)] FROM stdin;?[[:space:]]*$|^COPY "?scopestack"?[.]"?user_defined_values"? [(](?=[^)]*owner_type)(?=[^)]*owner_id)[^)]*[)] FROM stdin;?[[:space:]]*$'
$$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION sync.is_restored FROM PUBLIC;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION sync.refuse() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  me sync.captured;
BEGIN
  IF TG_OP = 'INSERT' AND sync.is_restored() THEN RETURN NULL; END IF;
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
  PERFORM sync.refuse_others(me, TG_RELID);
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION '% mirrors ScopeStack and cannot be emptied. Delete or archive its records one by one, or in ScopeStack.', me.relation;
  END IF;
  RAISE EXCEPTION '% is read-only: ScopeStack''s API is not known to take changes of %. Change the record in ScopeStack; the next pull brings it here.', me.relation, me.type;
END $$;
--> statement-breakpoint
-- TG_ARGV: what is to be said. Of what shows other rows in another shape, and would let an edit of its owner through.
CREATE OR REPLACE FUNCTION sync.refuse_edits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' AND TG_WHEN = 'BEFORE' AND sync.is_restored() THEN RETURN NULL; END IF;
  RAISE EXCEPTION '%', TG_ARGV[0];
END $$;
--> statement-breakpoint
-- TG_ARGV: the JSON column. It runs with its owner's rights, so that a role that may edit a table needs none here. An
-- owner whose fields and tombstone are as before is left alone. Compared as text: jsonb takes 1.0 for 1.00.
CREATE OR REPLACE FUNCTION sync.keep_user_defined_values() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  -- A text as the column is one. Compared with a name, whose collation is "C", the column is not found by its index:
  -- each page of a load went through the whole table, but for PostgreSQL 18, which skips.
  me constant text := TG_TABLE_NAME;
  owners text[];
BEGIN
  -- They are in the dump by themselves.
  IF TG_OP = 'INSERT' AND sync.is_restored() THEN RETURN NULL; END IF;
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM scopestack.user_defined_values WHERE owner_type = me;
    RETURN NULL;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(id) INTO owners FROM old_rows;
  ELSIF TG_OP = 'INSERT' THEN
    EXECUTE format('SELECT array_agg(id) FROM new_rows WHERE %I IS NOT NULL', TG_ARGV[0]) INTO owners;
  ELSE
    EXECUTE format(
      'SELECT array_agg(coalesce(n.id, o.id)) FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
       WHERE n.id IS NULL OR o.id IS NULL OR n.%1$I::text IS DISTINCT FROM o.%1$I::text
         OR (n.sync_deleted_at IS NULL) <> (o.sync_deleted_at IS NULL)', TG_ARGV[0]) INTO owners;
  END IF;
  IF owners IS NULL THEN
    RETURN NULL;
  END IF;
  EXECUTE 'DELETE FROM scopestack.user_defined_values WHERE owner_type = $1 AND owner_id = ANY ($2)' USING me, owners;
  IF TG_OP <> 'DELETE' THEN
    -- An id longer than this fits the key of its own table and not the longer one here.
    EXECUTE format(
      'INSERT INTO scopestack.user_defined_values
         (owner_type, owner_id, name, label, type, position, value, value_numeric, value_date)
       SELECT $1, n.id, v.name, v.label, v.type, v.position, v.value, v.value_numeric, v.value_date
       FROM new_rows n CROSS JOIN LATERAL sync.user_defined_values_of(n.%I) v
       WHERE n.id = ANY ($2) AND n.sync_deleted_at IS NULL AND octet_length(n.id) <= 1000', TG_ARGV[0])
      USING me, owners;
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION sync.capture_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET jit = off AS $$
DECLARE
  me sync.captured;
  wrong record;
  tests text;
  ends jsonb;
  editable text[];
  theirs text[];
BEGIN
  IF sync.is_restored() THEN RETURN NULL; END IF;
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
  PERFORM sync.refuse_others(me, TG_RELID);
  IF NOT EXISTS (SELECT FROM new_rows) THEN RETURN NULL; END IF;
  IF NOT 'create' = ANY (me.writes) THEN
    RAISE EXCEPTION '% takes no new rows: ScopeStack''s API is not known to create %. Create the record in ScopeStack; the next pull brings it here.', me.relation, me.type;
  END IF;
  SELECT id INTO wrong FROM new_rows WHERE id !~* '^local-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'A new row of % gets its id from ScopeStack, so "%" cannot be chosen. Leave the column id out: it begins as local-… and becomes the real one when ScopeStack has answered. Who must know it beforehand gives ''local-'' || gen_random_uuid().', me.relation, wrong.id;
  END IF;
  EXECUTE 'SELECT l.local_id, l.real_id FROM new_rows r JOIN sync.local_ids l ON l.resource = $1 AND l.local_id = r.id LIMIT 1'
    INTO wrong USING me.type;
  IF wrong.local_id IS NOT NULL THEN
    RAISE EXCEPTION 'The row % of % was made already: ScopeStack calls it %. Edit that one, or leave the column id out for another new row.', wrong.local_id, me.relation, wrong.real_id;
  END IF;
  editable := array(SELECT c ->> 'name' FROM jsonb_array_elements(me.columns) AS c);
  theirs := sync.own_columns(me, TG_RELID);
  -- What JSON does not show: JSON's own null, which is none of SQL's, and where a list begins.
  SELECT string_agg(format(CASE c.kind WHEN 'json' THEN 'WHEN n.%1$I = ''null'' THEN %1$L' ELSE 'WHEN array_lower(n.%1$I, 1) <> 1 THEN %1$L' END, c.name), ' ')
  INTO tests FROM jsonb_to_recordset(me.columns) AS c(name text, kind text) WHERE c.kind IN ('json', 'texts');
  IF tests IS NOT NULL THEN
    EXECUTE format('SELECT t.name FROM new_rows n CROSS JOIN LATERAL (SELECT CASE %s END AS name) AS t WHERE t.name IS NOT NULL LIMIT 1', tests) INTO wrong;
    IF wrong.name IS NOT NULL AND me.columns @> jsonb_build_array(jsonb_build_object('name', wrong.name, 'kind', 'json')) THEN
      PERFORM sync.refuse_value(me.relation, wrong.name, '''null''::jsonb', 'it would be taken for NULL. Write NULL.');
    ELSIF wrong.name IS NOT NULL THEN
      PERFORM sync.refuse_value(me.relation, wrong.name, 'a list that begins elsewhere than with element 1', 'only the texts are carried. Write array[''…'', ''…''].');
    END IF;
  END IF;
  WITH noted AS (
    INSERT INTO sync.outbox (resource, record_id, op, attributes, relationships, base, refs, made_by, txid)
    SELECT me.type, p.id, 'create', coalesce(v.attributes, '{}'), coalesce(v.relationships, '{}'), '{}', coalesce(v.refs, '{}'),
      session_user, pg_current_xact_id()::text::bigint
    -- OFFSET 0: merged with what is around it, a row would become JSON once for each of its columns.
    FROM (SELECT r.id, to_jsonb(r) AS n FROM new_rows r OFFSET 0) AS p
    CROSS JOIN LATERAL (
      SELECT
        jsonb_object_agg(c.member, CASE
          WHEN d.wrong IS NOT NULL THEN sync.refuse_entries(me.relation, c.name, d.wrong, c.entries[1], c.entries[2])
          WHEN c.entries IS NOT NULL THEN coalesce(sync.changed_entries(NULL, d.value, c.entries[1], c.entries[2], 'new'), d.value)
          WHEN sync.unsendable(d.value, c.kind, c.required) IS NULL THEN sync.travelling(d.value, c.kind)
          ELSE sync.refuse_value(me.relation, c.name, d.value::text, sync.unsendable(d.value, c.kind, c.required)) END
        ) FILTER (WHERE c."from" = 'attribute') AS attributes,
        jsonb_object_agg(c.member, d.value) FILTER (WHERE c."from" = 'to-one') AS relationships,
        array_agg(DISTINCT c.target || '/' || (d.value #>> '{}')) FILTER (WHERE c.target IS NOT NULL AND starts_with(d.value #>> '{}', 'local-')) AS refs
      FROM jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, kind text, entries text[], target text, required boolean)
      CROSS JOIN LATERAL (
        SELECT p.n -> c.name AS value,
          CASE WHEN c.entries IS NOT NULL THEN sync.wrong_entries(NULL, p.n -> c.name, c.entries[1], c.entries[2]) END AS wrong OFFSET 0
      ) AS d
      WHERE d.value <> 'null'
    ) AS v
    WHERE CASE WHEN jsonb_strip_nulls(p.n - editable - theirs - 'id') <> jsonb_build_object('sync_hash', '', 'sync_changed_at', now())
      THEN sync.refuse_columns(me, NULL, p.n - theirs - 'id' - CASE WHEN p.n -> 'sync_changed_at' = to_jsonb(now()) THEN 'sync_changed_at' ELSE '' END
        - CASE WHEN p.n -> 'sync_hash' = '""' THEN 'sync_hash' ELSE '' END) ELSE true END
    RETURNING attributes, relationships)
  SELECT (SELECT jsonb_agg(DISTINCT jsonb_build_object('name', c.name, 'id', g.id))
    FROM noted CROSS JOIN jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, target text)
    CROSS JOIN LATERAL (SELECT CASE c."from" WHEN 'attribute' THEN noted.attributes ELSE noted.relationships END ->> c.member AS id) AS g
    WHERE c.target IS NOT NULL AND g.id IS NOT NULL)
  INTO ends;
  IF ends IS NOT NULL THEN PERFORM sync.refuse_dangling(me, ends); END IF;
  PERFORM pg_notify('scopestack_sync_outbox', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION sync.capture_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET jit = off AS $$
DECLARE
  me sync.captured;
  wrong record;
  noted bigint;
  tests text;
  ends jsonb;
  editable text[];
  theirs text[];
BEGIN
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
  PERFORM sync.refuse_others(me, TG_RELID);
  theirs := sync.own_columns(me, TG_RELID);
  -- A row of this database's own may be edited until it has gone out, whatever the API takes afterwards; a column of somebody
  -- else's own in any row. Rows are compared by their images: not every type of theirs can be compared otherwise.
  SELECT p.id, p.sync_deleted_at, p.renamed INTO wrong
  FROM (SELECT o.id, o.sync_deleted_at, o.id IS NULL OR n.id IS NULL AS renamed, to_jsonb(o) AS o, to_jsonb(n) AS n
    FROM old_rows o FULL JOIN new_rows n ON n.id = o.id
    WHERE (o *= n) IS NOT TRUE AND (o.id IS NULL OR n.id IS NULL OR o.sync_deleted_at IS NOT NULL OR NOT ('update' = ANY (me.writes) OR o.id LIKE 'local-%')) OFFSET 0) AS p
  WHERE p.renamed OR p.n - theirs <> p.o - theirs
  ORDER BY p.renamed DESC LIMIT 1;
  -- Where no column of theirs is there, no UPDATE has anything to write, whether it finds a row or not.
  IF me.writes = '{}' AND (FOUND OR theirs = '{}' AND NOT EXISTS (SELECT FROM new_rows)) THEN
    RAISE EXCEPTION '% is read-only: ScopeStack''s API is not known to take changes of %. Change the record in ScopeStack; the next pull brings it here.', me.relation, me.type;
  END IF;
  IF FOUND AND wrong.renamed THEN
    RAISE EXCEPTION 'The id of a row of % is ScopeStack''s and cannot be changed. Edit one of %.', me.relation, sync.writable_columns(me);
  ELSIF FOUND AND wrong.sync_deleted_at IS NOT NULL THEN
    RAISE EXCEPTION 'Row % of % was deleted in ScopeStack, so it cannot be edited. Insert a new row, or leave it out with "sync_deleted_at is null".', wrong.id, me.relation;
  ELSIF FOUND THEN
    RAISE EXCEPTION 'Rows of % cannot be edited: ScopeStack''s API is not known to change %. Edit the record in ScopeStack; the next pull brings it here.', me.relation, me.type;
  END IF;
  editable := array(SELECT c ->> 'name' FROM jsonb_array_elements(me.columns) AS c);
  -- What JSON does not show: JSON's own null, which is none of SQL's, and where a list begins.
  SELECT string_agg(format(CASE c.kind WHEN 'json' THEN 'WHEN n.%1$I = ''null'' THEN %1$L' ELSE 'WHEN array_lower(n.%1$I, 1) <> 1 THEN %1$L' END, c.name), ' ')
  INTO tests FROM jsonb_to_recordset(me.columns) AS c(name text, kind text) WHERE c.kind IN ('json', 'texts');
  IF tests IS NOT NULL THEN
    EXECUTE format('SELECT t.name FROM new_rows n CROSS JOIN LATERAL (SELECT CASE %s END AS name) AS t WHERE t.name IS NOT NULL LIMIT 1', tests) INTO wrong;
    IF wrong.name IS NOT NULL AND me.columns @> jsonb_build_array(jsonb_build_object('name', wrong.name, 'kind', 'json')) THEN
      PERFORM sync.refuse_value(me.relation, wrong.name, '''null''::jsonb', 'it would be taken for NULL. Write NULL.');
    ELSIF wrong.name IS NOT NULL THEN
      PERFORM sync.refuse_value(me.relation, wrong.name, 'a list that begins elsewhere than with element 1', 'only the texts are carried. Write array[''…'', ''…''].');
    END IF;
  END IF;
  WITH noted AS (
    INSERT INTO sync.outbox (resource, record_id, op, attributes, relationships, base, refs, made_by, txid)
    SELECT me.type, p.id, 'update', coalesce(v.attributes, '{}'), coalesce(v.relationships, '{}'),
      jsonb_build_object('attributes', coalesce(v.base_attributes, '{}'), 'relationships', coalesce(v.base_relationships, '{}')),
      coalesce(v.refs, '{}'), session_user, pg_current_xact_id()::text::bigint
    -- OFFSET 0: merged with what is around it, a row would become JSON once for each of its columns.
    FROM (SELECT n.id, to_jsonb(o) AS o, to_jsonb(n) AS n FROM old_rows o FULL JOIN new_rows n ON n.id = o.id WHERE (o *= n) IS NOT TRUE OFFSET 0) AS p
    CROSS JOIN LATERAL (
      SELECT
        jsonb_object_agg(c.member, CASE
          WHEN d.wrong IS NOT NULL THEN sync.refuse_entries(me.relation, c.name, d.wrong, c.entries[1], c.entries[2])
          WHEN c.entries IS NOT NULL OR sync.unsendable(d.new, c.kind, c.required) IS NULL THEN sync.travelling(d.new, c.kind)
          ELSE sync.refuse_value(me.relation, c.name, CASE d.new WHEN 'null' THEN 'NULL' ELSE d.new::text END, sync.unsendable(d.new, c.kind, c.required)) END
        ) FILTER (WHERE c."from" = 'attribute') AS attributes,
        jsonb_object_agg(c.member, sync.travelling(d.old, c.kind)) FILTER (WHERE c."from" = 'attribute') AS base_attributes,
        jsonb_object_agg(c.member, d.new) FILTER (WHERE c."from" = 'to-one') AS relationships,
        jsonb_object_agg(c.member, d.old) FILTER (WHERE c."from" = 'to-one') AS base_relationships,
        array_agg(DISTINCT c.target || '/' || (d.new #>> '{}')) FILTER (WHERE c.target IS NOT NULL AND starts_with(d.new #>> '{}', 'local-')) AS refs
      FROM jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, kind text, entries text[], target text, required boolean)
      CROSS JOIN LATERAL (
        SELECT
          CASE WHEN c.entries IS NULL THEN p.n -> c.name
            ELSE coalesce(sync.changed_entries(p.o -> c.name, p.n -> c.name, c.entries[1], c.entries[2], 'new'), p.n -> c.name) END AS new,
          CASE WHEN c.entries IS NULL THEN p.o -> c.name
            ELSE coalesce(sync.changed_entries(p.o -> c.name, p.n -> c.name, c.entries[1], c.entries[2], 'old'), p.o -> c.name) END AS old,
          -- Whatever a trigger of somebody else has made of them.
          CASE WHEN c.entries IS NOT NULL THEN sync.wrong_entries(p.o -> c.name, p.n -> c.name, c.entries[1], c.entries[2]) END AS wrong
        OFFSET 0
      ) AS d
      WHERE p.n -> c.name <> p.o -> c.name AND (d.wrong IS NOT NULL OR d.new <> d.old)
    ) AS v
    WHERE CASE WHEN p.n - editable - theirs <> p.o - editable - theirs THEN sync.refuse_columns(me, p.o - theirs, p.n - theirs) ELSE true END
      AND (v.attributes IS NOT NULL OR v.relationships IS NOT NULL)
    RETURNING attributes, relationships)
  SELECT (SELECT count(*) FROM noted), (SELECT jsonb_agg(DISTINCT jsonb_build_object('name', c.name, 'id', g.id))
    FROM noted CROSS JOIN jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, target text)
    CROSS JOIN LATERAL (SELECT CASE c."from" WHEN 'attribute' THEN noted.attributes ELSE noted.relationships END ->> c.member AS id) AS g
    WHERE c.target IS NOT NULL AND g.id IS NOT NULL)
  INTO noted, ends;
  IF ends IS NOT NULL THEN PERFORM sync.refuse_dangling(me, ends); END IF;
  IF noted > 0 THEN PERFORM pg_notify('scopestack_sync_outbox', ''); END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- Makes the triggers of one table. Loads of our own are let through by the setting sync.origin, which counts only for roles
-- that may write the outbox, as whom they work and as whom they logged in: whoever may merely edit cannot slip past, not even
-- through a function that works with its owner's rights.
CREATE OR REPLACE FUNCTION sync.capture(the_relation regclass, the_type text, the_writes text[], the_columns jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
  ours constant text := $w$ WHEN (coalesce(current_setting('sync.origin', true), '') <> 'pull'
    OR NOT has_table_privilege('sync.outbox'::regclass, 'INSERT') OR NOT has_table_privilege(session_user, 'sync.outbox'::regclass, 'INSERT')) $w$;
  one record;
BEGIN
  FOR one IN SELECT tgname AS name FROM pg_trigger WHERE tgrelid = the_relation AND (starts_with(tgname, 'write_back_') OR tgname = 'read_only_update') LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', one.name, the_relation);
  END LOOP;
  INSERT INTO sync.captured (type, relation, writes, columns) VALUES (the_type, the_relation::text, the_writes, the_columns)
  ON CONFLICT (type) DO UPDATE SET relation = excluded.relation, writes = excluded.writes, columns = excluded.columns;
  IF the_writes = '{}' THEN
    EXECUTE format('CREATE TRIGGER write_back_refuse BEFORE INSERT OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT %s EXECUTE FUNCTION sync.refuse(%L)',
      the_relation, ours, the_type);
    -- Columns of somebody else's own may be written here, too: which they are, the rows tell. By another name, since the version
    -- before counts those that begin with write_back_.
    EXECUTE format('CREATE TRIGGER read_only_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT %s EXECUTE FUNCTION sync.capture_update(%L)',
      the_relation, ours, the_type);
    RETURN;
  END IF;
  EXECUTE format('CREATE TRIGGER write_back_refuse BEFORE TRUNCATE ON %s FOR EACH STATEMENT %s EXECUTE FUNCTION sync.refuse(%L)', the_relation, ours, the_type);
  EXECUTE format('CREATE TRIGGER write_back_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT %s EXECUTE FUNCTION sync.capture_insert(%L)',
    the_relation, ours, the_type);
  EXECUTE format('CREATE TRIGGER write_back_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT %s EXECUTE FUNCTION sync.capture_update(%L)',
    the_relation, ours, the_type);
  FOR one IN SELECT c.name, c.entries FROM jsonb_to_recordset(the_columns) AS c(name text, entries text[]) WHERE c.entries IS NOT NULL LOOP
    EXECUTE format('CREATE TRIGGER %1$I BEFORE UPDATE OF %2$I ON %3$s FOR EACH ROW %4$s EXECUTE FUNCTION sync.keep_entries(%5$L, %2$L, %6$L, %7$L)',
      'write_back_entries_' || one.name, one.name, the_relation,
      replace(ours, ' WHEN (', format(' WHEN (OLD.%1$I IS DISTINCT FROM NEW.%1$I AND (', one.name)) || ')', the_type, one.entries[1], one.entries[2]);
  END LOOP;
  EXECUTE format('CREATE TRIGGER write_back_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT %s EXECUTE FUNCTION sync.capture_delete(%L)',
    the_relation, ours, the_type);
  -- Defaults rather than a row trigger, which COPY would pay for.
  EXECUTE format('ALTER TABLE %s ALTER id SET DEFAULT ''local-'' || gen_random_uuid(), ALTER sync_hash SET DEFAULT ''''', the_relation);
END $$;
