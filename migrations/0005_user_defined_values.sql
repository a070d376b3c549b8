-- User-defined fields as rows, so that SQL need not open JSON. They stand in three shapes: arrays of definitions with
-- their value, arrays of {key, val}, and objects of name to value. Triggers keep them in step with the rows they come
-- from, in the same transaction, whoever writes.
CREATE TABLE scopestack.user_defined_values (
  owner_type text NOT NULL,
  owner_id text NOT NULL,
  name text NOT NULL,
  label text,
  type text,
  position integer NOT NULL,
  value text,
  value_numeric numeric,
  value_date date,
  PRIMARY KEY (owner_type, owner_id, position)
);
--> statement-breakpoint
-- A btree entry has at most 2,704 bytes, and a value is as long as somebody likes: the whole value would make the load of
-- its owner fail.
CREATE INDEX user_defined_values_name_idx ON scopestack.user_defined_values (name, left(value, 100));
--> statement-breakpoint
COMMENT ON TABLE scopestack.user_defined_values IS 'One row per user-defined field of a record, filled in or not. Joins projects and others by owner_id where owner_type names the table. Made from their JSON columns: not to be edited.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.user_defined_values.owner_type IS 'Table of the record: projects, clients, products, project_contacts, project_locations, project_governances or crm_opportunities.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.user_defined_values.owner_id IS 'Id of the record in that table.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.user_defined_values.name IS 'Name of the field (project_variables.name); in crm_opportunities the key of the attribute.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.user_defined_values.label IS 'Label shown in ScopeStack; null where only a name is sent.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.user_defined_values.type IS 'Kind of field: text, number or date; null where none is sent.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.user_defined_values.position IS 'Place among the fields of the record, 1 first.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.user_defined_values.value IS 'Value as text, null when not filled in; of a choice what is stored, not its label; lists and objects as JSON.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.user_defined_values.value_numeric IS 'The value as a number where it is one, whatever the type says; null otherwise.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.user_defined_values.value_date IS 'The value as a day where it is an ISO date or date-time, its day as written; null otherwise.';
--> statement-breakpoint
-- What is neither named nor an object is left out; nothing in here can raise an error. The bounds: a number of 1,000
-- characters is far within numeric's 131,072 digits, and a name has to fit its index.
CREATE FUNCTION sync.user_defined_values_of(fields jsonb)
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
      AND value ~ '^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$' THEN value::numeric END,
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
-- TG_ARGV: the JSON column. It runs with its owner's rights, so that a role that may edit a table needs none here. An
-- owner whose fields and tombstone are as before is left alone. Compared as text: jsonb takes 1.0 for 1.00.
CREATE FUNCTION sync.keep_user_defined_values() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  owners text[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM scopestack.user_defined_values WHERE owner_type = TG_TABLE_NAME;
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
  DELETE FROM scopestack.user_defined_values WHERE owner_type = TG_TABLE_NAME AND owner_id = ANY (owners);
  IF TG_OP <> 'DELETE' THEN
    -- An id longer than this fits the key of its own table and not the longer one here.
    EXECUTE format(
      'INSERT INTO scopestack.user_defined_values
         (owner_type, owner_id, name, label, type, position, value, value_numeric, value_date)
       SELECT $1, n.id, v.name, v.label, v.type, v.position, v.value, v.value_numeric, v.value_date
       FROM new_rows n CROSS JOIN LATERAL sync.user_defined_values_of(n.%I) v
       WHERE n.id = ANY ($2) AND n.sync_deleted_at IS NULL AND octet_length(n.id) <= 1000', TG_ARGV[0])
      USING TG_TABLE_NAME, owners;
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
-- A trigger with transition tables has one event only.
DO $$
DECLARE
  owner record;
BEGIN
  FOR owner IN
    SELECT * FROM (VALUES
      ('clients', 'user_defined_fields'),
      ('crm_opportunities', 'custom_attributes'),
      ('products', 'project_variables'),
      ('project_contacts', 'project_variables'),
      ('project_governances', 'project_variables'),
      ('project_locations', 'project_variables'),
      ('projects', 'project_variables')
    ) AS owners (name, fields)
  LOOP
    EXECUTE format('CREATE TRIGGER user_defined_values_insert AFTER INSERT ON scopestack.%I
      REFERENCING NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_user_defined_values(%L)', owner.name, owner.fields);
    EXECUTE format('CREATE TRIGGER user_defined_values_update AFTER UPDATE ON scopestack.%I
      REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_user_defined_values(%L)', owner.name, owner.fields);
    EXECUTE format('CREATE TRIGGER user_defined_values_delete AFTER DELETE ON scopestack.%I
      REFERENCING OLD TABLE AS old_rows
      FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_user_defined_values(%L)', owner.name, owner.fields);
    EXECUTE format('CREATE TRIGGER user_defined_values_truncate AFTER TRUNCATE ON scopestack.%I
      FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_user_defined_values(%L)', owner.name, owner.fields);
    EXECUTE format(
      'INSERT INTO scopestack.user_defined_values
         (owner_type, owner_id, name, label, type, position, value, value_numeric, value_date)
       SELECT %L, o.id, v.name, v.label, v.type, v.position, v.value, v.value_numeric, v.value_date
       FROM scopestack.%I o CROSS JOIN LATERAL sync.user_defined_values_of(o.%I) v
       WHERE o.sync_deleted_at IS NULL AND octet_length(o.id) <= 1000', owner.name, owner.name, owner.fields);
  END LOOP;
END
$$;
