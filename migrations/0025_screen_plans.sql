DROP INDEX "sync"."parked_unsettled_idx";--> statement-breakpoint
CREATE INDEX "alerts_unsent_idx" ON "sync"."alerts" USING btree ("id") WHERE delivered_at is null;--> statement-breakpoint
CREATE INDEX "outbox_parked_idx" ON "sync"."outbox" USING btree ("settled_at") WHERE state in ('parked', 'unknown', 'unsettled');--> statement-breakpoint
CREATE INDEX "parked_unsettled_idx" ON "sync"."parked" USING btree ("resource","last_seen_at","id","first_seen_at") WHERE settled_at is null;