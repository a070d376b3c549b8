CREATE INDEX "run_outcomes_ok_idx" ON "sync"."run_outcomes" USING btree ("resource","finished_at") WHERE outcome = 'ok';--> statement-breakpoint
CREATE INDEX "runs_ended_idx" ON "sync"."runs" USING btree ("kind","id") WHERE finished_at is not null and planned is not null;--> statement-breakpoint
CREATE INDEX "runs_well_idx" ON "sync"."runs" USING btree ("kind","finished_at") WHERE outcome in ('ok', 'forbidden');--> statement-breakpoint
CREATE INDEX "changed_parents_record_idx" ON "sync"."changed_parents" USING btree ("resource","record_id");--> statement-breakpoint
CREATE INDEX "outbox_unsettled_idx" ON "sync"."outbox" USING btree ("state","id") WHERE state in ('waiting', 'sending', 'parked');--> statement-breakpoint
CREATE INDEX "outbox_settled_idx" ON "sync"."outbox" USING btree ("settled_at") WHERE settled_at is not null;--> statement-breakpoint
CREATE INDEX "outbox_unnoted_idx" ON "sync"."outbox" USING btree ("id") WHERE resource = 'projects' and noted_at is null and state in ('sent', 'superseded', 'parked');