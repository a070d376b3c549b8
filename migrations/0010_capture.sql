-- Capture: what a person edits in schema scopestack becomes rows of sync.outbox, in the same transaction. Everything works
-- on whole statements (transition tables), so that one UPDATE of 50,000 rows is one INSERT; row triggers would also take
-- COPY's fast path from every load. Which columns may be edited is in sync.captured, from the catalog.

CREATE SEQUENCE sync.outbox_term;
--> statement-breakpoint
-- Entries of a user-defined field, `[{name, value}]`, whose value differs; `side` says whose value is given back. NULL where
-- one of both is no array: then the field counts as a whole.
CREATE FUNCTION sync.changed_entries(old jsonb, new jsonb, k text, v text, side text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
BEGIN
  IF jsonb_typeof(coalesce(nullif(old, 'null'), '[]')) <> 'array' OR jsonb_typeof(new) <> 'array' THEN RETURN NULL; END IF;
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(k, n -> k, v,
      CASE side WHEN 'new' THEN coalesce(n -> v, 'null') ELSE coalesce(o -> v, 'null') END) ORDER BY at), '[]')
    FROM jsonb_array_elements(new) WITH ORDINALITY AS news(n, at)
    LEFT JOIN LATERAL (
      SELECT held AS o FROM jsonb_array_elements(coalesce(nullif(old, 'null'), '[]')) AS olds(held) WHERE held -> k = n -> k LIMIT 1
    ) AS found ON true
    WHERE jsonb_typeof(n) = 'object' AND n ? k AND coalesce(n -> v, 'null') <> coalesce(o -> v, 'null'));
END $$;
--> statement-breakpoint
-- The old entries with the new values: definitions and entries that were left out stay.
CREATE FUNCTION sync.merged_entries(old jsonb, new jsonb, k text, v text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT CASE WHEN jsonb_typeof(old) = 'array' AND jsonb_typeof(new) = 'array' THEN
    coalesce((
      SELECT jsonb_agg(CASE WHEN n IS NULL THEN o ELSE o || jsonb_build_object(v, coalesce(n -> v, 'null')) END ORDER BY at)
      FROM jsonb_array_elements(old) WITH ORDINALITY AS olds(o, at)
      LEFT JOIN LATERAL (SELECT e AS n FROM jsonb_array_elements(new) AS news(e) WHERE e -> k = o -> k LIMIT 1) AS found ON true), '[]')
    || coalesce((
      SELECT jsonb_agg(n) FROM jsonb_array_elements(new) AS news(n)
      WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(old) AS olds(o) WHERE o -> k = n -> k)), '[]')
  ELSE new END
