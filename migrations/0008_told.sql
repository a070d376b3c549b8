ALTER TABLE "sync"."cursors" ADD COLUMN "page_size" integer;--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "swept_to" text;--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "changes_as_of" timestamp with time zone;
--> statement-breakpoint
CREATE OR REPLACE VIEW scopestack.sync_status AS
SELECT
  c.resource,
  replace(c.resource, '-', '_') AS table_name,
  c.as_of AS data_as_of,
  success.finished_at AS last_success_at,
  -- A reading of changes that went well says nothing of what the reading of everything found.
  CASE WHEN latest.outcome = 'ok' THEN coalesce(whole.outcome, 'ok') ELSE latest.outcome END AS last_outcome,
  latest.finished_at AS last_run_at,
  CASE WHEN latest.outcome = 'ok' AND whole.outcome <> 'ok' THEN whole.message ELSE latest.message END AS last_message,
  c.rows,
  now() - c.as_of AS lag,
  c.changes_as_of
FROM sync.cursors c
LEFT JOIN LATERAL (
  SELECT o.outcome, o.finished_at, o.message FROM sync.run_outcomes o
  WHERE o.resource = c.resource ORDER BY o.finished_at DESC LIMIT 1
) latest ON true
LEFT JOIN LATERAL (
  SELECT o.outcome, o.message FROM sync.run_outcomes o JOIN sync.runs r ON r.id = o.run_id
  WHERE o.resource = c.resource AND r.kind <> 'incremental' ORDER BY o.finished_at DESC LIMIT 1
) whole ON true
LEFT JOIN LATERAL (
  SELECT o.finished_at FROM sync.run_outcomes o
  WHERE o.resource = c.resource AND o.outcome = 'ok' ORDER BY o.finished_at DESC LIMIT 1
) success ON true;
--> statement-breakpoint
COMMENT ON COLUMN scopestack.sync_status.data_as_of IS 'Everything that ScopeStack held at this time is in the table, but for records set aside (sync.parked), and nothing that was deleted before; null until it was read whole.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.sync_status.changes_as_of IS 'Every change up to this time that ScopeStack tells of is in the table; deletes and other changes up to data_as_of.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.sync_status.last_outcome IS 'ok, absent, incomplete, suspect, forbidden or failed.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.sync_status.rows IS 'Living rows at the end of the last reading.';
