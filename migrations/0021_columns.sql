-- Members that no file declares become columns of their own; what is decided of each stands in sync.columns.
CREATE TABLE "sync"."columns" (
	"resource" text NOT NULL,
	"member" text NOT NULL,
	"part" text,
	"column_name" text,
	"kind" text,
	"target" text,
	"state" text NOT NULL,
	"pinned" boolean DEFAULT false NOT NULL,
	"decided_by" text NOT NULL,
	"decided_at" timestamp with time zone DEFAULT now() NOT NULL,
	"reason" text,
	"evidence" bigint DEFAULT 0 NOT NULL,
	"filled_at" timestamp with time zone,
	CONSTRAINT "columns_resource_member_pk" PRIMARY KEY("resource","member")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "columns_resource_column_idx" ON "sync"."columns" USING btree ("resource","column_name");
--> statement-breakpoint
-- A real day, of the form YYYY-MM-DD: 2026-02-31 has the form, and would be refused as a date.
CREATE FUNCTION sync.is_day(day text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT substr(day, 1, 4) <> '0000' AND substr(day, 9, 2)::int BETWEEN 1 AND CASE
    WHEN substr(day, 6, 2) IN ('04', '06', '09', '11') THEN 30
    WHEN substr(day, 6, 2) = '02' THEN
      CASE WHEN substr(day, 1, 4)::int % 4 = 0 AND (substr(day, 1, 4)::int % 100 <> 0 OR substr(day, 1, 4)::int % 400 = 0) THEN 29 ELSE 28 END
    WHEN substr(day, 6, 2)::int BETWEEN 1 AND 12 THEN 31 ELSE 0 END
$$;
--> statement-breakpoint
-- A list as text[]: of texts in the order sent, or, of a relationship, of its ids in their order. NULL where it is none.
CREATE FUNCTION sync.column_texts(target text, value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN jsonb_typeof(value) <> 'array' THEN NULL WHEN target IS NULL THEN
    (SELECT CASE WHEN coalesce(bool_and(jsonb_typeof(e) IN ('string', 'number', 'null')), true)
        THEN coalesce(array_agg(e #>> '{}' ORDER BY n), '{}')::text END
      FROM jsonb_array_elements(value) WITH ORDINALITY AS x(e, n))
  ELSE
    (SELECT CASE WHEN coalesce(bool_and(coalesce((NOT e ? 'type' OR e ->> 'type' = target)
          AND jsonb_typeof(e -> 'id') IN ('string', 'number'), false)), true)
        THEN coalesce(array_agg(e ->> 'id' ORDER BY e ->> 'id' COLLATE "C"), '{}')::text END
      FROM jsonb_array_elements(value) AS x(e))
  END
$$;
--> statement-breakpoint
-- A member of sync_extra as the text of its column, exactly as src/store/mirror/added-values.ts encodes it; NULL where it is null or
-- does not fit. Without a subquery, so that the planner puts it into the statement and drops the branches of other kinds.
CREATE FUNCTION sync.column_text(kind text, target text, value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN jsonb_typeof(value) = 'null' THEN NULL
    WHEN kind = 'text' AND target IS NOT NULL THEN
      CASE WHEN (NOT value ? 'type' OR value ->> 'type' = target)
        AND jsonb_typeof(value -> 'id') IN ('string', 'number') AND octet_length(value ->> 'id') <= 1000
        THEN value ->> 'id' END
    WHEN kind = 'text' THEN CASE WHEN jsonb_typeof(value) IN ('string', 'number') THEN value #>> '{}' END
    WHEN kind = 'boolean' THEN CASE value #>> '{}' WHEN 'true' THEN 't' WHEN 'false' THEN 'f' END
    WHEN kind = 'integer' THEN
      CASE WHEN jsonb_typeof(value) IN ('string', 'number') AND value #>> '{}' ~ '^-?[0-9]{1,16}$'
        THEN CASE WHEN abs((value #>> '{}')::numeric) <= 9007199254740991 THEN value #>> '{}' END END
    WHEN kind = 'decimal' THEN
      CASE WHEN jsonb_typeof(value) IN ('string', 'number') AND octet_length(value #>> '{}') <= 1000
        AND value #>> '{}' ~ '^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$' THEN value #>> '{}' END
    WHEN kind = 'date' THEN
      CASE WHEN jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
        THEN CASE WHEN sync.is_day(value #>> '{}') THEN value #>> '{}' END END
    WHEN kind = 'timestamp' THEN
      CASE WHEN jsonb_typeof(value) = 'string'
        AND value #>> '{}' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?$'
        THEN CASE WHEN sync.is_day(substr(value #>> '{}', 1, 10)) THEN value #>> '{}' END END
    WHEN kind = 'texts' THEN sync.column_texts(target, value)
    WHEN kind = 'json' THEN value::text
  END
$$;
--> statement-breakpoint
-- Moves such members from sync_extra into their columns in whatever a load writes: another process may have begun before the
-- column was added, or be of a release that knows none of this. TG_ARGV: the columns, as JSON. A value that does not fit stays.
CREATE FUNCTION sync.keep_added_columns() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
  value jsonb;
  given jsonb := '{}';
  moved text[] := '{}';
  held jsonb;
BEGIN
  IF jsonb_typeof(NEW.sync_extra) <> 'object' THEN RETURN NEW; END IF;
  held := to_jsonb(NEW);
  FOR one IN SELECT * FROM jsonb_to_recordset(TG_ARGV[0]::jsonb) AS c(member text, name text, kind text, target text) LOOP
    value := NEW.sync_extra -> one.member;
    -- A column that somebody has dropped takes nothing.
    CONTINUE WHEN value IS NULL OR NOT held ? one.name;
    IF one.kind <> 'json' THEN value := coalesce(to_jsonb(sync.column_text(one.kind, one.target, value)), 'null'); END IF;
    given := given || jsonb_build_object(one.name, value);
    IF value <> 'null' OR NEW.sync_extra -> one.member = 'null' THEN moved := moved || one.member; END IF;
  END LOOP;
  NEW.sync_extra := nullif(NEW.sync_extra - moved, '{}');
  RETURN jsonb_populate_record(NEW, given);
END $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION sync.keep_added_columns FROM PUBLIC;
--> statement-breakpoint
-- A role that works and owns nothing, which is one that may write the outbox, reads and writes what is decided.
DO $$
DECLARE
  the_grantee regrole;
BEGIN
  FOR the_grantee IN
    SELECT DISTINCT a.grantee FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.oid = 'sync.outbox'::regclass AND a.privilege_type = 'INSERT' AND a.grantee NOT IN (0, c.relowner)
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON sync.columns TO %s', the_grantee);
  END LOOP;
END $$;