$$;
--> statement-breakpoint
CREATE FUNCTION sync.writable_columns(of sync.captured) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT string_agg(c ->> 'name', ', ' ORDER BY at) FROM jsonb_array_elements(of.columns) WITH ORDINALITY AS cs(c, at)
$$;
--> statement-breakpoint
-- Numbers with a fraction travel as text, which is how ScopeStack sends them: a double would change them on the way.
CREATE FUNCTION sync.travelling(value jsonb, kind text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT CASE WHEN kind = 'decimal' AND jsonb_typeof(value) = 'number' THEN to_jsonb(value #>> '{}') ELSE value END
$$;
--> statement-breakpoint
CREATE FUNCTION sync.capture_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  me sync.captured;
  wrong record;
BEGIN
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
  IF NOT EXISTS (SELECT FROM new_rows) THEN RETURN NULL; END IF;
  IF NOT 'create' = ANY (me.writes) THEN
    RAISE EXCEPTION '% takes no new rows: ScopeStack''s API is not known to create %. Create the record in ScopeStack; the next pull brings it here.', me.relation, me.type;
  END IF;
  SELECT id INTO wrong FROM new_rows WHERE id NOT LIKE 'local-%' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'A new row of % gets its id from ScopeStack, so "%" cannot be chosen. Leave the column id out: it begins as local-… and becomes the real one when ScopeStack has answered.', me.relation, wrong.id;
  END IF;
  SELECT e.key AS name INTO wrong
  FROM new_rows r, jsonb_each(to_jsonb(r)) AS e
  WHERE e.value <> 'null' AND e.key NOT IN ('id', 'sync_changed_at') AND NOT (e.key = 'sync_hash' AND e.value = '""')
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(me.columns) AS c WHERE c ->> 'name' = e.key)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'Column % of % is read-only. A new row takes %; leave the others out, ScopeStack fills them.', wrong.name, me.relation, sync.writable_columns(me);
  END IF;
  INSERT INTO sync.outbox (resource, record_id, op, attributes, relationships, base, refs, made_by, txid)
  SELECT me.type, r.id, 'create', coalesce(v.attributes, '{}'), coalesce(v.relationships, '{}'), '{}', coalesce(v.refs, '{}'),
    session_user, pg_current_xact_id()::text::bigint
  FROM new_rows r CROSS JOIN LATERAL (
    SELECT
      jsonb_object_agg(c.member, sync.travelling(e.value, c.kind)) FILTER (WHERE c."from" = 'attribute') AS attributes,
      jsonb_object_agg(c.member, e.value) FILTER (WHERE c."from" = 'to-one') AS relationships,
      array_agg(e.value #>> '{}') FILTER (WHERE c."from" = 'to-one' AND e.value #>> '{}' LIKE 'local-%') AS refs
    FROM jsonb_each(to_jsonb(r)) AS e
    JOIN jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, kind text) ON c.name = e.key
    WHERE e.value <> 'null'
  ) AS v;
  PERFORM pg_notify('scopestack_sync_outbox', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.capture_update() RETURNS trigger
-- A plan made for one row is kept for the session; without nested loops it is right for 50,000, too.
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET enable_nestloop = off AS $$
DECLARE
  me sync.captured;
  wrong record;
  noted bigint;
  field record;
BEGIN
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
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
      array_agg(d.new #>> '{}') FILTER (WHERE c."from" = 'to-one' AND d.new #>> '{}' LIKE 'local-%') AS refs
    FROM jsonb_each(p.n) AS e
    JOIN jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, kind text, entries text[]) ON c.name = e.key
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
  -- Whoever writes only the entries that change must not lose the others from the row.
  FOR field IN SELECT c.name, c.entries FROM jsonb_to_recordset(me.columns) AS c(name text, entries text[]) WHERE c.entries IS NOT NULL LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM old_rows o JOIN new_rows n USING (id) WHERE o.%1$I IS DISTINCT FROM n.%1$I '
      'AND sync.merged_entries(o.%1$I, n.%1$I, %2$L, %3$L) IS DISTINCT FROM n.%1$I)', field.name, field.entries[1], field.entries[2])
      INTO wrong;
    IF wrong.exists THEN
      PERFORM set_config('sync.origin', 'pull', true);
      EXECUTE format('UPDATE %1$s m SET %2$I = sync.merged_entries(o.%2$I, n.%2$I, %3$L, %4$L) '
        'FROM old_rows o JOIN new_rows n USING (id) WHERE m.id = n.id AND o.%2$I IS DISTINCT FROM n.%2$I',
        TG_RELID::regclass, field.name, field.entries[1], field.entries[2]);
      PERFORM set_config('sync.origin', '', true);
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.capture_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  me sync.captured;
  wrong record;
BEGIN
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
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
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  me sync.captured;
BEGIN
  SELECT * INTO me FROM sync.captured WHERE type = TG_ARGV[0];
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION '% mirrors ScopeStack and cannot be emptied. Delete or archive its records one by one, or in ScopeStack.', me.relation;
  END IF;
  RAISE EXCEPTION '% is read-only: ScopeStack''s API is not known to take changes of %. Change the record in ScopeStack; the next pull brings it here.', me.relation, me.type;
END $$;
--> statement-breakpoint
-- Makes the triggers of one table. Loads of our own are let through by the setting sync.origin, which counts only for roles
-- that may write the outbox: whoever may merely edit cannot slip past.
-- Triggers of one event run in the order of their names, and these last: the one of updates may write user-defined fields
-- again, with what the statement left out, and user_defined_values must not be made of less after that.
CREATE FUNCTION sync.capture(the_relation regclass, the_type text, the_writes text[], the_columns jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  ours constant text := $w$ WHEN (coalesce(current_setting('sync.origin', true), '') <> 'pull' OR NOT has_table_privilege('sync.outbox'::regclass, 'INSERT')) $w$;
  event text;
BEGIN
  FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'refuse'] LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', 'write_back_' || event, the_relation);
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
  EXECUTE format('CREATE TRIGGER write_back_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT %s EXECUTE FUNCTION sync.capture_delete(%L)',
    the_relation, ours, the_type);
  -- Defaults rather than a row trigger, which COPY would pay for.
  EXECUTE format('ALTER TABLE %s ALTER id SET DEFAULT ''local-'' || gen_random_uuid(), ALTER sync_hash SET DEFAULT ''''', the_relation);
END $$;
--> statement-breakpoint
-- For integrators: the same edit by member names, with the same rules, since it goes through the table. Returns the change's
-- id; NULL when nothing would change.
CREATE FUNCTION sync.enqueue_change(resource text, op text, record_id text, attributes jsonb DEFAULT '{}', relationships jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_variable
DECLARE
  me sync.captured;
  given jsonb;
  names text;
  wrong text;
  made text := record_id;
  before bigint;
  found_rows bigint := 1;
BEGIN
  SELECT * INTO me FROM sync.captured c WHERE c.type = resource;
  IF NOT FOUND THEN RAISE EXCEPTION 'There is no resource "%". The resources are %.', resource, (SELECT string_agg(c.type, ', ' ORDER BY c.type) FROM sync.captured c WHERE c.writes <> '{}'); END IF;
  IF op NOT IN ('create', 'update', 'delete') THEN RAISE EXCEPTION 'A change is a create, an update or a delete, not "%".', op; END IF;
  SELECT e.key INTO wrong FROM jsonb_each(coalesce(attributes, '{}') || coalesce(relationships, '{}')) AS e
  WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(me.columns) AS c WHERE c ->> 'member' = e.key) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '"%" of % is read-only or unknown. A change takes %.', wrong, resource,
      coalesce((SELECT string_agg(c ->> 'member', ', ') FROM jsonb_array_elements(me.columns) AS c), 'nothing');
  END IF;
  SELECT jsonb_object_agg(c ->> 'name', e.value), string_agg(format('%I', c ->> 'name'), ', ') INTO given, names
  FROM jsonb_array_elements(me.columns) AS c
  JOIN jsonb_each(CASE c ->> 'from' WHEN 'attribute' THEN coalesce(attributes, '{}') ELSE coalesce(relationships, '{}') END) AS e
    ON e.key = c ->> 'member'
  WHERE op <> 'delete';
  SELECT max(o.id) INTO before FROM sync.outbox o;
  IF op = 'create' THEN
    made := 'local-' || gen_random_uuid();
    EXECUTE format('INSERT INTO %1$s (id%2$s) SELECT $2%2$s FROM jsonb_populate_record(NULL::%1$s, $1)', me.relation, coalesce(', ' || names, ''))
      USING coalesce(given, '{}'), made;
  ELSIF op = 'delete' THEN
    EXECUTE format('DELETE FROM %s WHERE id = $1', me.relation) USING record_id;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
  ELSIF names IS NOT NULL THEN
    EXECUTE format('UPDATE %1$s SET (%2$s) = (SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)) WHERE id = $2', me.relation, names)
      USING given, record_id;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
  END IF;
  IF found_rows = 0 THEN RAISE EXCEPTION '% has no record "%". Pull it first, or look for its id in %.', resource, record_id, me.relation; END IF;
  RETURN (SELECT max(o.id) FROM sync.outbox o WHERE o.resource = me.type AND o.record_id = made AND o.id > coalesce(before, 0));
END $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION sync.enqueue_change FROM PUBLIC;
--> statement-breakpoint
CREATE VIEW scopestack.pending_changes AS
SELECT o.id AS change_id, o.resource, o.record_id, o.op, o.state, o.attributes, o.relationships, o.base, o.made_at, o.made_by,
  o.attempts, o.not_before, o.code, o.reason, o.errors
FROM sync.outbox o WHERE o.state IN ('waiting', 'sending', 'parked');
--> statement-breakpoint
COMMENT ON VIEW scopestack.pending_changes IS 'Local edits that are not settled yet: waiting, being sent, or parked with the reason.';
--> statement-breakpoint
-- Roles are made by whoever runs the database; these give them what a reader or an editor needs, and no more.
CREATE FUNCTION sync.grant_reader(the_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA scopestack TO %s', the_role);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA scopestack TO %s', the_role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA scopestack GRANT SELECT ON TABLES TO %s', the_role);
  EXECUTE format('REVOKE ALL ON scopestack.pending_changes FROM %s', the_role);
END $$;
--> statement-breakpoint
-- Of whole tables, not of columns: the triggers refuse with a sentence what may not be edited, where a missing grant would
-- only say no.
CREATE FUNCTION sync.grant_editor(the_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  relation text;
BEGIN
  PERFORM sync.grant_reader(the_role);
  FOR relation IN SELECT c.relation FROM sync.captured c LOOP
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO %s', relation, the_role);
  END LOOP;
  EXECUTE format('GRANT SELECT ON scopestack.pending_changes TO %s', the_role);
  EXECUTE format('GRANT USAGE ON SCHEMA sync TO %s', the_role);
  EXECUTE format('GRANT EXECUTE ON FUNCTION sync.enqueue_change TO %s', the_role);
END $$;
--> statement-breakpoint
-- Whether nothing is in the way of a change, its own time aside. A function and not a part of the claim's statement: with
-- 10,000 changes waiting and no statistics of them yet, the planner joined all with all, 18 s for a claim; this takes the
-- first rows of the index in their order, 5 ms.
CREATE FUNCTION sync.may_be_sent(o sync.outbox) RETURNS boolean
LANGUAGE plpgsql STABLE COST 10000 SET search_path = pg_catalog AS $$
BEGIN
  -- Somebody has it. Of another role's session only the pid may be seen: it counts as alive, and its claim ends by the clock.
  IF o.state = 'sending' AND o.claim_until >= now() AND (o.claim_pid IS NULL OR EXISTS (
    SELECT FROM pg_stat_activity a WHERE a.pid = o.claim_pid AND (a.backend_start IS NULL
      OR date_trunc('milliseconds', a.backend_start) = date_trunc('milliseconds', o.claim_start)))) THEN RETURN false; END IF;
  -- One after the other; and nothing of a record of which nobody knows whether it was made.
  IF EXISTS (
    SELECT FROM sync.outbox e WHERE e.record_id = o.record_id AND e.resource = o.resource
      AND (e.state IN ('waiting', 'sending') AND e.id < o.id OR e.state = 'parked' AND e.code = 'SYNC_PUSH_UNKNOWN')) THEN RETURN false; END IF;
  -- What it refers to comes first.
  RETURN NOT EXISTS (
    SELECT FROM sync.outbox m CROSS JOIN LATERAL unnest(m.refs) AS ref
    CROSS JOIN LATERAL (
      SELECT FROM sync.outbox p WHERE p.record_id = ref AND p.op = 'create' AND p.state IN ('waiting', 'sending', 'parked') LIMIT 1) AS parent
    WHERE m.record_id = o.record_id AND m.resource = o.resource AND m.state IN ('waiting', 'sending'));
END $$;
