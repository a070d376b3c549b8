-- What JSON:API or ScopeStack cannot carry is refused in the statement that writes it, whatever the way: the triggers see the
-- rows as they have become. What is noted depends on no setting of the session that edits: times are noted in UTC, and no
-- text in here has a backslash, which standard_conforming_strings = off would read otherwise.
--
-- Of nested JSON. Ruby's parser takes 100 levels, of which the document around it has three. A number goes out digit for digit;
-- one that no double comes near would be infinite, or nothing, to whoever reads it as one.
CREATE FUNCTION sync.unsendable_json(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN jsonb_typeof(value) IN ('string', 'boolean', 'null') THEN NULL
    WHEN jsonb_path_exists(value, 'strict $.**{97} ? (@.type() == "object" || @.type() == "array")')
      THEN 'JSON is carried down to 97 levels. Write it flatter.'
    ELSE (
      SELECT format('the number %s is beyond what is carried as one. Write it as a text.', left(n #>> '{}', 100))
      FROM jsonb_path_query(value, 'strict $.** ? (@.type() == "number")') AS n
      WHERE length(n #>> '{}') > 1000 OR n::numeric <> 0 AND abs(n::numeric) NOT BETWEEN 1e-307 AND 1.7e308
      LIMIT 1)
  END
$$;
--> statement-breakpoint
-- Why a value cannot be carried, as the end of a sentence; NULL when it can. A body of this kind is bound to its names when it
-- is made, and needs no search_path of its own, with which it could not become a part of the statement that calls it.
CREATE FUNCTION sync.unsendable(value jsonb, kind text, required boolean) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE
  WHEN value = 'null' THEN CASE
    WHEN NOT coalesce(required, false) THEN NULL
    WHEN kind = 'boolean' THEN 'a record is active or archived. Write true or false.'
    ELSE 'it is what the record is known by. Write a text.' END
  WHEN kind IN ('text', 'boolean') THEN NULL
  WHEN kind = 'decimal' THEN CASE
    WHEN jsonb_typeof(value) <> 'number' THEN 'JSON has no such number. Write a finite one, or NULL to clear it.'
    WHEN length(value #>> '{}') > 1000 THEN 'a number is carried with at most 1,000 digits. Round it.' END
  WHEN kind = 'integer' THEN CASE
    WHEN value::numeric NOT BETWEEN -9007199254740991 AND 9007199254740991
      THEN 'a whole number is carried from -9007199254740991 to 9007199254740991. Write one of these, or NULL to clear it.' END
  WHEN kind = 'date' THEN CASE
    WHEN length(value #>> '{}') <> 10 THEN 'a day is carried from 0001-01-01 to 9999-12-31. Write one of these, or NULL to clear it.' END
  WHEN kind = 'timestamp' THEN CASE
    WHEN value #>> '{}' !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}([.][0-9]+)?[+]00:00$'
      THEN 'a time is carried from the year 1 to the year 9999. Write one of these, or NULL to clear it.'
    WHEN value #>> '{}' ~ '[.][0-9]{4}' THEN 'ScopeStack keeps milliseconds. Write date_trunc(''milliseconds'', …).' END
  WHEN kind = 'texts' THEN CASE
    WHEN jsonb_path_exists(value, 'strict $[*] ? (@.type() != "string")')
      THEN 'a list is carried as texts in one dimension, none of them NULL. Write array[''…'', ''…''], or ''{}'' for none.' END
  ELSE sync.unsendable_json(value)
END;
--> statement-breakpoint
-- In the middle of a statement, by the row that is wrong: that ends all of it.
CREATE FUNCTION sync.refuse_value(the_relation text, the_column text, value text, why text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = split_part(the_relation, '.', 1), TABLE = split_part(the_relation, '.', 2),
    COLUMN = the_column, MESSAGE = format('Column %s of %s cannot be %s: %s', the_column, the_relation,
      CASE WHEN length(value) > 100 THEN left(value, 100) || '…' ELSE value END, why);
END $$;
--> statement-breakpoint
DROP FUNCTION sync.refuse_entries;
--> statement-breakpoint
CREATE FUNCTION sync.refuse_entries(the_relation text, the_column text, wrong text, k text, v text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = split_part(the_relation, '.', 1), TABLE = split_part(the_relation, '.', 2),
    COLUMN = the_column, MESSAGE = format('Column %s of %s %s. It takes a list of entries, each field once: [{"%s": "…", "%s": "…"}], with null for a value that is cleared. Entries that are left out stay.',
      the_column, the_relation, wrong, k, v);
END $$;
--> statement-breakpoint
-- What is wrong with the entries that are written, as the middle of a sentence; NULL when nothing is. Those that stand as
-- they stood are ScopeStack's own, and a field that it holds as one object may be written as one. Only the values are carried:
-- what else an entry says of its field has to be as it stands, and a list or an object is taken only where one stood.
CREATE OR REPLACE FUNCTION sync.wrong_entries(old jsonb, new jsonb, k text, v text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held jsonb := coalesce(CASE jsonb_typeof(old) WHEN 'array' THEN old END, '[]');
  news jsonb;
  wrong text;
BEGIN
  IF new IS NULL OR new = 'null' THEN RETURN CASE WHEN held <> '[]' THEN 'cannot be NULL' END; END IF;
  IF jsonb_typeof(new) = 'object' AND jsonb_typeof(old) = 'object' THEN RETURN 'cannot hold what it would: ' || sync.unsendable_json(new); END IF;
  IF jsonb_typeof(new) <> 'array' THEN RETURN format('cannot be %s', left(new::text, 200)); END IF;
  SELECT coalesce(jsonb_agg(n), '[]') INTO news
  FROM jsonb_array_elements(new) AS e(n) WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(held) AS olds(o) WHERE o = n);
  IF news = '[]' THEN RETURN NULL; END IF;
  SELECT n INTO wrong FROM jsonb_array_elements(news) AS e(n)
  WHERE NOT (jsonb_typeof(n) = 'object' AND n ? v AND coalesce(jsonb_typeof(n -> k) = 'string' AND btrim(n ->> k) <> '', false)) LIMIT 1;
  IF FOUND THEN RETURN format('cannot hold %s', left(wrong, 200)); END IF;
  SELECT n ->> k INTO wrong FROM jsonb_array_elements(news) AS e(n) GROUP BY n ->> k HAVING count(*) > 1 LIMIT 1;
  IF FOUND THEN RETURN format('is given "%s" twice', left(wrong, 200)); END IF;
  SELECT format('cannot hold %s for "%s", which is no text, number, true or false', left((n -> v)::text, 100), left(n ->> k, 100)) INTO wrong
  FROM jsonb_array_elements(news) AS e(n)
  WHERE jsonb_typeof(n -> v) IN ('object', 'array') AND NOT EXISTS (
    SELECT FROM jsonb_array_elements(held) AS olds(o) WHERE o -> k = n -> k AND jsonb_typeof(o -> v) = jsonb_typeof(n -> v)) LIMIT 1;
  IF FOUND THEN RETURN wrong; END IF;
  SELECT format('cannot hold what "%s" would: %s', left(n ->> k, 100), rtrim(j.why, '.')) INTO wrong
  FROM jsonb_array_elements(news) AS e(n) CROSS JOIN LATERAL (
    SELECT CASE WHEN jsonb_typeof(n -> v) IN ('number', 'object', 'array') THEN sync.unsendable_json(n -> v) END AS why) AS j
  WHERE j.why IS NOT NULL LIMIT 1;
  IF FOUND THEN RETURN wrong; END IF;
  SELECT format('keeps what else is said of "%s" than its %s', left(n ->> k, 100), v) INTO wrong
  FROM jsonb_array_elements(news) AS e(n)
  WHERE EXISTS (SELECT FROM jsonb_array_elements(held) AS olds(o) WHERE o -> k = n -> k)
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(held) AS olds(o) WHERE o -> k = n -> k AND o @> (n - v)) LIMIT 1;
  RETURN wrong;
END $$;
--> statement-breakpoint
-- Numbers with a fraction travel as text, which is how ScopeStack sends them: a double would change them on the way.
CREATE OR REPLACE FUNCTION sync.travelling(value jsonb, kind text) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN kind = 'decimal' AND jsonb_typeof(value) = 'number' THEN to_jsonb(value #>> '{}') ELSE value END;
--> statement-breakpoint
-- The first of `n` that may not be written; `o` is NULL of a new row.
CREATE FUNCTION sync.refuse_columns(me sync.captured, o jsonb, n jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name text;
BEGIN
  SELECT e.key INTO name FROM jsonb_each(n) AS e
  WHERE e.value <> coalesce(o -> e.key, 'null') AND NOT EXISTS (SELECT FROM jsonb_array_elements(me.columns) AS c WHERE c ->> 'name' = e.key)
  LIMIT 1;
  IF o IS NULL THEN
    RAISE EXCEPTION 'Column % of % is read-only. A new row takes %; leave the others out, ScopeStack fills them.', name, me.relation, sync.writable_columns(me);
  ELSIF starts_with(name, 'sync_') THEN
    RAISE EXCEPTION 'Column % of % is kept by scopestack-sync. Edit one of %.', name, me.relation, sync.writable_columns(me);
  END IF;
  RAISE EXCEPTION 'Column % of % is read-only. Edit one of %, or change it in ScopeStack; the next pull brings it here.', name, me.relation, sync.writable_columns(me);
END $$;
--> statement-breakpoint
-- A reference has to lead somewhere: the bare library answers 200 to an id that does not exist, and the record is broken then.
-- `ends`: each id once, with its column. Of a table that no pull has read whole nothing is known, and digits are taken.
CREATE FUNCTION sync.refuse_dangling(me sync.captured, ends jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = on AS $$
DECLARE
  one record;
  wrong record;
BEGIN
  FOR one IN
    SELECT c.name, c."from", k.type AS target, k.relation, EXISTS (SELECT FROM sync.cursors s WHERE s.resource = k.type AND s.as_of IS NOT NULL) AS whole
    FROM jsonb_to_recordset(me.columns) AS c(name text, "from" text, target text) JOIN sync.captured k ON k.type = c.target
    WHERE EXISTS (SELECT FROM jsonb_to_recordset(ends) AS e(name text) WHERE e.name = c.name)
  LOOP
    EXECUTE format($q$
      SELECT e.id, t.id IS NOT NULL AS gone
      FROM jsonb_to_recordset($1) AS e(name text, id text) LEFT JOIN %s t ON t.id = e.id
      WHERE e.name = $2 AND (t.id IS NULL OR t.sync_deleted_at IS NOT NULL)
        AND NOT EXISTS (SELECT FROM sync.local_ids l WHERE l.resource = $3 AND l.local_id = e.id)
        AND (t.id IS NOT NULL OR NOT CASE
          WHEN e.id ~ '^[0-9]{1,18}$' THEN NOT $4
          WHEN $5 THEN false
          ELSE btrim(e.id) <> '' AND NOT starts_with(e.id, 'local-') END)
      LIMIT 1$q$, one.relation) INTO wrong USING ends, one.name, one.target, one.whole, one."from" = 'to-one';
    IF wrong.id IS NULL THEN CONTINUE; END IF;
    PERFORM sync.refuse_value(me.relation, one.name, to_jsonb(wrong.id)::text, CASE
      WHEN wrong.gone THEN format('that row of %s was deleted in ScopeStack. Write the id of another, or NULL.', one.relation)
      WHEN wrong.id ~ '^[0-9]{1,18}$' THEN format('%s has no such row. Write the id of one that it has, or NULL; what was made in ScopeStack since the last pull is here after the next.', one.relation)
      WHEN starts_with(wrong.id, 'local-') THEN format('no row of %s has that id, or had it within 90 days. Insert that row first, or write the id of another, or NULL.', one.relation)
      ELSE format('it takes the id of a row of %s, or NULL.', one.relation) END);
  END LOOP;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION sync.capture_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET jit = off AS $$
DECLARE
  me sync.captured;
  wrong record;
  tests text;
  ends jsonb;
  editable text[];
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
    WHERE CASE WHEN jsonb_strip_nulls(p.n - editable - 'id') <> jsonb_build_object('sync_hash', '', 'sync_changed_at', now())
      THEN sync.refuse_columns(me, NULL, p.n - 'id' - CASE WHEN p.n -> 'sync_changed_at' = to_jsonb(now()) THEN 'sync_changed_at' ELSE '' END
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
-- A plan made for one row is kept for the session; without nested loops it is right for 50,000, too. Before PostgreSQL 18
-- what is switched off counts as a cost, which made every edit be compiled: 0.8 s instead of 10 ms.
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET enable_nestloop = off SET jit = off AS $$
DECLARE
  me sync.captured;
  wrong record;
  noted bigint;
  tests text;
  ends jsonb;
  editable text[];
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
    FROM (SELECT n.id, to_jsonb(o) AS o, to_jsonb(n) AS n FROM old_rows o JOIN new_rows n USING (id) WHERE o IS DISTINCT FROM n OFFSET 0) AS p
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
    WHERE CASE WHEN p.n - editable <> p.o - editable THEN sync.refuse_columns(me, p.o, p.n) ELSE true END
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
CREATE OR REPLACE FUNCTION sync.capture_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET jit = off AS $$
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
  FROM (SELECT r.id, to_jsonb(r) AS o FROM old_rows r OFFSET 0) AS r CROSS JOIN LATERAL (
    SELECT
      jsonb_object_agg(c.member, sync.travelling(r.o -> c.name, c.kind)) FILTER (WHERE c."from" = 'attribute') AS attributes,
      jsonb_object_agg(c.member, r.o -> c.name) FILTER (WHERE c."from" = 'to-one') AS relationships
    FROM jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, kind text)
  ) AS v;
  PERFORM pg_notify('scopestack_sync_outbox', '');
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
  FOR one IN SELECT tgname AS name FROM pg_trigger WHERE tgrelid = the_relation AND starts_with(tgname, 'write_back_') LOOP
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
-- What is neither named nor an object is left out; nothing in here can raise an error. The bounds: a number of 1,000
-- characters is far within numeric's 131,072 digits, and a name has to fit its index.
CREATE OR REPLACE FUNCTION sync.user_defined_values_of(fields jsonb)
RETURNS TABLE (
  name text, label text, type text, "position" integer, value text, value_numeric numeric, value_date date
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  WITH shape AS (
    SELECT CASE
      WHEN jsonb_typeof(fields) = 'array' THEN 'entries'
      WHEN jsonb_typeof(fields) <> 'object' THEN 'none'
      WHEN (fields ? 'name' AND fields ? 'value') OR (fields ? 'key' AND fields ? 'val') THEN 'entry'
      ELSE 'members'
    END AS is
  ),
  entries AS (
    SELECT n AS place, e -> 'label' AS label, coalesce(e -> 'variable_type', e -> 'variable-type') AS type,
      coalesce(e -> 'name', e -> 'key') AS name, CASE WHEN e ? 'value' THEN e -> 'value' ELSE e -> 'val' END AS value
    FROM shape, jsonb_array_elements(
      CASE shape.is WHEN 'entries' THEN fields WHEN 'entry' THEN jsonb_build_array(fields) ELSE '[]' END
    ) WITH ORDINALITY AS of (e, n)
    WHERE jsonb_typeof(e) = 'object'
    UNION ALL
    SELECT n, NULL, NULL, to_jsonb(k), v
    FROM shape, jsonb_each(CASE shape.is WHEN 'members' THEN fields ELSE '{}' END) WITH ORDINALITY AS of (k, v, n)
  ),
  texts AS (
    SELECT place, name #>> '{}' AS name, label #>> '{}' AS label, type #>> '{}' AS type,
      jsonb_typeof(value) AS kind, value #>> '{}' AS value
    FROM entries
    WHERE jsonb_typeof(name) IN ('string', 'number')
  )
  SELECT name, label, type, place::integer, value,
    CASE WHEN kind IN ('string', 'number') AND length(value) <= 1000
      AND value ~ '^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$' THEN value::numeric END,
    -- make_date raises an error on the 31st of February.
    CASE WHEN kind = 'string' AND value ~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T|$)'
      AND value !~ '^0000' THEN
        CASE WHEN substr(value, 9, 2)::integer <= extract(day FROM
          make_date(substr(value, 1, 4)::integer, substr(value, 6, 2)::integer, 1) + interval '1 month - 1 day')
        THEN make_date(substr(value, 1, 4)::integer, substr(value, 6, 2)::integer, substr(value, 9, 2)::integer) END
    END
  FROM texts
  WHERE octet_length(name) BETWEEN 1 AND 500
$$;
--> statement-breakpoint
-- For integrators: the same edit by member names, with the same rules, since it goes through the table with the caller's
-- rights. Returns the change's id; NULL when nothing would change.
CREATE OR REPLACE FUNCTION sync.enqueue_change(resource text, op text, record_id text, attributes jsonb DEFAULT '{}', relationships jsonb DEFAULT '{}') RETURNS bigint
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
  IF op IS NULL OR op NOT IN ('create', 'update', 'delete') THEN RAISE EXCEPTION 'A change is a create, an update or a delete, not "%".', op; END IF;
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
  -- Each by its kind, before a cast would read more into it than it says, or refuse it without its name.
  SELECT c.name, e.value, w.why INTO wrong
  FROM jsonb_to_recordset(me.columns) AS c(name text, member text, "from" text, kind text)
  JOIN jsonb_each(coalesce(attributes, '{}') || coalesce(relationships, '{}')) AS e ON e.key = c.member AND e.value <> 'null'
  CROSS JOIN LATERAL (SELECT jsonb_typeof(e.value) AS shape, e.value #>> '{}' AS said) AS v
  CROSS JOIN LATERAL (SELECT CASE
    WHEN c."from" = 'to-one' THEN CASE WHEN shape NOT IN ('string', 'number') THEN 'it takes the id alone: "id".' END
    WHEN c.kind = 'text' THEN CASE WHEN shape NOT IN ('string', 'number') THEN 'it is a text: "…".' END
    WHEN c.kind = 'boolean' THEN CASE WHEN shape <> 'boolean' AND e.value NOT IN ('"true"', '"false"') THEN 'it is true or false.' END
    WHEN c.kind = 'integer' THEN CASE WHEN shape NOT IN ('string', 'number') OR said !~ '^-?[0-9]{1,18}$' THEN 'it is a whole number of at most 18 digits.' END
    WHEN c.kind = 'decimal' THEN CASE
      WHEN shape NOT IN ('string', 'number') OR said !~ '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$' THEN 'it is a number: "10.50".' END
    WHEN c.kind IN ('date', 'timestamp') THEN CASE
      WHEN shape <> 'string' OR c.kind = 'date' AND said !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN 'it is a day: "2027-01-31".'
      WHEN c.kind = 'timestamp' AND said !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])$'
        THEN 'it is a time with its offset: "2027-01-31T09:00:00Z".'
      -- make_date raises an error on the 31st of February.
      WHEN said !~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])' OR starts_with(said, '0000') THEN 'the calendar has no such day.'
      WHEN substr(said, 9, 2)::integer > extract(day FROM make_date(substr(said, 1, 4)::integer, substr(said, 6, 2)::integer, 1) + interval '1 month - 1 day')
        THEN 'the calendar has no such day.' END
    WHEN c.kind = 'texts' THEN CASE
      WHEN shape <> 'array' OR jsonb_path_exists(e.value, 'strict $[*] ? (@.type() != "string")') THEN 'it is a list of texts: ["…"].' END
    END AS why) AS w
  WHERE op <> 'delete' AND w.why IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = 'scopestack', TABLE = split_part(me.relation, '.', 2), COLUMN = wrong.name,
      MESSAGE = format('Column %s of %s cannot be %s: %s', wrong.name, me.relation,
        CASE WHEN length(wrong.value::text) > 100 THEN left(wrong.value::text, 100) || '…' ELSE wrong.value::text END, wrong.why);
  END IF;
  SELECT jsonb_object_agg(c.name, coalesce((
      SELECT to_jsonb(n.id) FROM scopestack.new_ids n WHERE n.resource = c.target AND n.local_id = e.value #>> '{}'), e.value)),
    string_agg(format('%I', c.name), ', ') INTO given, names
  FROM jsonb_to_recordset(me.columns) AS c(name text, member text, target text)
  JOIN jsonb_each(coalesce(attributes, '{}') || coalesce(relationships, '{}')) AS e ON e.key = c.member
  WHERE op <> 'delete';
  IF op = 'create' AND coalesce(record_id, '') = '' THEN made := 'local-' || gen_random_uuid(); END IF;
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
REVOKE EXECUTE ON FUNCTION sync.unsendable, sync.unsendable_json, sync.refuse_value, sync.refuse_entries, sync.refuse_columns, sync.refuse_dangling FROM PUBLIC;
