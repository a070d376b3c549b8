-- Columns that Postgres makes of others, and that are ours. They counted as columns that users have added: an UPDATE of a table
-- that takes none said "UPDATE 0" where it found no row, and the views of the history were without them.
ALTER TABLE "sync"."captured" ADD COLUMN "generated" text[] DEFAULT '{}' NOT NULL;
--> statement-breakpoint
-- Where a table takes edits, a generated key follows a column that may be edited, and its change is no edit of its own.
CREATE OR REPLACE FUNCTION sync.own_columns(me sync.captured, the_relation oid) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_attribute a
  WHERE a.attrelid = the_relation AND a.attnum > 0 AND NOT a.attisdropped AND me.read_only IS NOT NULL
    AND a.attname::text <> ALL (me.read_only) AND a.attname <> 'id' AND NOT starts_with(a.attname::text, 'sync_')
    AND (me.writes <> '{}' OR a.attname::text <> ALL (me.generated))
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(me.columns) AS c WHERE c ->> 'name' = a.attname::text)
$$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION scopestack_history.columns_of(the_table text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_object_agg(a.attnum, jsonb_build_array(a.attname, format_type(a.atttypid, NULL), k.read_only IS NOT NULL AND a.attname::text <> ALL (k.read_only || k.generated)
    AND a.attname <> 'id' AND NOT starts_with(a.attname::text, 'sync_') AND NOT EXISTS (SELECT FROM jsonb_array_elements(k.columns) AS c WHERE c ->> 'name' = a.attname::text)
    AND NOT EXISTS (SELECT FROM sync.columns s WHERE s.resource = k.type AND s.column_name = a.attname::text))), '{}')
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN sync.captured k ON k.relation = 'scopestack.' || quote_ident(the_table)
  WHERE c.relname = the_table AND c.relnamespace = 'scopestack'::regnamespace
$$;
