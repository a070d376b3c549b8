-- History: what rows of the mirror were before, for the tables of SYNC_HISTORY. Of a version that stands only its beginning and its
-- cause are kept; the row is in the mirror, and becomes JSON when it changes. So a first load writes 100 bytes a row more, and an
-- unchanged run nothing. Triggers note whoever changes a row, a load, a push, an edit, a delete, in the same statement.
-- JSON, since columns come and go at run time (ScopeStack's new members): a version keeps what its row had. As typed columns it was
-- as large, and a table would have to follow each change of another one.
-- Rejected: only what differs from the next version. It is a tenth of the size, and one change that no trigger saw (a restore with
-- --disable-triggers) would alter every version before it.
DO $$
BEGIN
  -- IF NOT EXISTS would need the right to create schemas also where an administrator has made it.
  IF to_regnamespace('scopestack_history') IS NULL THEN CREATE SCHEMA scopestack_history; END IF;
END $$;
--> statement-breakpoint
CREATE TABLE "scopestack_history"."current_versions" (
	"table_name" text NOT NULL,
	"id" text NOT NULL,
	"valid_from" timestamp with time zone NOT NULL,
	"cause" text NOT NULL,
	"run_id" bigint,
	"changed_by" text,
	"txid" bigint NOT NULL,
	CONSTRAINT "current_versions_table_name_id_pk" PRIMARY KEY("table_name","id")
);
--> statement-breakpoint
CREATE TABLE "scopestack_history"."past_versions" (
	"table_name" text NOT NULL,
	"id" text NOT NULL,
	"valid_from" timestamp with time zone NOT NULL,
	"valid_to" timestamp with time zone NOT NULL,
	"cause" text NOT NULL,
	"run_id" bigint,
	"changed_by" text,
	"ended_by" text NOT NULL,
	"row" jsonb NOT NULL,
	"stage" text GENERATED ALWAYS AS (left(coalesce("row" ->> 'status', "row" ->> 'stage'), 200)) STORED,
	"amount" numeric GENERATED ALWAYS AS (case when jsonb_typeof(coalesce("row" -> 'contract_revenue', "row" -> 'amount')) = 'number' and octet_length(coalesce("row" ->> 'contract_revenue', "row" ->> 'amount')) <= 60 then coalesce("row" -> 'contract_revenue', "row" -> 'amount')::numeric end) STORED,
	"archived" boolean GENERATED ALWAYS AS ("row" -> 'active' = 'false') STORED,
	"living" boolean GENERATED ALWAYS AS (("row" ->> 'sync_deleted_at') is null) STORED,
	CONSTRAINT "past_versions_table_name_id_valid_from_pk" PRIMARY KEY("table_name","id","valid_from"),
	CONSTRAINT "past_versions_last" CHECK (valid_from < valid_to)
);
--> statement-breakpoint
CREATE TABLE "scopestack_history"."recorded" (
	"table_name" text NOT NULL,
	"valid_from" timestamp with time zone NOT NULL,
	"valid_to" timestamp with time zone,
	"kept_from" timestamp with time zone NOT NULL,
	"note" text,
	"columns" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"renamed" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "recorded_table_name_valid_from_pk" PRIMARY KEY("table_name","valid_from")
);
--> statement-breakpoint
-- drizzle-kit has no INCLUDE. What reports on the past read is in the index: 20 MB where the table has 600.
CREATE INDEX "past_versions_valid_to_idx" ON "scopestack_history"."past_versions" USING btree ("table_name","valid_to")
  INCLUDE ("id","valid_from","cause","stage","amount","archived","living");--> statement-breakpoint
CREATE UNIQUE INDEX "recorded_one_open_idx" ON "scopestack_history"."recorded" USING btree ("table_name") WHERE valid_to is null;
--> statement-breakpoint
-- The beginning of a version is changed in place, which leaves its index alone.
ALTER TABLE scopestack_history.current_versions SET (fillfactor = 80);
--> statement-breakpoint
COMMENT ON SCHEMA scopestack_history IS 'What rows of schema scopestack were before: a view of versions for each recorded table. scopestack.as_of gives a table as it was.';
--> statement-breakpoint
COMMENT ON TABLE scopestack_history.recorded IS 'One row per table and time for which its versions are recorded (SYNC_HISTORY).';
--> statement-breakpoint
COMMENT ON COLUMN scopestack_history.recorded.table_name IS 'Table of schema scopestack.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack_history.recorded.valid_from IS 'When recording began; what stood then are the first versions.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack_history.recorded.valid_to IS 'When it was switched off; null while it is on.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack_history.recorded.kept_from IS 'Every moment since can be asked for: older versions were deleted (SYNC_HISTORY_DAYS).';
--> statement-breakpoint
COMMENT ON COLUMN scopestack_history.recorded.note IS 'What is missing at its end, where triggers had been dropped or disabled; null when nothing is.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack_history.recorded.columns IS 'Columns of the table by their number.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack_history.recorded.renamed IS 'Where older versions have the value of a column: its former names; in sync_extra, below the name of its member.';
--> statement-breakpoint
COMMENT ON TABLE scopestack_history.current_versions IS 'Since when and why a row stands as it does. Read the view of its table instead.';
--> statement-breakpoint
COMMENT ON TABLE scopestack_history.past_versions IS 'Versions that ended, of all tables, each as JSON. Read the view of its table instead.';
--> statement-breakpoint
-- Ends every version that stands, with its row; or only those of rows that did not change since.
CREATE FUNCTION sync.end_versions(relation oid, since timestamptz, moment timestamptz, why text, unchanged_since timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off SET TimeZone = 'UTC' AS $$
DECLARE
  me text;
BEGIN
  SELECT c.relname::text INTO me FROM pg_class c WHERE c.oid = relation;
  EXECUTE format('INSERT INTO scopestack_history.past_versions (table_name, id, valid_from, valid_to, cause, run_id, changed_by, ended_by, "row")
    SELECT $1, m.id, v.since, greatest($3, v.since + interval ''1 microsecond''), coalesce(c.cause, ''first''), c.run_id, c.changed_by, $4, to_jsonb(m)
    FROM scopestack.%I m LEFT JOIN scopestack_history.current_versions c ON c.table_name = $1 AND c.id = m.id
    CROSS JOIN LATERAL (SELECT coalesce(c.valid_from, $2) AS since) AS v
    WHERE octet_length(m.id) <= 1000 AND ($5 IS NULL OR m.sync_changed_at <= $5 AND v.since <= $5)', me) USING me, since, moment, why, unchanged_since;
  DELETE FROM scopestack_history.current_versions c WHERE c.table_name = me;
END $$;
--> statement-breakpoint
-- Notes what changed, in the statement that changes it. The moment is that of the statement and not of its transaction: one that
-- was open for long would put its changes before others that were seen first. It never goes back for one row, whatever the clock does.
-- That a load only signed URLs anew is said by the loader (sync.history = quiet).
CREATE FUNCTION sync.keep_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET TimeZone = 'UTC' AS $$
DECLARE
  -- A text as the column is one, whose index would not be used for a name.
  me constant text := TG_TABLE_NAME;
  this constant bigint := pg_current_xact_id()::text::bigint;
  -- A load, or a push: the setting counts only for roles that may write the outbox, as in sync.capture.
  is_ours constant boolean := coalesce(current_setting('sync.origin', true), '') = 'pull'
    AND has_table_privilege(session_user, 'sync.outbox'::regclass, 'INSERT')
    AND CASE current_setting('role') WHEN 'none' THEN true ELSE has_table_privilege(current_setting('role')::name, 'sync.outbox'::regclass, 'INSERT') END;
  setting constant text := CASE WHEN is_ours THEN coalesce(current_setting('sync.history', true), '') ELSE '' END;
  why constant text := CASE WHEN NOT is_ours THEN 'edit' WHEN setting = 'push' THEN 'push' ELSE 'pull' END;
  run constant bigint := CASE WHEN setting ~ '^run [0-9]{1,18}$' THEN substr(setting, 5)::bigint END;
  who constant text := CASE WHEN NOT is_ours THEN session_user END;
  moment constant timestamptz := clock_timestamp();
  since timestamptz;
BEGIN
  IF TG_RELID IS DISTINCT FROM to_regclass(format('scopestack.%I', me))::oid THEN
    RAISE EXCEPTION 'The triggers of history belong to the tables of schema scopestack and run for no other.';
  END IF;
  SELECT r.valid_from INTO since FROM scopestack_history.recorded r WHERE r.table_name = me AND r.valid_to IS NULL;
  IF since IS NULL THEN RETURN NULL; END IF;
  IF TG_OP = 'INSERT' THEN
    -- Versions are in a dump by themselves.
    IF sync.is_restored() THEN RETURN NULL; END IF;
    -- A row that was there before begins again behind its end. Longer ids fit the key of their own table and not the longer ones here.
    INSERT INTO scopestack_history.current_versions AS c (table_name, id, valid_from, cause, run_id, changed_by, txid)
    SELECT me, n.id, greatest(moment, (SELECT max(p.valid_to) FROM scopestack_history.past_versions p WHERE p.table_name = me AND p.id = n.id)),
      why, run, who, this
    FROM new_rows n WHERE octet_length(n.id) <= 1000
    ON CONFLICT (table_name, id) DO UPDATE SET valid_from = excluded.valid_from, cause = excluded.cause, run_id = excluded.run_id,
      changed_by = excluded.changed_by, txid = excluded.txid;
  ELSIF TG_OP = 'UPDATE' THEN
    IF setting = 'quiet' THEN RETURN NULL; END IF;
    -- Other digests mean other values; the rest is compared without what is kept by scopestack-sync. The plan is the session's: made
    -- anew for each statement it cost half a millisecond.
    WITH changed AS MATERIALIZED (
      SELECT o.id AS old_id, n.id AS new_id, to_jsonb(o) AS "row", coalesce(c.valid_from, since) AS valid_from,
        coalesce(c.cause, 'first') AS cause, c.run_id, c.changed_by,
        c.txid = this AND c.valid_from >= transaction_timestamp() AS is_unseen,
        greatest(moment, coalesce(c.valid_from, since) + interval '1 microsecond') AS changed_at,
        CASE WHEN n.sync_deleted_at IS NOT NULL AND o.sync_deleted_at IS NULL THEN 'delete' ELSE why END AS new_cause
      FROM old_rows o FULL JOIN new_rows n ON n.id = o.id
      LEFT JOIN scopestack_history.current_versions c ON c.table_name = me AND c.id = o.id
      WHERE octet_length(coalesce(n.id, o.id)) <= 1000 AND CASE WHEN o.id IS NULL OR n.id IS NULL THEN true
        WHEN o.sync_hash <> n.sync_hash AND o.sync_hash <> '' AND n.sync_hash <> '' THEN true
        WHEN NOT record_image_ne(o, n) THEN false
        ELSE to_jsonb(o) - '{sync_hash,sync_changed_at}'::text[] <> to_jsonb(n) - '{sync_hash,sync_changed_at}'::text[] END
    ), past AS (
      INSERT INTO scopestack_history.past_versions (table_name, id, valid_from, valid_to, cause, run_id, changed_by, ended_by, "row")
      SELECT me, h.old_id, h.valid_from, h.changed_at, h.cause, h.run_id, h.changed_by, h.new_cause, h."row"
      FROM changed h WHERE h.old_id IS NOT NULL AND h.is_unseen IS NOT TRUE
    ), gone AS (
      DELETE FROM scopestack_history.current_versions c USING changed h WHERE c.table_name = me AND c.id = h.old_id AND h.new_id IS NULL
    )
    INSERT INTO scopestack_history.current_versions AS c (table_name, id, valid_from, cause, run_id, changed_by, txid)
    SELECT me, h.new_id, CASE WHEN h.is_unseen THEN h.valid_from WHEN h.old_id IS NOT NULL THEN h.changed_at
      ELSE greatest(moment, (SELECT max(p.valid_to) FROM scopestack_history.past_versions p WHERE p.table_name = me AND p.id = h.new_id)) END,
      h.new_cause, run, who, this
    FROM changed h WHERE h.new_id IS NOT NULL
    ON CONFLICT (table_name, id) DO UPDATE SET valid_from = excluded.valid_from, cause = excluded.cause, run_id = excluded.run_id,
      changed_by = excluded.changed_by, txid = excluded.txid;
  ELSIF TG_OP = 'DELETE' THEN
    WITH gone AS MATERIALIZED (
      SELECT o.id, to_jsonb(o) AS "row", coalesce(c.valid_from, since) AS valid_from, coalesce(c.cause, 'first') AS cause, c.run_id, c.changed_by,
        c.txid = this AND c.valid_from >= transaction_timestamp() AS is_unseen
      FROM old_rows o LEFT JOIN scopestack_history.current_versions c ON c.table_name = me AND c.id = o.id
      WHERE octet_length(o.id) <= 1000
    ), past AS (
      INSERT INTO scopestack_history.past_versions (table_name, id, valid_from, valid_to, cause, run_id, changed_by, ended_by, "row")
      SELECT me, g.id, g.valid_from, greatest(moment, g.valid_from + interval '1 microsecond'), g.cause, g.run_id, g.changed_by, 'delete', g."row"
      FROM gone g WHERE g.is_unseen IS NOT TRUE
    ), ended AS (
      -- Changed and deleted in one transaction: what was seen last ended by the delete.
      UPDATE scopestack_history.past_versions p SET ended_by = 'delete' FROM gone g
      WHERE g.is_unseen AND p.table_name = me AND p.id = g.id AND p.valid_to = g.valid_from
    )
    DELETE FROM scopestack_history.current_versions c USING gone g WHERE c.table_name = me AND c.id = g.id;
  ELSE
    PERFORM sync.end_versions(TG_RELID, since, moment, 'delete', NULL);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- A value as a type that is not known here: of a column that a user added. NULL where it does not fit.
CREATE FUNCTION scopestack_history.as_type(value jsonb, the_type anyelement) RETURNS anyelement
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('SELECT %s::%s', CASE jsonb_typeof(value) WHEN 'array' THEN 'ARRAY(SELECT jsonb_array_elements_text($1))::text' ELSE '($1 #>> ''{}'')' END,
    pg_typeof(the_type)) INTO the_type USING value;
  RETURN the_type;
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $$;
--> statement-breakpoint
-- The value of a column in a version, as SQL over p."row". What does not fit the type that the column has now is null, and no error: a
-- text that has become a number, say.
CREATE FUNCTION scopestack_history.value_of(the_column text, the_type oid, former text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- A key that is missing is NULL, one that is null is JSON's null.
  json text := format('p."row" -> %L', the_column);
  plain text := format('p."row" ->> %L', the_column);
  named constant text := format_type(the_type, NULL);
  one text;
BEGIN
  IF cardinality(former) > 0 THEN
    FOREACH one IN ARRAY former LOOP json := json || format(', p."row" #> %L', string_to_array(one, E'\n')); END LOOP;
    json := format('coalesce(%s)', json);
    plain := format('(%s) #>> ''{}''', json);
  END IF;
  RETURN CASE
    -- By its index.
    WHEN the_column = 'id' THEN 'p.id'
    WHEN named = 'text' THEN format('(%s)', plain)
    WHEN named = 'jsonb' THEN format('nullif(%s, ''null'')', json)
    WHEN named = 'boolean' THEN format('CASE WHEN (%1$s) IN (''true'', ''false'', ''t'', ''f'') THEN (%1$s)::boolean END', plain)
    WHEN named = 'numeric' THEN
      format('CASE WHEN jsonb_typeof(%1$s) = ''number'' THEN (%1$s)::numeric WHEN octet_length(%2$s) <= 800 AND (%2$s) ~ ''^[+-]?[0-9]+([.][0-9]+)?$|^NaN$'' THEN (%2$s)::numeric END', json, plain)
    WHEN named = 'bigint' THEN
      format('CASE WHEN jsonb_typeof(%1$s) = ''number'' THEN CASE WHEN abs((%1$s)::numeric) < 9223372036854775807 THEN (%1$s)::bigint END WHEN (%2$s) ~ ''^[+-]?[0-9]{1,18}$'' THEN (%2$s)::bigint END', json, plain)
    -- As a version has them. The rest that begins like a day, as February 29 and a text about one, is tried. A pattern for the time
    -- as well cost three times as much.
    WHEN named IN ('timestamp with time zone', 'timestamp without time zone', 'date') THEN
      format('CASE WHEN (%1$s) ~ ''^[1-9][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)(?:T[0-9:.+]*)?$|^-?infinity$'' THEN (%1$s)::%2$s WHEN (%1$s) ~ ''^[0-9]{4,6}-[0-9]{2}-[0-9]{2}'' THEN scopestack_history.as_type(%3$s, NULL::%2$s) END', plain, named, json)
    WHEN named = 'text[]' THEN format('CASE WHEN jsonb_typeof(%1$s) = ''array'' THEN ARRAY(SELECT e FROM jsonb_array_elements_text(%1$s) WITH ORDINALITY AS t(e, at) ORDER BY at) END', json)
    ELSE format('scopestack_history.as_type(%s, NULL::%s)', json, named) END;
END $$;
--> statement-breakpoint
-- Whether a table can be shown as it was then. A wrong answer would look like an empty table.
CREATE FUNCTION scopestack_history.is_recorded(the_table text, moment timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF moment IS NULL OR EXISTS (SELECT FROM scopestack_history.recorded r
    WHERE r.table_name = the_table AND r.kept_from <= moment AND (r.valid_to IS NULL OR moment < r.valid_to)) THEN RETURN true; END IF;
  RAISE EXCEPTION 'The history of scopestack.% does not hold %: it was recorded %. Name one of these times, or name the table in SYNC_HISTORY.', the_table, moment,
    coalesce((SELECT string_agg(format('from %s %s', r.kept_from, coalesce('to ' || r.valid_to, 'until now')), ', ' ORDER BY r.valid_from)
      FROM scopestack_history.recorded r WHERE r.table_name = the_table), 'never')
    USING ERRCODE = 'invalid_parameter_value';
END $$;
--> statement-breakpoint
-- Former names of a recorded table's columns.
CREATE FUNCTION scopestack_history.former_names(the_table text, the_column text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT array(SELECT jsonb_array_elements_text(r.renamed -> the_column) FROM scopestack_history.recorded r
    WHERE r.table_name = the_table AND r.valid_to IS NULL)
$$;
--> statement-breakpoint
-- select * from scopestack.as_of('2026-03-31', null::scopestack.projects)
CREATE FUNCTION scopestack.as_of(moment timestamptz, the_table anyelement) RETURNS SETOF anyelement
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  relation regclass;
  me text;
  now_columns text;
  then_columns text;
BEGIN
  SELECT c.oid::regclass, c.relname::text INTO relation, me FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.oid = pg_typeof(the_table)::oid AND c.relnamespace = 'scopestack'::regnamespace AND c.relkind IN ('r', 'p');
  IF relation IS NULL THEN
    RAISE EXCEPTION 'scopestack.as_of shows a table of schema scopestack as it was: scopestack.as_of(''2026-03-31'', null::scopestack.projects).'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM scopestack_history.is_recorded(me, moment);
  SELECT string_agg(format('m.%I', a.attname), ', ' ORDER BY a.attnum),
    string_agg(scopestack_history.value_of(a.attname::text, a.atttypid, scopestack_history.former_names(me, a.attname::text)), ', ' ORDER BY a.attnum)
  INTO now_columns, then_columns
  FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
  RETURN QUERY EXECUTE format('
    SELECT %1$s FROM %3$s m JOIN scopestack_history.recorded r ON r.table_name = $1 AND r.valid_to IS NULL
    LEFT JOIN scopestack_history.current_versions c ON c.table_name = $1 AND c.id = m.id WHERE coalesce(c.valid_from, r.valid_from) <= $2
    UNION ALL SELECT %2$s FROM scopestack_history.past_versions p WHERE p.table_name = $1 AND p.valid_from <= $2 AND p.valid_to > $2',
    now_columns, then_columns, relation) USING me, moment;
END $$;
--> statement-breakpoint
COMMENT ON FUNCTION scopestack.as_of IS 'A table as it was: select * from scopestack.as_of(''2026-03-31'', null::scopestack.projects). An error where its history does not hold that moment.';
--> statement-breakpoint
-- Columns of a table by their number: name, type, and whether a user added it. Where it differs from what is noted in
-- scopestack_history.recorded, the view is of other columns than the table.
CREATE FUNCTION scopestack_history.columns_of(the_table text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_object_agg(a.attnum, jsonb_build_array(a.attname, format_type(a.atttypid, NULL), k.read_only IS NOT NULL AND a.attname::text <> ALL (k.read_only)
    AND a.attname <> 'id' AND NOT starts_with(a.attname::text, 'sync_') AND NOT EXISTS (SELECT FROM jsonb_array_elements(k.columns) AS c WHERE c ->> 'name' = a.attname::text)
    AND NOT EXISTS (SELECT FROM sync.columns s WHERE s.resource = k.type AND s.column_name = a.attname::text))), '{}')
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN sync.captured k ON k.relation = 'scopestack.' || quote_ident(the_table)
  WHERE c.relname = the_table AND c.relnamespace = 'scopestack'::regnamespace
$$;
--> statement-breakpoint
-- The view of versions of a recorded table, and its function `…_as_of`. Both are made of the columns by name in the text of a
-- function, which nothing depends on: a view over the table itself would forbid each change of its columns. Without columns of
-- users' own, which they may drop. Called again when columns have changed; where nothing has, it does nothing.
CREATE FUNCTION sync.show_history(the_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
  relation constant regclass := format('scopestack.%I', the_table)::regclass;
  shape constant jsonb := scopestack_history.columns_of(the_table);
  columns record;
  reader text;
  left_over record;
BEGIN
  -- A column that has another name now, and whose old one is gone.
  UPDATE scopestack_history.recorded r SET
    renamed = r.renamed || coalesce((
      SELECT jsonb_object_agg(a.attname, coalesce(r.renamed -> old.name, '[]') || to_jsonb(old.name))
      FROM (SELECT e.key AS at, e.value ->> 0 AS name FROM jsonb_each(r.columns) AS e) AS old JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = old.at::int AND NOT a.attisdropped
      WHERE a.attname::text <> old.name AND NOT EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = relation AND b.attname::text = old.name AND NOT b.attisdropped)
        AND NOT EXISTS (SELECT FROM jsonb_each(r.columns) AS e WHERE e.value ->> 0 = a.attname::text)), '{}')
      -- A column that was added for a member: before, its values were in sync_extra, those of a to-one with their type.
      || coalesce((
        SELECT jsonb_object_agg(s.column_name, coalesce(r.renamed -> s.column_name, '[]') || to_jsonb(concat_ws(E'\n', 'sync_extra', s.member, CASE WHEN s.part = 'to-one' THEN 'id' END)))
        FROM sync.columns s JOIN sync.captured k ON k.type = s.resource AND k.relation = 'scopestack.' || quote_ident(the_table)
        WHERE s.column_name IS NOT NULL AND s.part IS DISTINCT FROM 'to-many'
          AND NOT coalesce(r.renamed -> s.column_name, '[]') ? concat_ws(E'\n', 'sync_extra', s.member, CASE WHEN s.part = 'to-one' THEN 'id' END)), '{}'),
    columns = shape
  WHERE r.table_name = the_table AND r.valid_to IS NULL AND r.columns <> shape;
  SELECT
    string_agg(format('%I %s', s.shown, format_type(a.atttypid, NULL)), ', ' ORDER BY a.attnum) AS typed,
    string_agg(format('m.%I::%s', a.attname, format_type(a.atttypid, NULL)), ', ' ORDER BY a.attnum) AS now,
    string_agg(scopestack_history.value_of(a.attname::text, a.atttypid, scopestack_history.former_names(the_table, a.attname::text)), ', ' ORDER BY a.attnum) AS before
  INTO columns
  FROM pg_attribute a CROSS JOIN LATERAL (SELECT CASE WHEN a.attname IN ('valid_from', 'valid_to', 'cause', 'run_id', 'changed_by', 'ended_by')
    THEN 'record_' || a.attname ELSE a.attname END AS shown) AS s
  WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('sync_hash', 'sync_changed_at')
    AND NOT (shape #>> ARRAY[a.attnum::text, '2'])::boolean;
  reader := left('versions_of_' || the_table, 50) || '_' || left(md5(columns.typed || columns.before), 8);
  IF to_regprocedure(format('scopestack_history.%I()', reader)) IS NOT NULL AND to_regclass(format('scopestack_history.%I', the_table)) IS NOT NULL THEN RETURN; END IF;
  EXECUTE format('CREATE OR REPLACE FUNCTION scopestack_history.%1$I() RETURNS TABLE (valid_from timestamptz, valid_to timestamptz, cause text, run_id bigint, changed_by text, ended_by text, %2$s)
    LANGUAGE sql STABLE AS %3$L', reader, columns.typed, format('
    SELECT coalesce(c.valid_from, r.valid_from), NULL::timestamptz, coalesce(c.cause, ''first''), c.run_id, c.changed_by, NULL::text, %1$s
    FROM scopestack.%3$I m JOIN scopestack_history.recorded r ON r.table_name = %3$L AND r.valid_to IS NULL
    LEFT JOIN scopestack_history.current_versions c ON c.table_name = %3$L AND c.id = m.id
    UNION ALL
    SELECT p.valid_from, p.valid_to, p.cause, p.run_id, p.changed_by, p.ended_by, %2$s
    FROM scopestack_history.past_versions p WHERE p.table_name = %3$L', columns.now, columns.before, the_table));
  -- A view of users may be made of this one: then columns can only be added, and else it stays as it is.
  BEGIN
    EXECUTE format('CREATE OR REPLACE VIEW scopestack_history.%I AS SELECT * FROM scopestack_history.%I()', the_table, reader);
  EXCEPTION WHEN invalid_table_definition OR dependent_objects_still_exist THEN
    BEGIN
      EXECUTE format('DROP VIEW scopestack_history.%I', the_table);
      EXECUTE format('CREATE VIEW scopestack_history.%I AS SELECT * FROM scopestack_history.%I()', the_table, reader);
    EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
    END;
  END;
  FOR left_over IN SELECT p.oid::regprocedure AS function FROM pg_proc p WHERE p.pronamespace = 'scopestack_history'::regnamespace
    AND starts_with(p.proname, left('versions_of_' || the_table, 50) || '_') AND p.proname <> reader AND p.pronargs = 0 LOOP
    BEGIN
      EXECUTE format('DROP FUNCTION %s', left_over.function);
    EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
    END;
  END LOOP;
  BEGIN
    EXECUTE format('DROP FUNCTION IF EXISTS scopestack.%I(timestamptz)', the_table || '_as_of');
    EXECUTE format('CREATE FUNCTION scopestack.%1$I(moment timestamptz) RETURNS TABLE (%2$s) LANGUAGE sql STABLE AS %3$L', the_table || '_as_of', columns.typed,
      format('
    SELECT %1$s FROM scopestack.%3$I m JOIN scopestack_history.recorded r ON r.table_name = %3$L AND r.valid_to IS NULL
    LEFT JOIN scopestack_history.current_versions c ON c.table_name = %3$L AND c.id = m.id
    WHERE coalesce(c.valid_from, r.valid_from) <= $1 AND scopestack_history.is_recorded(%3$L, $1)
    UNION ALL
    SELECT %2$s FROM scopestack_history.past_versions p
    WHERE p.table_name = %3$L AND p.valid_from <= $1 AND p.valid_to > $1 AND scopestack_history.is_recorded(%3$L, $1)', columns.now, columns.before, the_table));
    EXECUTE format('COMMENT ON FUNCTION scopestack.%I(timestamptz) IS %L', the_table || '_as_of', format('scopestack.%s as it was at that moment.', the_table));
  EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
  END;
  PERFORM sync.describe_history(the_table);
  PERFORM sync.grant_history_again(the_table);
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.describe_history(the_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
BEGIN
  EXECUTE format('COMMENT ON VIEW scopestack_history.%I IS %L', the_table,
    format('One row per version of a row of scopestack.%s, by when the mirror learnt of it. The version that stands has no valid_to.', the_table));
  FOR one IN
    SELECT a.attname AS name, coalesce(v.words, col_description(format('scopestack.%I', the_table)::regclass, m.attnum), '') AS words
    FROM pg_attribute a
    LEFT JOIN (VALUES
      ('valid_from', 'Since when the row stood so in the mirror, by the clock of the database. When it changed in ScopeStack, updated_at says.'),
      ('valid_to', 'Until when, itself excluded; null while it stands.'),
      ('cause', 'What began the version: first (it stood when recording began), pull, push (the answer to a local edit), edit (a local edit) or delete (marked deleted).'),
      ('run_id', 'Run that wrote it (sync.runs.id); null where none did.'),
      ('changed_by', 'Role that made the local edit; null where none did.'),
      ('ended_by', 'What ended the version: the cause of the next one; delete also where the row left the table, off where recording ended. Null while it stands.')
    ) AS v(name, words) ON v.name = a.attname
    LEFT JOIN pg_attribute m ON m.attrelid = format('scopestack.%I', the_table)::regclass AND m.attname IN (a.attname::text, regexp_replace(a.attname, '^record_', ''))
      AND NOT m.attisdropped AND v.name IS NULL
    WHERE a.attrelid = format('scopestack_history.%I', the_table)::regclass AND a.attnum > 0 AND NOT a.attisdropped
  LOOP
    EXECUTE format('COMMENT ON COLUMN scopestack_history.%I.%I IS %L', the_table, one.name, one.words);
  END LOOP;
END $$;
--> statement-breakpoint
-- A view or function that was made anew is granted as the tables beside it are.
CREATE FUNCTION sync.grant_history_again(the_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
BEGIN
  FOR one IN SELECT DISTINCT g.grantee::regrole AS who FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS g
    WHERE c.oid = 'scopestack_history.past_versions'::regclass AND g.privilege_type = 'SELECT' AND g.grantee NOT IN (0, c.relowner) LOOP
    EXECUTE format('GRANT SELECT ON scopestack_history.%I TO %s', the_table, one.who);
  END LOOP;
END $$;
--> statement-breakpoint
-- Begins recording a table, or goes on where its triggers are as they should be. Where they were not, what was noted last is where
-- recording ended: rows that changed behind it ended unseen, and those that did not end there, too.
CREATE FUNCTION sync.record_history(the_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
  relation constant regclass := format('scopestack.%I', the_table)::regclass;
  begun timestamptz;
  last timestamptz;
  moment timestamptz;
  one record;
BEGIN
  -- Readers go on; writers wait for this transaction.
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
  SELECT r.valid_from INTO begun FROM scopestack_history.recorded r WHERE r.table_name = the_table AND r.valid_to IS NULL;
  IF begun IS NULL OR NOT sync.has_history_triggers(relation) THEN
    moment := clock_timestamp();
    IF begun IS NOT NULL THEN
      last := greatest(begun, (SELECT max(c.valid_from) FROM scopestack_history.current_versions c WHERE c.table_name = the_table),
        (SELECT max(p.valid_to) FROM scopestack_history.past_versions p WHERE p.table_name = the_table)) + interval '1 microsecond';
      PERFORM sync.end_versions(relation, begun, last, 'off', last);
      UPDATE scopestack_history.recorded SET valid_to = last, note = 'Triggers were missing or disabled when this was found, at ' || moment
        || '. Rows that changed in between have no version at the end of this time.' WHERE table_name = the_table AND valid_to IS NULL;
    END IF;
    FOR one IN SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = relation AND starts_with(t.tgname, 'history_') LOOP
      EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, relation);
    END LOOP;
    EXECUTE format('CREATE TRIGGER history_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_history()', relation);
    EXECUTE format('CREATE TRIGGER history_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_history()', relation);
    EXECUTE format('CREATE TRIGGER history_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_history()', relation);
    EXECUTE format('CREATE TRIGGER history_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_history()', relation);
    DELETE FROM scopestack_history.current_versions WHERE table_name = the_table;
    -- Behind every moment of before, whatever the clock does.
    moment := greatest(moment, (SELECT max(r.valid_to) FROM scopestack_history.recorded r WHERE r.table_name = the_table),
      (SELECT max(p.valid_to) FROM scopestack_history.past_versions p WHERE p.table_name = the_table));
    INSERT INTO scopestack_history.recorded (table_name, valid_from, kept_from) VALUES (the_table, moment, moment);
  END IF;
  PERFORM sync.show_history(the_table);
END $$;
--> statement-breakpoint
CREATE FUNCTION sync.has_history_triggers(relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*) = 4 FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgname IN ('history_insert', 'history_update', 'history_delete', 'history_truncate')
    AND t.tgenabled IN ('O', 'A') AND t.tgfoid = 'sync.keep_history'::regproc
$$;
--> statement-breakpoint
-- Ends recording: what stands now ends with its row, so that it can be asked for later. Its versions stay, and its view.
CREATE FUNCTION sync.stop_history(the_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
  relation constant regclass := format('scopestack.%I', the_table)::regclass;
  begun timestamptz;
  moment timestamptz;
  one record;
BEGIN
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
  SELECT r.valid_from INTO begun FROM scopestack_history.recorded r WHERE r.table_name = the_table AND r.valid_to IS NULL;
  IF begun IS NULL THEN RETURN; END IF;
  moment := greatest(clock_timestamp(), begun + interval '1 microsecond', (SELECT max(c.valid_from) + interval '1 microsecond' FROM scopestack_history.current_versions c WHERE c.table_name = the_table));
  PERFORM sync.end_versions(relation, begun, moment, 'off', NULL);
  UPDATE scopestack_history.recorded SET valid_to = moment WHERE table_name = the_table AND valid_to IS NULL;
  -- Last, since it waits for readers, too.
  FOR one IN SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = relation AND starts_with(t.tgname, 'history_') LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, relation);
  END LOOP;
END $$;
--> statement-breakpoint
-- As before, and the history. What is made later is granted when it is made: to who may read its versions.
CREATE OR REPLACE FUNCTION sync.grant_reader(the_role regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA scopestack TO %s', the_role);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA scopestack TO %s', the_role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA scopestack GRANT SELECT ON TABLES TO %s', the_role);
  EXECUTE format('REVOKE ALL ON scopestack.pending_changes, scopestack.new_ids FROM %s', the_role);
  EXECUTE format('GRANT USAGE ON SCHEMA scopestack_live TO %s', the_role);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA scopestack_live TO %s', the_role);
  EXECUTE format('GRANT USAGE ON SCHEMA scopestack_history TO %s', the_role);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA scopestack_history TO %s', the_role);
  EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA scopestack, scopestack_history TO %s', the_role);
END $$;
--> statement-breakpoint
-- Deletes versions that ended so many days ago, at most so many of them; the version that stood then stays. Returns how many.
-- For a role that works and owns nothing, too.
CREATE FUNCTION sync.prune_history(days integer, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  horizon constant timestamptz := now() - make_interval(days => days);
  one record;
  count integer;
  total integer := 0;
BEGIN
  IF days <= 0 THEN RETURN 0; END IF;
  FOR one IN SELECT DISTINCT r.table_name FROM scopestack_history.recorded r LOOP
    EXIT WHEN total >= most;
    -- First of all: from here on, no moment before can be asked for.
    UPDATE scopestack_history.recorded r SET kept_from = horizon WHERE r.table_name = one.table_name AND r.kept_from < horizon
      AND EXISTS (SELECT FROM scopestack_history.past_versions p WHERE p.table_name = one.table_name AND p.valid_to <= horizon);
    DELETE FROM scopestack_history.past_versions p WHERE p.ctid = ANY (ARRAY(
      SELECT o.ctid FROM scopestack_history.past_versions o WHERE o.table_name = one.table_name AND o.valid_to <= horizon
      ORDER BY o.valid_to LIMIT most - total));
    GET DIAGNOSTICS count = ROW_COUNT;
    total := total + count;
    -- A time of which nothing is left.
    DELETE FROM scopestack_history.recorded r WHERE r.table_name = one.table_name AND r.valid_to <= horizon
      AND NOT EXISTS (SELECT FROM scopestack_history.past_versions p WHERE p.table_name = one.table_name AND p.valid_to <= r.valid_to);
  END LOOP;
  RETURN total;
END $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION sync.keep_history, sync.end_versions, sync.show_history, sync.describe_history, sync.grant_history_again,
  sync.record_history, sync.has_history_triggers, sync.stop_history, sync.prune_history FROM PUBLIC;
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
    EXECUTE format('GRANT EXECUTE ON FUNCTION sync.prune_history TO %s', the_grantee);
  END LOOP;
END $$;
--> statement-breakpoint
-- Whom sync.grant_reader has made a reader before, and who may still read every table and every row: reads no more by it. Who reads
-- some tables, or rows by a policy, does not: the versions of all are in one table.
DO $$
DECLARE
  the_grantee regrole;
BEGIN
  FOR the_grantee IN
    SELECT DISTINCT a.grantee FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a
    WHERE d.defaclnamespace = 'scopestack'::regnamespace AND d.defaclobjtype = 'r' AND a.privilege_type = 'SELECT' AND a.grantee <> 0
      AND has_schema_privilege(a.grantee, 'scopestack', 'USAGE')
      AND NOT EXISTS (
        SELECT FROM sync.captured k JOIN pg_class c ON c.oid = to_regclass(k.relation)
        WHERE c.relrowsecurity OR NOT has_table_privilege(a.grantee, c.oid, 'SELECT'))
  LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA scopestack_history TO %s', the_grantee);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA scopestack_history TO %s', the_grantee);
  END LOOP;
END $$;
