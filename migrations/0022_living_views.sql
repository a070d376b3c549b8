CREATE TABLE "sync"."live_fields" (
	"owner_type" text NOT NULL,
	"name" text NOT NULL,
	"column_name" text NOT NULL,
	"type" text NOT NULL,
	"label" text,
	"place" integer NOT NULL,
	"gone_at" timestamp with time zone,
	CONSTRAINT "live_fields_owner_type_name_pk" PRIMARY KEY("owner_type","name")
);
--> statement-breakpoint
CREATE TABLE "sync"."live_views" (
	"name" text PRIMARY KEY NOT NULL,
	"table_name" text NOT NULL,
	"relation" bigint,
	"asked" text,
	"kept" text,
	"problem" text,
	"problem_since" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "sync"."relations" (
	"table_name" text NOT NULL,
	"column_name" text NOT NULL,
	"target_table" text NOT NULL,
	"target_column" text NOT NULL,
	"cardinality" text NOT NULL,
	"confidence" text NOT NULL,
	"replaces" text[] DEFAULT '{}' NOT NULL,
	"link_view" text,
	"link_key" text,
	"link_target_key" text,
	CONSTRAINT "relations_table_name_column_name_pk" PRIMARY KEY("table_name","column_name")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "live_fields_column_idx" ON "sync"."live_fields" USING btree ("owner_type","column_name");--> statement-breakpoint
CREATE INDEX "live_views_problem_idx" ON "sync"."live_views" USING btree ("table_name") WHERE problem is not null;
--> statement-breakpoint
-- Schema scopestack_live: what analysts read. CREATE SCHEMA IF NOT EXISTS would need the right to create schemas also where an
-- administrator has made it. Called again where the schema was dropped.
CREATE FUNCTION sync.make_live_schema() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  the_grantee text;
BEGIN
  IF to_regnamespace('scopestack_live') IS NULL THEN
    CREATE SCHEMA scopestack_live;
  END IF;
  -- Who reads the mirror reads what is made of it: the views have the rights of who reads them, and open nothing else.
  FOR the_grantee IN
    SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
    FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
    WHERE n.nspname = 'scopestack' AND a.privilege_type = 'USAGE' AND a.grantee <> n.nspowner
  LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA scopestack_live TO %s', the_grantee);
  END LOOP;
  COMMENT ON SCHEMA scopestack_live IS 'The living rows of schema scopestack: a view for each of its tables, link views for to-manys, and a column for each user-defined field.';
END $$;
--> statement-breakpoint
SELECT sync.make_live_schema();
--> statement-breakpoint
-- The SQL type of a user-defined field, by the kind that ScopeStack calls it.
CREATE FUNCTION sync.live_field_type(kind text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN kind ~* '^(number|numeric|integer|decimal|float|currency|money|percent|percentage)$' THEN 'numeric'
    WHEN kind ~* '^date$' THEN 'date'
    WHEN kind ~* '^(boolean|bool|checkbox|toggle|switch|yes.?no)$' THEN 'boolean'
    WHEN kind ~* '^(multi.*|checkboxes|list|tags)$' THEN 'text[]'
    ELSE 'text'
  END
$$;
--> statement-breakpoint
-- The value of a field among the rows v of user_defined_values of one record. No value may raise an error: what does not fit its
-- column is null there, and stands in scopestack.user_defined_values. The pattern is JSON as jsonb prints a flat array.
CREATE FUNCTION sync.live_field_expression(field text, type text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $outer$
  SELECT format(CASE type
    WHEN 'numeric' THEN 'max(v.value_numeric) FILTER (WHERE v.name = %1$L)'
    WHEN 'date' THEN 'max(v.value_date) FILTER (WHERE v.name = %1$L)'
    WHEN 'boolean' THEN 'bool_or(CASE WHEN lower(v.value) IN (''true'', ''t'', ''yes'', ''y'', ''on'', ''1'') THEN true WHEN lower(v.value) IN (''false'', ''f'', ''no'', ''n'', ''off'', ''0'') THEN false END) FILTER (WHERE v.name = %1$L)'
    WHEN 'text[]' THEN 'max(CASE WHEN v.value ~ %2$L THEN ARRAY(SELECT jsonb_array_elements_text(v.value::jsonb)) WHEN v.value <> '''' THEN ARRAY[v.value] END) FILTER (WHERE v.name = %1$L)'
    ELSE 'max(v.value) FILTER (WHERE v.name = %1$L)'
  END, field,
  '^\[(("([^"\\[:cntrl:]]|\\["\\/bfnrt])*"|-?[0-9]{1,100}(\.[0-9]{1,100})?|true|false|null)(, ("([^"\\[:cntrl:]]|\\["\\/bfnrt])*"|-?[0-9]{1,100}(\.[0-9]{1,100})?|true|false|null))*)?\]$')
$outer$;
--> statement-breakpoint
-- A name that SQL takes without quotes, of the name of a field: lower case, letters and digits. Cut to what leaves room for a suffix.
CREATE FUNCTION sync.live_field_column(field text, room integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  made text := trim(BOTH '_' FROM regexp_replace(lower(field), '[^a-z0-9[:alpha:]]+', '_', 'g'));
BEGIN
  IF made = '' THEN made := 'field'; END IF;
  IF made ~ '^[0-9]' THEN made := 'field_' || made; END IF;
  IF made IN ('id', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid') THEN made := made || '_field'; END IF;
  made := left(made, 63 - room);
  WHILE octet_length(made) > 63 - room LOOP made := left(made, -1); END LOOP;
  RETURN made;
END $$;
--> statement-breakpoint
-- The tables with user-defined fields, what the key of their view of fields is called, and the context of their definitions.
CREATE FUNCTION sync.live_field_owners() RETURNS TABLE (owner_type text, key text, context text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  VALUES ('clients', 'client_id', 'client'), ('crm_opportunities', 'crm_opportunity_id', 'crm_opportunity'),
    ('products', 'product_id', 'product'), ('project_contacts', 'project_contact_id', 'project_contact'),
    ('project_governances', 'project_governance_id', 'governance'),
    ('project_locations', 'project_location_id', 'service_location'), ('projects', 'project_id', 'project')
$$;
--> statement-breakpoint
-- Which fields there are now: those that are defined, and those that a record has. A field keeps its column for ever, so that no
-- name moves as others come. Writes only what differs.
CREATE FUNCTION sync.note_live_fields(the_owner text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  owner record;
  fields jsonb;
  field record;
  made text;
  suffix integer;
BEGIN
  SELECT * INTO owner FROM sync.live_field_owners() o WHERE o.owner_type = the_owner;
  IF NOT FOUND THEN RETURN; END IF;
  WITH every AS (
    SELECT d.name, d.label, d.variable_type AS kind, CASE WHEN d.active IS NOT false THEN 0 ELSE 1 END AS rank, d.position AS place
    FROM scopestack.project_variables d
    WHERE d.sync_deleted_at IS NULL AND d.variable_context = owner.context AND octet_length(d.name) <= 1000
    UNION ALL
    SELECT v.name, v.label, v.type, 2, min(v.position) FROM scopestack.user_defined_values v
    WHERE v.owner_type = owner.owner_type GROUP BY 1, 2, 3
  ), one AS (
    SELECT DISTINCT ON (name COLLATE "C") name, label, sync.live_field_type(kind) AS type, place FROM every
    ORDER BY name COLLATE "C", rank, kind IS NULL, place, label COLLATE "C", kind COLLATE "C"
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'label', label, 'type', type) ORDER BY place, name COLLATE "C"), '[]')
  INTO fields FROM one;
  -- Also a statement that finds no row to write takes a lock, which a backup or an administrator may hold off.
  IF NOT EXISTS (
    SELECT FROM jsonb_to_recordset(fields) AS g(name text, label text, type text)
    FULL JOIN (SELECT f.* FROM sync.live_fields f WHERE f.owner_type = owner.owner_type AND f.gone_at IS NULL) f ON f.name = g.name
    WHERE f.name IS NULL OR g.name IS NULL OR (f.type, f.label) IS DISTINCT FROM (g.type, g.label))
  THEN
    RETURN;
  END IF;
  UPDATE sync.live_fields f SET gone_at = now()
  WHERE f.owner_type = owner.owner_type AND f.gone_at IS NULL
    AND NOT EXISTS (SELECT FROM jsonb_to_recordset(fields) AS g(name text) WHERE g.name = f.name);
  UPDATE sync.live_fields f SET type = g.type, label = g.label, gone_at = NULL
  FROM jsonb_to_recordset(fields) AS g(name text, label text, type text)
  WHERE f.owner_type = owner.owner_type AND f.name = g.name AND (f.type, f.label, f.gone_at) IS DISTINCT FROM (g.type, g.label, NULL);
  FOR field IN
    SELECT g.name, g.label, g.type FROM jsonb_array_elements(fields) WITH ORDINALITY AS e(one, nth)
    CROSS JOIN LATERAL jsonb_to_record(e.one) AS g(name text, label text, type text)
    WHERE NOT EXISTS (SELECT FROM sync.live_fields f WHERE f.owner_type = owner.owner_type AND f.name = g.name)
    ORDER BY e.nth
  LOOP
    made := sync.live_field_column(field.name, 0);
    suffix := 1;
    WHILE made = owner.key OR EXISTS (SELECT FROM sync.live_fields f WHERE f.owner_type = owner.owner_type AND f.column_name = made) LOOP
      suffix := suffix + 1;
      made := sync.live_field_column(field.name, length('_' || suffix)) || '_' || suffix;
    END LOOP;
    INSERT INTO sync.live_fields (owner_type, name, column_name, type, label, place)
    SELECT owner.owner_type, field.name, made, field.type, field.label, count(*) + 1 FROM sync.live_fields f WHERE f.owner_type = owner.owner_type
    ON CONFLICT DO NOTHING;
  END LOOP;
END $$;
--> statement-breakpoint
-- What the views are to be: columns as [{name, type, expression, comment, field}], the rest of the statement, and the tables it reads
-- by their oids, since a table of the same name may take the place of another.
CREATE FUNCTION sync.wanted_live_views(the_table text, leaving text[])
RETURNS TABLE (name text, table_name text, columns jsonb, source text, base regclass, reads text, comment text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH mirrored AS (
    SELECT c.oid, c.relname::text AS name
    FROM sync.captured m JOIN pg_class c ON c.oid = to_regclass(m.relation)
    WHERE c.relkind IN ('r', 'p') AND EXISTS (
      SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'sync_deleted_at' AND NOT a.attisdropped)
  ), plain AS (
    SELECT oid, name, 't.sync_deleted_at IS NULL' AS living FROM mirrored
    UNION ALL
    SELECT to_regclass('scopestack.user_defined_values'), 'user_defined_values', 'true'
  )
  SELECT p.name, p.name, (
      SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
        'expression', format('t.%I', a.attname), 'comment', col_description(a.attrelid, a.attnum)) ORDER BY a.attnum)
      FROM pg_attribute a
      WHERE a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (leaving)
        AND (a.attname !~ '^sync_' OR a.attname = 'sync_changed_at')
        -- What has another name by now.
        AND NOT EXISTS (
          SELECT FROM sync.relations r JOIN pg_attribute b ON b.attrelid = p.oid AND b.attname = r.column_name AND NOT b.attisdropped
          WHERE r.table_name = p.name AND a.attname = ANY (r.replaces))),
    format('FROM %s AS t WHERE %s', p.oid::regclass, p.living), p.oid, p.oid::text, obj_description(p.oid, 'pg_class')
  FROM plain p WHERE (the_table IS NULL OR p.name = the_table) AND p.oid IS NOT NULL
  UNION ALL
  SELECT r.link_view, r.table_name,
    jsonb_build_array(
      jsonb_build_object('name', r.link_key, 'type', 'text', 'expression', 't.id',
        'comment', format('The row of %s (%s.id).', r.table_name, r.table_name)),
      jsonb_build_object('name', r.link_target_key, 'type', 'text', 'expression', 'r.id',
        'comment', format('The row of %s (%s.id).', r.target_table, r.target_table)))
      || CASE WHEN r.target_column = 'id' THEN '[]' ELSE jsonb_build_array(jsonb_build_object(
        'name', regexp_replace(r.link_target_key, '_id$', '') || '_' || r.target_column, 'type', 'text',
        'expression', format('r.%I', r.target_column), 'comment', format('As it stands in %s.%s.', r.table_name, r.column_name))) END,
    -- A set: a key that is there twice is one pair.
    format('FROM %s AS t CROSS JOIN LATERAL (SELECT DISTINCT u.key FROM unnest(t.%I) AS u(key)) AS l JOIN %s AS r ON r.%I = l.key WHERE t.sync_deleted_at IS NULL AND r.sync_deleted_at IS NULL',
      o.oid::regclass, r.column_name, g.oid::regclass, r.target_column),
    o.oid, o.oid || ' ' || g.oid,
    format('One row for each pair of %s and %s that %s.%s names, both living.', r.table_name, r.target_table, r.table_name, r.column_name)
  FROM sync.relations r JOIN mirrored o ON o.name = r.table_name JOIN mirrored g ON g.name = r.target_table
  WHERE r.link_view IS NOT NULL AND r.column_name <> ALL (leaving) AND (the_table IS NULL OR r.table_name = the_table)
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = o.oid AND a.attname = r.column_name AND a.atttypid = 'text[]'::regtype AND NOT a.attisdropped)
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = g.oid AND a.attname = r.target_column AND a.atttypid = 'text'::regtype AND NOT a.attisdropped)
  UNION ALL
  -- A view has at most 1,664 columns.
  SELECT w.owner_type || '_fields', w.owner_type,
    jsonb_build_array(jsonb_build_object('name', w.key, 'type', 'text', 'expression', 't.id', 'comment', format('The row of %s (%s.id).', w.owner_type, w.owner_type)))
      || coalesce((
        SELECT jsonb_agg(jsonb_build_object('name', f.column_name, 'type', f.type, 'expression', sync.live_field_expression(f.name, f.type),
          'comment', format('User-defined field %s (%s); null where it is not filled in%s.', to_jsonb(coalesce(nullif(f.label, ''), f.name)), f.name,
            CASE f.type WHEN 'text' THEN '' ELSE ', or where its value is no ' || CASE f.type WHEN 'numeric' THEN 'number' WHEN 'text[]' THEN 'list' ELSE f.type END END),
          'field', f.name) ORDER BY f.place)
        FROM (SELECT * FROM sync.live_fields f WHERE f.owner_type = w.owner_type AND f.gone_at IS NULL ORDER BY f.place LIMIT 1000) f), '[]'),
    format('FROM %s AS t LEFT JOIN scopestack.user_defined_values AS v ON v.owner_type = %L AND v.owner_id = t.id WHERE t.sync_deleted_at IS NULL GROUP BY t.id', o.oid::regclass, w.owner_type),
    o.oid, o.oid || ' ' || to_regclass('scopestack.user_defined_values')::oid,
    format('One row per row of %s, with a column for each user-defined field; the same values as in user_defined_values.', w.owner_type)
  FROM sync.live_field_owners() w JOIN mirrored o ON o.name = w.owner_type
  WHERE (the_table IS NULL OR w.owner_type = the_table) AND to_regclass('scopestack.user_defined_values') IS NOT NULL
$$;
--> statement-breakpoint
-- Whether a view is there as it was made last, and as it is asked for. Takes no lock: pg_get_viewdef would wait for one.
CREATE FUNCTION sync.live_view_stands(the_name text, the_asked text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM sync.live_views l
    JOIN pg_class c ON c.oid = l.relation AND c.relname = l.name AND c.relkind = 'v' AND 'security_invoker=true' = ANY (c.reloptions)
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'scopestack_live'
    JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename = '_RETURN'
    WHERE l.name = the_name AND l.asked = the_asked AND l.kept = md5(r.ev_action::text))
$$;
--> statement-breakpoint
CREATE FUNCTION sync.live_view_statement(the_name text, columns jsonb, source text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT format('VIEW scopestack_live.%I WITH (security_invoker = true) AS SELECT %s %s', the_name,
    string_agg(format('%s AS %I', e.one ->> 'expression', e.one ->> 'name'), ', ' ORDER BY e.nth), source)
  FROM jsonb_array_elements(columns) WITH ORDINALITY AS e(one, nth)
$$;
--> statement-breakpoint
-- The columns that a view must keep because others are made of it: in their places; those that are wanted no more are null there,
-- those of another type have another name.
CREATE FUNCTION sync.keep_live_columns(view regclass, wanted jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held record;
  match jsonb;
  kept jsonb := '[]';
  given text;
  renamed text;
  former text;
BEGIN
  FOR held IN
    SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type, col_description(a.attrelid, a.attnum) AS comment
    FROM pg_attribute a WHERE a.attrelid = view AND a.attnum > 0 ORDER BY a.attnum
  LOOP
    SELECT e.one INTO match FROM jsonb_array_elements(wanted) AS e(one) WHERE e.one ->> 'name' = held.name;
    IF match ->> 'type' = held.type THEN
      kept := kept || jsonb_build_array(match);
      CONTINUE;
    END IF;
    -- Kept for a former type already: it goes on to show the column that it was, which has a name of its own.
    former := CASE WHEN match IS NULL THEN substring(held.comment FROM '^As (.*) was before its type changed: kept for') END;
    IF former IS NOT NULL THEN
      SELECT e.one INTO match FROM jsonb_array_elements(wanted) AS e(one) WHERE e.one ->> 'name' = former;
    END IF;
    given := format('NULL::%s', held.type);
    renamed := held.name;
    IF match ->> 'type' = held.type THEN
      given := match ->> 'expression';
    ELSIF match IS NOT NULL THEN
      IF match ? 'field' AND held.type IN ('text', 'numeric', 'date', 'boolean', 'text[]') THEN
        given := sync.live_field_expression(match ->> 'field', held.type);
      ELSIF held.type = 'text' THEN
        given := format('(%s)::text', match ->> 'expression');
      END IF;
    END IF;
    IF match IS NOT NULL AND former IS NULL THEN
      renamed := left(held.name, 40) || '_as_' || regexp_replace(held.type, '[^a-z]+', '', 'g');
      WHILE EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = view AND a.attname = renamed) OR wanted @> jsonb_build_array(jsonb_build_object('name', renamed)) LOOP
        renamed := renamed || '_';
      END LOOP;
      EXECUTE format('ALTER VIEW %s RENAME COLUMN %I TO %I', view, held.name, renamed);
    END IF;
    kept := kept || jsonb_build_array(jsonb_build_object('name', renamed, 'type', held.type, 'expression', given, 'comment',
      CASE WHEN match IS NULL AND former IS NULL THEN 'No longer there, and null: kept for the views that are made of this one.'
        ELSE format('As %s was before its type changed: kept for the views that are made of this one.', coalesce(former, held.name)) END));
  END LOOP;
  RETURN kept || coalesce((
    SELECT jsonb_agg(e.one ORDER BY e.nth) FROM jsonb_array_elements(wanted) WITH ORDINALITY AS e(one, nth)
    WHERE NOT kept @> jsonb_build_array(jsonb_build_object('name', e.one -> 'name'))), '[]');
END $$;
--> statement-breakpoint
-- Makes one view, or brings it up to date. A column can only be added at the end. For all else the view is made anew, with the
-- rights that were given on it; where other views are made of it, it keeps the columns that they may read.
CREATE FUNCTION sync.make_live_view(the_name text, columns jsonb, source text, base regclass) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  view regclass := to_regclass(format('scopestack_live.%I', the_name));
  kind "char";
  rights aclitem[];
  right_given record;
  ordered jsonb;
  is_new boolean := view IS NULL;
BEGIN
  IF NOT is_new THEN
    SELECT c.relkind, c.relacl INTO kind, rights FROM pg_class c WHERE c.oid = view;
    IF kind <> 'v' THEN
      RAISE EXCEPTION '% is no view, but something else of that name. Rename it, or drop it', view USING ERRCODE = 'wrong_object_type';
    END IF;
    -- What is there, in its order, where all of it is still wanted; then what is new.
    SELECT jsonb_agg(e.one ORDER BY a.attnum NULLS LAST, e.nth) INTO ordered
    FROM jsonb_array_elements(columns) WITH ORDINALITY AS e(one, nth)
    LEFT JOIN pg_attribute a ON a.attrelid = view AND a.attnum > 0 AND a.attname = e.one ->> 'name' AND format_type(a.atttypid, a.atttypmod) = e.one ->> 'type';
    IF EXISTS (
      SELECT FROM pg_attribute a WHERE a.attrelid = view AND a.attnum > 0 AND NOT ordered @> jsonb_build_array(
        jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))))
    THEN
      BEGIN
        -- Triggers, rules and rights on columns would go with it.
        IF EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = view) OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = view AND r.rulename <> '_RETURN')
          OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = view AND a.attacl IS NOT NULL)
        THEN
          RAISE dependent_objects_still_exist;
        END IF;
        EXECUTE format('DROP VIEW %s', view);
        is_new := true;
        ordered := columns;
      EXCEPTION WHEN dependent_objects_still_exist THEN
        ordered := sync.keep_live_columns(view, columns);
      END;
    END IF;
  END IF;
  EXECUTE 'CREATE OR REPLACE ' || sync.live_view_statement(the_name, coalesce(ordered, columns), source);
  IF NOT is_new THEN RETURN ordered; END IF;
  -- Who may read the table may read the view, which shows no more than the table does.
  FOR right_given IN
    SELECT DISTINCT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
    FROM aclexplode(coalesce(rights, (SELECT c.relacl FROM pg_class c WHERE c.oid = base))) a
    WHERE a.grantee <> (SELECT c.relowner FROM pg_class c WHERE c.oid = base) AND (rights IS NOT NULL OR a.privilege_type = 'SELECT')
  LOOP
    EXECUTE format('GRANT %s ON scopestack_live.%I TO %s', right_given.privilege_type, the_name, right_given.grantee);
  END LOOP;
  RETURN coalesce(ordered, columns);
END $$;
--> statement-breakpoint
-- So that the next run tries it again. Waits for who makes views just now: unnoted, a view would stay as it is until its table changes.
CREATE FUNCTION sync.note_live_problem(the_view text, the_table text, the_problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
BEGIN
  INSERT INTO sync.live_views AS l (name, table_name, problem, problem_since) VALUES (the_view, the_table, the_problem, now())
  ON CONFLICT (name) DO UPDATE SET problem = excluded.problem, problem_since = coalesce(l.problem_since, excluded.problem_since);
EXCEPTION WHEN OTHERS THEN
  NULL;
END $$;
--> statement-breakpoint
-- Brings the views of schema scopestack_live up to date: of one table, or of all. Returns what was made or could not be made; no row and
-- no lock where all is right. A view that is being read just now is left for the next call, so that no reader waits for long and no
-- run for a reader.
CREATE FUNCTION sync.follow_live_views(the_table text, leaving text[]) RETURNS TABLE (view_name text, outcome text, problem text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
  want record;
  owner text;
  made jsonb;
  named text;
  wrong record;
  -- Owners whose fields could not be noted, and why: their view seems right and is not.
  unknown jsonb := '{}';
BEGIN
  FOR owner IN SELECT o.owner_type FROM sync.live_field_owners() o WHERE the_table IS NULL OR o.owner_type = the_table LOOP
    BEGIN
      PERFORM sync.note_live_fields(owner);
    EXCEPTION WHEN OTHERS THEN
      RETURN QUERY SELECT owner || '_fields', 'failed', SQLERRM;
      unknown := unknown || jsonb_build_object(owner, SQLERRM);
    END;
  END LOOP;
  FOR want IN
    SELECT w.*, md5(concat_ws(E'\n', w.reads, w.source, (SELECT jsonb_agg(c.one - 'comment' ORDER BY c.nth) FROM jsonb_array_elements(w.columns) WITH ORDINALITY AS c(one, nth))::text)) AS asked
    FROM sync.wanted_live_views(the_table, leaving) w
  LOOP
    view_name := want.name;
    problem := NULL;
    outcome := NULL;
    named := format('scopestack_live.%I', want.name);
    made := want.columns;
    BEGIN
      IF NOT sync.live_view_stands(want.name, want.asked) THEN
        -- One at a time, or two would make the same.
        LOCK TABLE sync.live_views IN SHARE ROW EXCLUSIVE MODE;
        outcome := CASE WHEN to_regclass(named) IS NULL THEN 'made' ELSE 'changed' END;
        made := sync.make_live_view(want.name, want.columns, want.source, want.base);
        INSERT INTO sync.live_views AS l (name, table_name, relation, asked, kept)
        SELECT want.name, want.table_name, r.ev_class, want.asked, md5(r.ev_action::text) FROM pg_rewrite r
        WHERE r.ev_class = to_regclass(named) AND r.rulename = '_RETURN'
        ON CONFLICT (name) DO UPDATE SET table_name = excluded.table_name, relation = excluded.relation, asked = excluded.asked, kept = excluded.kept;
      END IF;
      FOR wrong IN
        SELECT a.attname, c.one ->> 'comment' AS comment FROM jsonb_array_elements(made) AS c(one)
        JOIN pg_attribute a ON a.attrelid = to_regclass(named) AND a.attname = c.one ->> 'name'
        WHERE c.one ->> 'comment' IS DISTINCT FROM col_description(a.attrelid, a.attnum)
      LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', named, wrong.attname, wrong.comment);
      END LOOP;
      IF want.comment IS DISTINCT FROM obj_description(to_regclass(named), 'pg_class') THEN
        EXECUTE format('COMMENT ON VIEW %s IS %L', named, want.comment);
      END IF;
      IF EXISTS (SELECT FROM sync.live_views l WHERE l.name = want.name AND l.problem IS NOT NULL) THEN
        UPDATE sync.live_views l SET problem = NULL, problem_since = NULL WHERE l.name = want.name;
      END IF;
    EXCEPTION WHEN OTHERS THEN
      problem := SQLERRM;
      outcome := CASE SQLSTATE WHEN '55P03' THEN 'busy' ELSE 'failed' END;
      PERFORM sync.note_live_problem(want.name, want.table_name, problem);
    END;
    IF outcome IS NOT NULL THEN RETURN NEXT; END IF;
  END LOOP;
  FOR want IN SELECT u.key, u.value FROM jsonb_each_text(unknown) u LOOP
    PERFORM sync.note_live_problem(want.key || '_fields', want.key, want.value);
  END LOOP;
END $$;
--> statement-breakpoint
-- Also for a role that works and owns nothing: it only ever makes what the tables ask for.
CREATE FUNCTION sync.refresh_live_views(the_table text DEFAULT NULL) RETURNS TABLE (view_name text, outcome text, problem text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT * FROM sync.follow_live_views(the_table, '{}')
$$;
--> statement-breakpoint
-- Before a column of a table is dropped, or given another type, which a view of it prevents: takes it out of the views. For the owner
-- of the table. sync.refresh_live_views brings back what is there then.
CREATE FUNCTION sync.release_live_columns(the_table text, leaving text[]) RETURNS TABLE (view_name text, outcome text, problem text)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT * FROM sync.follow_live_views(the_table, leaving)
$$;
--> statement-breakpoint
-- As before, and the living views. What is made later is granted when it is made: to who may read the table.
CREATE OR REPLACE FUNCTION sync.grant_reader(the_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA scopestack TO %s', the_role);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA scopestack TO %s', the_role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA scopestack GRANT SELECT ON TABLES TO %s', the_role);
  EXECUTE format('REVOKE ALL ON scopestack.pending_changes, scopestack.new_ids FROM %s', the_role);
  EXECUTE format('GRANT USAGE ON SCHEMA scopestack_live TO %s', the_role);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA scopestack_live TO %s', the_role);
END $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION sync.live_field_type, sync.live_field_expression, sync.live_field_column, sync.live_field_owners, sync.note_live_fields,
  sync.wanted_live_views, sync.live_view_stands, sync.live_view_statement, sync.keep_live_columns, sync.make_live_view, sync.note_live_problem, sync.follow_live_views,
  sync.refresh_live_views, sync.release_live_columns, sync.make_live_schema FROM PUBLIC;
--> statement-breakpoint
-- A role that works and owns nothing, which is one that may write the outbox.
DO $$
DECLARE
  the_grantee regrole;
BEGIN
  FOR the_grantee IN
    SELECT DISTINCT a.grantee FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.oid = 'sync.outbox'::regclass AND a.privilege_type = 'INSERT' AND a.grantee NOT IN (0, c.relowner)
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION sync.refresh_live_views TO %s', the_grantee);
  END LOOP;
END $$;
--> statement-breakpoint
-- Which columns join which tables, for people and for tools that cannot see the catalog. It has its owner's rights, as schema sync
-- is closed to readers.
CREATE VIEW scopestack.relations AS
SELECT r.table_name, r.column_name, r.target_table, r.target_column, r.cardinality, r.confidence, r.link_view,
  EXISTS (
    SELECT FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
    WHERE k.contype = 'f' AND k.conrelid = pg_catalog.to_regclass(format('scopestack.%I', r.table_name))
      AND k.confrelid = pg_catalog.to_regclass(format('scopestack.%I', r.target_table)) AND a.attname = r.column_name) AS is_foreign_key
FROM sync.relations r
-- A column that the account had for a while may be gone.
WHERE EXISTS (
  SELECT FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = pg_catalog.to_regclass(format('scopestack.%I', r.table_name)) AND a.attname = r.column_name AND NOT a.attisdropped);
--> statement-breakpoint
CREATE TRIGGER read_only INSTEAD OF INSERT OR UPDATE OR DELETE ON scopestack.relations FOR EACH ROW
EXECUTE FUNCTION sync.refuse_edits('scopestack.relations shows what the program knows of the tables, and cannot be edited.');
--> statement-breakpoint
COMMENT ON VIEW scopestack.relations IS 'One row for each column of the mirror that holds keys of another table. Ids that are keys elsewhere, as in the CRM, are not among them.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.relations.table_name IS 'Table that holds the key.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.relations.column_name IS 'Its column; an array where cardinality is to-many.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.relations.target_table IS 'Table that it is a key of. It may lack the row: deleted, not to be seen by the service account, or not read yet.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.relations.target_column IS 'id, or name where the column holds names.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.relations.cardinality IS 'to-one, or to-many.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.relations.confidence IS 'How sure it is, from what is known of ScopeStack: high, medium or low.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.relations.link_view IS 'Of a to-many: the view of scopestack_live with a row for each pair.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.relations.is_foreign_key IS 'True where Postgres has a foreign key for it: from PostgreSQL 18, not enforced, so that tools see it and no load waits for it.';
