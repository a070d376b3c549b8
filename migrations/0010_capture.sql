-- Capture: what a person edits in schema scopestack becomes rows of sync.outbox, in the same transaction. It works on
-- whole statements (transition tables), so that one UPDATE of 50,000 rows is one INSERT; row triggers of INSERT would also
-- take COPY's fast path from every load. Which columns may be edited is in sync.captured, from the catalog.
-- Functions that run with their owner's rights look for names in pg_temp last: unnamed it would come first, and anybody may
-- make a type there. For the same reason a trigger function runs for its own table only.

CREATE SEQUENCE sync.outbox_term;
--> statement-breakpoint
-- Entries of a user-defined field, `[{name, value}]`, whose value differs; `side` says whose value is given back. NULL where
-- one of both is no array: then the field counts as a whole.
CREATE FUNCTION sync.changed_entries(old jsonb, new jsonb, k text, v text, side text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF jsonb_typeof(coalesce(nullif(old, 'null'), '[]')) <> 'array' OR jsonb_typeof(new) <> 'array' THEN RETURN NULL; END IF;
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(k, n -> k, v,
      CASE side WHEN 'new' THEN coalesce(n -> v, 'null') ELSE coalesce(o -> v, 'null') END) ORDER BY at), '[]')
    FROM jsonb_array_elements(new) WITH ORDINALITY AS news(n, at)
    LEFT JOIN LATERAL (
      SELECT held AS o FROM jsonb_array_elements(coalesce(nullif(old, 'null'), '[]')) AS olds(held) WHERE held -> k = n -> k LIMIT 1
    ) AS found ON true
    WHERE jsonb_typeof(n) = 'object' AND n ? k AND coalesce(n -> v, 'null') <> coalesce(o -> v, 'null')
      AND NOT EXISTS (SELECT FROM jsonb_array_elements(coalesce(nullif(old, 'null'), '[]')) AS olds(held) WHERE held = n));
