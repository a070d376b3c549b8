ALTER TABLE "sync"."processes" ADD COLUMN "connections" integer;--> statement-breakpoint
ALTER TABLE "sync"."requests" ADD COLUMN "run_id" bigint;--> statement-breakpoint
ALTER TABLE "sync"."requests" ADD COLUMN "resource" text;--> statement-breakpoint
CREATE INDEX "parked_unsettled_idx" ON "sync"."parked" USING btree ("resource","last_seen_at") WHERE settled_at is null;