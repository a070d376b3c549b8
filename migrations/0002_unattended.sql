CREATE TABLE "sync"."alerts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sync"."alerts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"subject" text NOT NULL,
	"kind" text NOT NULL,
	"fingerprint" text NOT NULL,
	"body" jsonb NOT NULL,
	"raised_at" timestamp with time zone DEFAULT now() NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp with time zone,
	"last_error" text
);
--> statement-breakpoint
CREATE TABLE "sync"."installation" (
	"single" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"id" text DEFAULT gen_random_uuid() NOT NULL,
	"installed_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sync"."ticks" (
	"schedule" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"decided_at" timestamp with time zone DEFAULT now() NOT NULL,
	"run_id" bigint,
	"note" text,
	CONSTRAINT "ticks_schedule_at_pk" PRIMARY KEY("schedule","at")
);
--> statement-breakpoint
ALTER TABLE "sync"."runs" ADD COLUMN "planned" text[];--> statement-breakpoint
CREATE INDEX "alerts_subject_idx" ON "sync"."alerts" USING btree ("subject","id");--> statement-breakpoint
CREATE UNIQUE INDEX "runs_one_open_idx" ON "sync"."runs" USING btree ("kind") WHERE finished_at is null and planned is not null;
--> statement-breakpoint
INSERT INTO "sync"."installation" DEFAULT VALUES;