END $$;
--> statement-breakpoint
-- The old entries with the new values: definitions and entries that were left out stay. An entry that stands as it stood is
-- no edit, so that `fields || '[…]'` may name one of them again.
CREATE FUNCTION sync.merged_entries(old jsonb, new jsonb, k text, v text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN jsonb_typeof(old) = 'array' AND jsonb_typeof(new) = 'array' THEN (
    WITH olds AS (SELECT o, at FROM jsonb_array_elements(old) WITH ORDINALITY AS e(o, at)),
    news AS (SELECT n, at FROM jsonb_array_elements(new) WITH ORDINALITY AS e(n, at) WHERE NOT EXISTS (SELECT FROM olds WHERE o = n))
    SELECT coalesce((
      SELECT jsonb_agg(CASE WHEN n IS NULL THEN o ELSE o || jsonb_build_object(v, coalesce(n -> v, 'null')) END ORDER BY olds.at)
      FROM olds LEFT JOIN news ON n -> k = o -> k), '[]')
    || coalesce((SELECT jsonb_agg(n ORDER BY at) FROM news WHERE NOT EXISTS (SELECT FROM olds WHERE o -> k = n -> k)), '[]'))
  ELSE new END
$$;
--> statement-breakpoint
-- What is wrong with the entries that are written, as the middle of a sentence; NULL when nothing is. Those that stand as
-- they stood are ScopeStack's own, and a field that it holds as one object may be written as one.
CREATE FUNCTION sync.wrong_entries(old jsonb, new jsonb, k text, v text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held jsonb := coalesce(CASE jsonb_typeof(old) WHEN 'array' THEN old END, '[]');
  news jsonb;
  wrong text;
BEGIN
  IF new IS NULL OR new = 'null' OR jsonb_typeof(new) = 'object' AND jsonb_typeof(old) = 'object' THEN RETURN NULL; END IF;
  IF jsonb_typeof(new) <> 'array' THEN RETURN format('cannot be %s', left(new::text, 200)); END IF;
  SELECT coalesce(jsonb_agg(n), '[]') INTO news
  FROM jsonb_array_elements(new) AS e(n) WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(held) AS olds(o) WHERE o = n);
  SELECT n INTO wrong FROM jsonb_array_elements(news) AS e(n)
  WHERE NOT (jsonb_typeof(n) = 'object' AND n ? v AND coalesce(jsonb_typeof(n -> k) = 'string', false)) LIMIT 1;
  IF FOUND THEN RETURN format('cannot hold %s', left(wrong, 200)); END IF;
  SELECT n ->> k INTO wrong FROM jsonb_array_elements(news) AS e(n) GROUP BY n ->> k HAVING count(*) > 1 LIMIT 1;
  IF FOUND THEN RETURN format('is given "%s" twice', left(wrong, 200)); END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.refuse_entries(the_relation text, the_column text, wrong text, k text, v text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'Column % of % %. It takes a list of entries, each field once: [{"%": "…", "%": "…"}], with null for a value that is cleared. Entries that are left out stay.',
    the_column, the_relation, wrong, k, v;
END $$;
--> statement-breakpoint
-- The row keeps the entries that a statement leaves out. For each row, unlike the other triggers, since it changes the row
-- itself: an UPDATE by a trigger behind it would have to be told from a person's. COPY and INSERT do not pay for it.
CREATE FUNCTION sync.keep_entries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  me sync.captured;
  old_list jsonb;
  new_list jsonb;
  wrong text;
BEGIN
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
  PERFORM sync.refuse_others(me, TG_RELID);
  old_list := to_jsonb(OLD) -> TG_ARGV[1];
  new_list := to_jsonb(NEW) -> TG_ARGV[1];
  wrong := sync.wrong_entries(old_list, new_list, TG_ARGV[2], TG_ARGV[3]);
  IF wrong IS NOT NULL THEN PERFORM sync.refuse_entries(me.relation, TG_ARGV[1], wrong, TG_ARGV[2], TG_ARGV[3]); END IF;
  RETURN jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[1], sync.merged_entries(old_list, new_list, TG_ARGV[2], TG_ARGV[3])));
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.refuse_others(me sync.captured, the_relation oid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF the_relation IS DISTINCT FROM to_regclass(me.relation)::oid THEN
    RAISE EXCEPTION 'The triggers of writing back belong to the tables of schema scopestack and run for no other. Edit one of those.';
  END IF;
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.writable_columns(of sync.captured) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(c ->> 'name', ', ' ORDER BY at) FROM jsonb_array_elements(of.columns) WITH ORDINALITY AS cs(c, at)
$$;
--> statement-breakpoint
-- Numbers with a fraction travel as text, which is how ScopeStack sends them: a double would change them on the way.
CREATE FUNCTION sync.travelling(value jsonb, kind text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN kind = 'decimal' AND jsonb_typeof(value) = 'number' THEN to_jsonb(value #>> '{}') ELSE value END
$$;
--> statement-breakpoint
CREATE FUNCTION sync.capture_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  me sync.captured;
  wrong record;
BEGIN
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
  SELECT l.local_id, l.real_id INTO wrong FROM new_rows r JOIN sync.local_ids l ON l.resource = me.type AND l.local_id = r.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'The row % of % was made already: ScopeStack calls it %. Edit that one, or leave the column id out for another new row.', wrong.local_id, me.relation, wrong.real_id;
  END IF;
  SELECT e.key AS name INTO wrong
  FROM new_rows r, jsonb_each(to_jsonb(r)) AS e
  WHERE e.value <> 'null' AND e.key NOT IN ('id', 'sync_changed_at') AND NOT (e.key = 'sync_hash' AND e.value = '""')
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(me.columns) AS c WHERE c ->> 'name' = e.key)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'Column % of % is read-only. A new row takes %; leave the others out, ScopeStack fills them.', wrong.name, me.relation, sync.writable_columns(me);
  END IF;
  SELECT c.name, c.entries, w.phrase INTO wrong
  FROM jsonb_to_recordset(me.columns) AS c(name text, entries text[])
  JOIN new_rows r ON c.entries IS NOT NULL
  CROSS JOIN LATERAL (SELECT sync.wrong_entries(NULL, to_jsonb(r) -> c.name, c.entries[1], c.entries[2]) AS phrase) AS w
  WHERE w.phrase IS NOT NULL LIMIT 1;
  IF FOUND THEN PERFORM sync.refuse_entries(me.relation, wrong.name, wrong.phrase, wrong.entries[1], wrong.entries[2]); END IF;
  INSERT INTO sync.outbox (resource, record_id, op, attributes, relationships, base, refs, made_by, txid)
  SELECT me.type, r.id, 'create', coalesce(v.attributes, '{}'), coalesce(v.relationships, '{}'), '{}', coalesce(v.refs, '{}'),
    session_user, pg_current_xact_id()::text::bigint
  FROM new_rows r CROSS JOIN LATERAL (
    SELECT
      jsonb_object_agg(c.member, sync.travelling(e.value, c.kind)) FILTER (WHERE c."from" = 'attribute') AS attributes,
      jsonb_object_agg(c.member, e.value) FILTER (WHERE c."from" = 'to-one') AS relationships,
      array_agg(DISTINCT c.target || '/' || (e.value #>> '{}')) FILTER (WHERE c.target IS NOT NULL AND e.value #>> '{}' LIKE 'local-%') AS refs
    FROM jsonb_each(to_jsonb(r)) AS e
    JOIN jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, kind text, target text) ON c.name = e.key
    WHERE e.value <> 'null'
  ) AS v;
  PERFORM pg_notify('scopestack_sync_outbox', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.capture_update() RETURNS trigger
-- A plan made for one row is kept for the session; without nested loops it is right for 50,000, too.
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
DECLARE
  me sync.captured;
  wrong record;
  noted bigint;
BEGIN
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
  PERFORM sync.refuse_others(me, TG_RELID);
  IF EXISTS (SELECT FROM new_rows n WHERE NOT EXISTS (SELECT FROM old_rows o WHERE o.id = n.id)) THEN
    RAISE EXCEPTION 'The id of a row of % is ScopeStack''s and cannot be changed. Edit one of %.', me.relation, sync.writable_columns(me);
  END IF;
  -- A row of this database's own may be edited until it has gone out, whatever the API takes afterwards.
  SELECT o.id, o.sync_deleted_at INTO wrong FROM old_rows o JOIN new_rows n USING (id)
  WHERE o IS DISTINCT FROM n AND (o.sync_deleted_at IS NOT NULL OR NOT ('update' = ANY (me.writes) OR o.id LIKE 'local-%')) LIMIT 1;
  IF FOUND AND wrong.sync_deleted_at IS NOT NULL THEN
    RAISE EXCEPTION 'Row % of % was deleted in ScopeStack, so it cannot be edited. Insert a new row, or leave it out with "sync_deleted_at is null".', wrong.id, me.relation;
  ELSIF FOUND THEN
    RAISE EXCEPTION 'Rows of % cannot be edited: ScopeStack''s API is not known to change %. Edit the record in ScopeStack; the next pull brings it here.', me.relation, me.type;
  END IF;
  -- Read-only columns first: one of them ends the statement.
  SELECT e.key AS name INTO wrong
  FROM (SELECT to_jsonb(o) AS o, to_jsonb(n) AS n FROM old_rows o JOIN new_rows n USING (id) WHERE o IS DISTINCT FROM n) AS p,
    jsonb_each(p.n) AS e
  WHERE e.value <> p.o -> e.key AND NOT EXISTS (SELECT FROM jsonb_array_elements(me.columns) AS c WHERE c ->> 'name' = e.key)
  LIMIT 1;
  IF FOUND AND wrong.name LIKE 'sync\_%' THEN
    RAISE EXCEPTION 'Column % of % is kept by scopestack-sync. Edit one of %.', wrong.name, me.relation, sync.writable_columns(me);
  ELSIF FOUND THEN
    RAISE EXCEPTION 'Column % of % is read-only. Edit one of %, or change it in ScopeStack; the next pull brings it here.', wrong.name, me.relation, sync.writable_columns(me);
  END IF;
  INSERT INTO sync.outbox (resource, record_id, op, attributes, relationships, base, refs, made_by, txid)
  SELECT me.type, p.id, 'update', coalesce(v.attributes, '{}'), coalesce(v.relationships, '{}'),
    jsonb_build_object('attributes', coalesce(v.base_attributes, '{}'), 'relationships', coalesce(v.base_relationships, '{}')),
    coalesce(v.refs, '{}'), session_user, pg_current_xact_id()::text::bigint
  FROM (SELECT n.id, to_jsonb(o) AS o, to_jsonb(n) AS n FROM old_rows o JOIN new_rows n USING (id) WHERE o IS DISTINCT FROM n) AS p
  CROSS JOIN LATERAL (
    SELECT
      jsonb_object_agg(c.member, sync.travelling(d.new, c.kind)) FILTER (WHERE c."from" = 'attribute') AS attributes,
      jsonb_object_agg(c.member, sync.travelling(d.old, c.kind)) FILTER (WHERE c."from" = 'attribute') AS base_attributes,
      jsonb_object_agg(c.member, d.new) FILTER (WHERE c."from" = 'to-one') AS relationships,
      jsonb_object_agg(c.member, d.old) FILTER (WHERE c."from" = 'to-one') AS base_relationships,
      array_agg(DISTINCT c.target || '/' || (d.new #>> '{}')) FILTER (WHERE c.target IS NOT NULL AND d.new #>> '{}' LIKE 'local-%') AS refs
    FROM jsonb_each(p.n) AS e
    JOIN jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, kind text, entries text[], target text) ON c.name = e.key
    CROSS JOIN LATERAL (
      SELECT
        CASE WHEN c.entries IS NULL THEN e.value
          ELSE coalesce(sync.changed_entries(p.o -> e.key, e.value, c.entries[1], c.entries[2], 'new'), e.value) END AS new,
        CASE WHEN c.entries IS NULL THEN p.o -> e.key
          ELSE coalesce(sync.changed_entries(p.o -> e.key, e.value, c.entries[1], c.entries[2], 'old'), p.o -> e.key) END AS old
    ) AS d
    WHERE e.value <> p.o -> e.key AND d.new <> d.old
  ) AS v
  WHERE v.attributes IS NOT NULL OR v.relationships IS NOT NULL;
  GET DIAGNOSTICS noted = ROW_COUNT;
  IF noted > 0 THEN PERFORM pg_notify('scopestack_sync_outbox', ''); END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.capture_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  me sync.captured;
  wrong record;
BEGIN
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
  PERFORM sync.refuse_others(me, TG_RELID);
  IF NOT EXISTS (SELECT FROM old_rows) THEN RETURN NULL; END IF;
  -- What has not gone out yet may always be taken back.
  SELECT id INTO wrong FROM old_rows WHERE id NOT LIKE 'local-%' AND NOT 'delete' = ANY (me.writes) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'Rows of % cannot be deleted: ScopeStack''s API is not known to delete %. %', me.relation, me.type,
      CASE WHEN 'update' = ANY (me.writes) AND me.columns @> '[{"name": "active"}]'
        THEN 'Archive the record instead: set active to false.' ELSE 'Delete the record in ScopeStack.' END;
  END IF;
  SELECT id INTO wrong FROM old_rows WHERE sync_deleted_at IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'Row % of % was deleted in ScopeStack already. Leave it out with "sync_deleted_at is null".', wrong.id, me.relation;
  END IF;
  INSERT INTO sync.outbox (resource, record_id, op, base, made_by, txid)
  SELECT me.type, r.id, 'delete',
    jsonb_build_object('attributes', coalesce(v.attributes, '{}'), 'relationships', coalesce(v.relationships, '{}')),
    session_user, pg_current_xact_id()::text::bigint
  FROM old_rows r CROSS JOIN LATERAL (
    SELECT
      jsonb_object_agg(c.member, sync.travelling(e.value, c.kind)) FILTER (WHERE c."from" = 'attribute') AS attributes,
      jsonb_object_agg(c.member, e.value) FILTER (WHERE c."from" = 'to-one') AS relationships
    FROM jsonb_each(to_jsonb(r)) AS e
    JOIN jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, kind text) ON c.name = e.key
  ) AS v;
  PERFORM pg_notify('scopestack_sync_outbox', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.refuse() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  me sync.captured;
BEGIN
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
  PERFORM sync.refuse_others(me, TG_RELID);
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION '% mirrors ScopeStack and cannot be emptied. Delete or archive its records one by one, or in ScopeStack.', me.relation;
  END IF;
  RAISE EXCEPTION '% is read-only: ScopeStack''s API is not known to take changes of %. Change the record in ScopeStack; the next pull brings it here.', me.relation, me.type;
END $$;
--> statement-breakpoint
-- TG_ARGV: what is to be said. Of what shows other rows in another shape, and would let an edit of its owner through.
CREATE FUNCTION sync.refuse_edits() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0];
END $$;
--> statement-breakpoint
-- The triggers of the tables that it is made from write it, one level down.
CREATE TRIGGER read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON scopestack.user_defined_values
FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0)
EXECUTE FUNCTION sync.refuse_edits('scopestack.user_defined_values is made from JSON columns and cannot be edited. Edit the row that it comes from: column user_defined_fields of clients, project_variables of projects and others, custom_attributes of crm_opportunities.');
--> statement-breakpoint
-- Makes the triggers of one table. Loads of our own are let through by the setting sync.origin, which counts only for roles
-- that may write the outbox, as whom they work and as whom they logged in: whoever may merely edit cannot slip past, not even
-- through a function that works with its owner's rights.
CREATE FUNCTION sync.capture(the_relation regclass, the_type text, the_writes text[], the_columns jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ours constant text := $w$ WHEN (coalesce(current_setting('sync.origin', true), '') <> 'pull'
    OR NOT has_table_privilege('sync.outbox'::regclass, 'INSERT') OR NOT has_table_privilege(session_user, 'sync.outbox'::regclass, 'INSERT')) $w$;
  one record;
BEGIN
  FOR one IN SELECT tgname AS name FROM pg_trigger WHERE tgrelid = the_relation AND tgname LIKE 'write\_back\_%' LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', one.name, the_relation);
  END LOOP;
  INSERT INTO sync.captured (type, relation, writes, columns) VALUES (the_type, the_relation::text, the_writes, the_columns)
  ON CONFLICT (type) DO UPDATE SET relation = excluded.relation, writes = excluded.writes, columns = excluded.columns;
  IF the_writes = '{}' THEN
    EXECUTE format('CREATE TRIGGER write_back_refuse BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT %s EXECUTE FUNCTION sync.refuse(%L)',
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
--> statement-breakpoint
-- Of whoever asks only what his own transaction did.
CREATE FUNCTION sync.own_change(the_type text, the_id text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT max(o.id) FROM sync.outbox o
  WHERE o.resource = the_type AND o.record_id = the_id AND o.txid = pg_current_xact_id_if_assigned()::text::bigint
$$;
--> statement-breakpoint
-- For whoever kept an id that began as local-…: what it became.
CREATE VIEW scopestack.new_ids AS SELECT l.local_id, l.real_id AS id, l.resource, l.made_at FROM sync.local_ids l;
--> statement-breakpoint
CREATE TRIGGER read_only INSTEAD OF INSERT OR UPDATE OR DELETE ON scopestack.new_ids FOR EACH ROW
EXECUTE FUNCTION sync.refuse_edits('scopestack.new_ids only shows what ScopeStack answered, and cannot be edited.');
--> statement-breakpoint
COMMENT ON VIEW scopestack.new_ids IS 'The id that ScopeStack gave to each row that was made here, for 90 days: local_id is the one it began with.';
--> statement-breakpoint
-- For integrators: the same edit by member names, with the same rules, since it goes through the table with the caller's
-- rights. Returns the change's id; NULL when nothing would change.
CREATE FUNCTION sync.enqueue_change(resource text, op text, record_id text, attributes jsonb DEFAULT '{}', relationships jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  me sync.captured;
  given jsonb;
  names text;
  wrong record;
  made text := record_id;
  before bigint;
  found_rows bigint := 1;
BEGIN
  SELECT * INTO me FROM sync.captured c WHERE c.type = resource;
  IF NOT FOUND THEN RAISE EXCEPTION 'There is no resource "%". The resources are %.', resource, (SELECT string_agg(c.type, ', ' ORDER BY c.type) FROM sync.captured c WHERE c.writes <> '{}'); END IF;
  IF op NOT IN ('create', 'update', 'delete') THEN RAISE EXCEPTION 'A change is a create, an update or a delete, not "%".', op; END IF;
  IF me.writes = '{}' THEN RAISE EXCEPTION '% is read-only: ScopeStack''s API is not known to take changes of it. Change the record in ScopeStack; the next pull brings it here.', resource; END IF;
  IF op <> 'create' AND coalesce(record_id, '') = '' THEN RAISE EXCEPTION 'Nothing says which of % is meant. Give its id: sync.enqueue_change(''%'', ''%'', ''id'', …).', resource, resource, op; END IF;
  IF jsonb_typeof(attributes) <> 'object' OR jsonb_typeof(relationships) <> 'object' THEN
    RAISE EXCEPTION 'Attributes and relationships are objects, by the names of the API: sync.enqueue_change(''%'', ''%'', …, ''{"name": "value"}'', ''{"name": "id"}'').', resource, op;
  END IF;
  SELECT e.member, e."from", c.name AS known INTO wrong
  FROM (SELECT key AS member, 'attribute' AS "from" FROM jsonb_object_keys(coalesce(attributes, '{}')) AS a(key)
    UNION ALL SELECT key, 'to-one' FROM jsonb_object_keys(coalesce(relationships, '{}')) AS r(key)) AS e
  LEFT JOIN jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text) ON c.member = e.member
  WHERE c."from" IS DISTINCT FROM e."from" LIMIT 1;
  IF FOUND AND wrong.known IS NULL THEN
    RAISE EXCEPTION '"%" of % is read-only or unknown. A change takes %.', wrong.member, resource,
      coalesce((SELECT string_agg(c ->> 'member', ', ') FROM jsonb_array_elements(me.columns) AS c), 'nothing');
  ELSIF FOUND AND wrong."from" = 'attribute' THEN
    RAISE EXCEPTION '"%" of % is a relationship, not an attribute. Give it behind the attributes: sync.enqueue_change(…, ''{}'', ''{"%": "id"}'').', wrong.member, resource, wrong.member;
  ELSIF FOUND THEN
    RAISE EXCEPTION '"%" of % is an attribute, not a relationship. Give it before the relationships: sync.enqueue_change(…, ''{"%": …}'').', wrong.member, resource, wrong.member;
  END IF;
  SELECT jsonb_object_agg(c.name, coalesce((
      SELECT to_jsonb(n.id) FROM scopestack.new_ids n WHERE n.resource = c.target AND n.local_id = e.value #>> '{}'), e.value)),
    string_agg(format('%I', c.name), ', ') INTO given, names
  FROM jsonb_to_recordset(me.columns) AS c(name text, member text, target text)
  JOIN jsonb_each(coalesce(attributes, '{}') || coalesce(relationships, '{}')) AS e ON e.key = c.member
  WHERE op <> 'delete';
  IF op = 'create' THEN made := 'local-' || gen_random_uuid(); END IF;
  -- Once more by the id that ScopeStack gave, which may come while the row is waited for.
  LOOP
    before := sync.own_change(me.type, made);
    IF op = 'create' THEN
      EXECUTE format('INSERT INTO %1$s (id%2$s) SELECT $2%2$s FROM jsonb_populate_record(NULL::%1$s, $1)', me.relation, coalesce(', ' || names, ''))
        USING coalesce(given, '{}'), made;
    ELSIF op = 'delete' THEN
      EXECUTE format('DELETE FROM %s WHERE id = $1', me.relation) USING made;
      GET DIAGNOSTICS found_rows = ROW_COUNT;
    ELSIF names IS NOT NULL THEN
      EXECUTE format('UPDATE %1$s SET (%2$s) = (SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)) WHERE id = $2', me.relation, names)
        USING given, made;
      GET DIAGNOSTICS found_rows = ROW_COUNT;
    END IF;
    EXIT WHEN found_rows > 0;
    SELECT n.id INTO made FROM scopestack.new_ids n WHERE n.resource = me.type AND n.local_id = made;
    IF NOT FOUND THEN RAISE EXCEPTION '% has no record "%". Pull it first, or look for its id in %.', resource, record_id, me.relation; END IF;
  END LOOP;
  RETURN nullif(sync.own_change(me.type, made), before);
END $$;
--> statement-breakpoint
CREATE VIEW scopestack.pending_changes AS
SELECT o.id AS change_id, o.resource, o.record_id, o.op, o.state, o.attributes, o.relationships, o.base, o.made_at, o.made_by,
  o.attempts, o.not_before, o.code, o.reason, o.errors
FROM sync.outbox o WHERE o.state IN ('waiting', 'sending', 'parked');
--> statement-breakpoint
CREATE TRIGGER read_only INSTEAD OF INSERT OR UPDATE OR DELETE ON scopestack.pending_changes FOR EACH ROW
EXECUTE FUNCTION sync.refuse_edits('scopestack.pending_changes only shows what waits, and cannot be edited. Edit the row itself, or settle the change with "changes retry", "changes discard" or "changes resolve".');
--> statement-breakpoint
COMMENT ON VIEW scopestack.pending_changes IS 'Local edits that are not settled yet: waiting, being sent, or parked with the reason.';
--> statement-breakpoint
-- Roles are made by whoever runs the database; these give them what a reader or an editor needs, and no more.
CREATE FUNCTION sync.grant_reader(the_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA scopestack TO %s', the_role);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA scopestack TO %s', the_role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA scopestack GRANT SELECT ON TABLES TO %s', the_role);
  EXECUTE format('REVOKE ALL ON scopestack.pending_changes, scopestack.new_ids FROM %s', the_role);
END $$;
--> statement-breakpoint
-- Of whole tables, not of columns: the triggers refuse with a sentence what may not be edited, where a missing grant would
-- only say no.
CREATE FUNCTION sync.grant_editor(the_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  relation text;
BEGIN
  PERFORM sync.grant_reader(the_role);
  FOR relation IN SELECT c.relation FROM sync.captured c LOOP
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO %s', relation, the_role);
  END LOOP;
  EXECUTE format('GRANT SELECT ON scopestack.pending_changes, scopestack.new_ids, sync.captured TO %s', the_role);
  EXECUTE format('GRANT USAGE ON SCHEMA sync TO %s', the_role);
  EXECUTE format('GRANT EXECUTE ON FUNCTION sync.enqueue_change, sync.own_change TO %s', the_role);
END $$;
--> statement-breakpoint
-- Rows of this database's own that a change refers to when several are folded into it, as resource/id: an id alone might be that of two.
CREATE FUNCTION sync.local_refs(columns jsonb, attributes jsonb, relationships jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(DISTINCT c.target || '/' || g.id), '{}')
  FROM jsonb_to_recordset(columns) AS c(member text, "from" text, target text)
  CROSS JOIN LATERAL (SELECT CASE c."from" WHEN 'attribute' THEN attributes ELSE relationships END ->> c.member AS id) AS g
  WHERE c.target IS NOT NULL AND g.id LIKE 'local-%'
$$;
--> statement-breakpoint
-- Whether nothing is in the way of a change, its own time aside. A function and not a part of the claim's statement: with
-- 10,000 changes waiting and no statistics of them yet, the planner joined all with all, 18 s for a claim; this takes the
-- first rows of the index in their order, 5 ms.
CREATE FUNCTION sync.may_be_sent(o sync.outbox) RETURNS boolean
LANGUAGE plpgsql STABLE COST 10000 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- Somebody has it. Of another role's session only the pid may be seen: it counts as alive, and its claim ends by the clock.
  IF o.state = 'sending' AND o.claim_until >= now() AND (o.claim_pid IS NULL OR EXISTS (
    SELECT FROM pg_stat_activity a WHERE a.pid = o.claim_pid AND (a.backend_start IS NULL
      OR date_trunc('milliseconds', a.backend_start) = date_trunc('milliseconds', o.claim_start)))) THEN RETURN false; END IF;
  -- One after the other, also where an older one was taken up again; and nothing of a record of which nobody knows whether
  -- it was made.
  IF EXISTS (
    SELECT FROM sync.outbox e WHERE e.record_id = o.record_id AND e.resource = o.resource
      AND (e.state = 'waiting' AND e.id < o.id OR e.state = 'sending' AND e.id <> o.id OR e.state = 'parked' AND e.code = 'SYNC_PUSH_UNKNOWN')) THEN RETURN false; END IF;
  -- What it refers to comes first, unless a later edit makes it refer to something else.
  RETURN NOT EXISTS (
    SELECT FROM sync.outbox m CROSS JOIN LATERAL unnest(m.refs) AS ref
    CROSS JOIN LATERAL (
      SELECT FROM sync.outbox p WHERE p.record_id = split_part(ref, '/', 2) AND p.resource = split_part(ref, '/', 1)
        AND p.op = 'create' AND p.state IN ('waiting', 'sending', 'parked') LIMIT 1) AS parent
    JOIN LATERAL jsonb_each_text(m.attributes || m.relationships) AS given(member, id) ON given.id = split_part(ref, '/', 2)
    WHERE m.record_id = o.record_id AND m.resource = o.resource AND m.state IN ('waiting', 'sending')
      AND NOT EXISTS (
        SELECT FROM sync.outbox l WHERE l.record_id = m.record_id AND l.resource = m.resource AND l.state = 'waiting' AND l.id > m.id
          AND (l.op = 'delete' OR l.attributes ? given.member OR l.relationships ? given.member)));
END $$;
--> statement-breakpoint
-- Nobody has the use of a function for being there: a trigger function, or one that works with its owner's rights, is for
-- whom it was granted to. These two do nothing that their caller may not do by himself, and a worker's role needs them.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION sync.may_be_sent, sync.local_refs TO PUBLIC;
