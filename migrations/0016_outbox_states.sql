-- The states of a change are written out (store/changes/transitions.ts has their chart), and one process pushes at a time,
-- under the lease `push` of sync.leases, where changes were claimed one by one before. Carried over here: what had been sent
-- without a known response is `lost`, also of a process of the release before that still waits for it.
-- The states by the words that this view has always had. First of all, since who reads it locks it and then the table: with the
-- table locked first, readers and editors met a deadlock.
CREATE OR REPLACE VIEW scopestack.pending_changes AS
SELECT o.id AS change_id, o.resource, o.record_id, o.op,
  CASE WHEN o.state = 'waiting' THEN 'waiting' WHEN o.state IN ('parked', 'unknown', 'unsettled') THEN 'parked' ELSE 'sending' END AS state,
  o.attributes, o.relationships, o.base, o.made_at, o.made_by, o.attempts, o.not_before, o.code, o.reason, o.errors
FROM sync.outbox o WHERE o.state IN ('waiting', 'in_flight', 'lost', 'accepted', 'answered', 'parked', 'unknown', 'unsettled');
--> statement-breakpoint
DROP INDEX "sync"."outbox_open_idx";--> statement-breakpoint
DROP INDEX "sync"."outbox_unsettled_idx";--> statement-breakpoint
UPDATE sync.outbox o SET
  state = CASE
    WHEN o.requested_at IS NULL THEN 'waiting'
    WHEN o.op = 'create' AND o.answer_id IS NOT NULL OR o.op <> 'create' AND o.answer ? 'record' THEN 'answered'
    WHEN o.op = 'create' AND o.answer ? 'why' THEN 'accepted'
    ELSE 'lost' END
WHERE o.state = 'sending';
--> statement-breakpoint
-- A parked creation that may have arrived, and one that has. Of an edit, the values that may have arrived are kept with it:
-- before, its values were, while its request had a time.
UPDATE sync.outbox o SET
  state = CASE WHEN o.op <> 'create' OR o.code IS DISTINCT FROM 'SYNC_PUSH_UNKNOWN' THEN 'parked'
    WHEN o.answer_id IS NULL THEN 'unknown' ELSE 'unsettled' END,
  in_doubt = CASE WHEN o.op = 'update' AND o.requested_at IS NOT NULL THEN jsonb_build_object(
    'attributes', coalesce(o.in_doubt -> 'attributes', '{}') || o.attributes,
    'relationships', coalesce(o.in_doubt -> 'relationships', '{}') || o.relationships) ELSE o.in_doubt END,
  requested_at = CASE WHEN o.op = 'create' THEN o.requested_at END,
  sent_at = CASE WHEN o.code = 'SYNC_PUSH_IGNORED' THEN o.settled_at ELSE o.sent_at END
WHERE o.state = 'parked' AND (o.requested_at IS NOT NULL OR o.code IN ('SYNC_PUSH_UNKNOWN', 'SYNC_PUSH_IGNORED'));
--> statement-breakpoint
-- No write of a release before names its term any more, so that none takes effect.
UPDATE sync.outbox SET term = NULL, claimed_by = NULL, claim_pid = NULL, claim_start = NULL, claim_until = NULL
WHERE state IN ('waiting', 'lost', 'accepted', 'answered') AND (term IS NOT NULL OR claim_until IS NOT NULL);
--> statement-breakpoint
CREATE INDEX "outbox_open_idx" ON "sync"."outbox" USING btree ("id") WHERE state in ('waiting', 'in_flight', 'lost', 'accepted', 'answered');--> statement-breakpoint
CREATE INDEX "outbox_unsettled_idx" ON "sync"."outbox" USING btree ("state","id") WHERE state in ('waiting', 'in_flight', 'lost', 'accepted', 'answered', 'parked', 'unknown', 'unsettled');--> statement-breakpoint
ALTER TABLE "sync"."outbox" ADD CONSTRAINT "a_newer_release_keeps_this_outbox" CHECK (state in ('waiting', 'in_flight', 'lost', 'accepted', 'answered', 'sent', 'superseded', 'parked', 'unknown', 'unsettled', 'discarded'));
--> statement-breakpoint
-- Called by the claim of the releases before, and by nothing of this one.
CREATE OR REPLACE FUNCTION sync.may_be_sent(o sync.outbox) RETURNS boolean
LANGUAGE plpgsql STABLE COST 10000 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'A newer release of scopestack-sync has migrated this database and sends its local edits; this process is of an older one, and sends none. Nothing is lost: stop this process, and start the newer release in its place.';
END $$;
--> statement-breakpoint
-- What blocks a change, its own time aside: {"record": {"change", "state"}}, one of the same record that comes first
-- or of which it is not known whether it was made; {"parent": …}, the creation of a new row that it refers to. NULL: it may be sent.
-- A function and not a part of the statement that takes a batch: with 10,000 changes waiting and no statistics of them yet, the
-- planner joined all with all, 18 s for a batch; this takes the first rows of the index in their order, 5 ms. Nothing in here
-- is sorted, since that statement has no sorts, and an index by id would be walked instead. Planned once, for any values: planned
-- for each, with the statistics of an empty table, it was a hundred times slower.
CREATE FUNCTION sync.blocker_of(o sync.outbox) RETURNS jsonb
LANGUAGE plpgsql STABLE COST 10000 SET search_path = pg_catalog, pg_temp SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  first record;
BEGIN
  -- Any one will do, so the search ends at the first of the index. All of them in view made a batch quadratic: 2 s for 2,000 edits
  -- of one record, which would have been minutes after a day without a push.
  SELECT e.id, e.state INTO first FROM sync.outbox e WHERE e.record_id = o.record_id AND e.resource = o.resource AND e.id <> o.id
    AND (e.state = 'waiting' AND e.id < o.id AND o.state = 'waiting' OR e.state IN ('in_flight', 'lost', 'accepted', 'answered', 'unknown', 'unsettled'))
    LIMIT 1;
  IF FOUND THEN RETURN jsonb_build_object('record', jsonb_build_object('change', first.id, 'state', first.state)); END IF;
  -- What it refers to comes first, unless a later edit makes it refer to something else.
  RETURN (
    SELECT jsonb_build_object('parent', jsonb_build_object('change', parent.id, 'state', parent.state))
    FROM sync.outbox m CROSS JOIN LATERAL unnest(m.refs) AS ref
    CROSS JOIN LATERAL (
      SELECT p.id, p.state FROM sync.outbox p WHERE p.record_id = split_part(ref, '/', 2) AND p.resource = split_part(ref, '/', 1)
        AND p.op = 'create' AND p.state IN ('waiting', 'in_flight', 'lost', 'accepted', 'answered', 'parked', 'unknown', 'unsettled') LIMIT 1) AS parent
    JOIN LATERAL jsonb_each_text(m.attributes || m.relationships) AS given(member, id) ON given.id = split_part(ref, '/', 2)
    WHERE m.record_id = o.record_id AND m.resource = o.resource AND m.state IN ('waiting', 'in_flight', 'lost', 'accepted', 'answered')
      AND NOT EXISTS (
        SELECT FROM sync.outbox l WHERE l.record_id = m.record_id AND l.resource = m.resource AND l.state = 'waiting' AND l.id > m.id
          AND (l.op = 'delete' OR l.attributes ? given.member OR l.relationships ? given.member))
    LIMIT 1);
END $$;
--> statement-breakpoint
-- As sync.may_be_sent had it: a worker's role needs it, also where an administrator's default privileges give PUBLIC nothing.
GRANT EXECUTE ON FUNCTION sync.blocker_of TO PUBLIC;
