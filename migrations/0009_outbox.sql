CREATE TABLE "sync"."captured" (
	"type" text PRIMARY KEY NOT NULL,
	"relation" text NOT NULL,
	"writes" text[] NOT NULL,
	"columns" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sync"."local_ids" (
	"resource" text NOT NULL,
	"local_id" text NOT NULL,
	"real_id" text NOT NULL,
	"made_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "local_ids_resource_local_id_pk" PRIMARY KEY("resource","local_id")
);
--> statement-breakpoint
CREATE TABLE "sync"."outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sync"."outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"resource" text NOT NULL,
	"record_id" text NOT NULL,
	"op" text NOT NULL,
	"attributes" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"relationships" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"base" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"refs" text[] DEFAULT '{}' NOT NULL,
	"made_at" timestamp with time zone DEFAULT now() NOT NULL,
	"made_by" text NOT NULL,
	"txid" bigint NOT NULL,
	"state" text DEFAULT 'waiting' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"not_before" timestamp with time zone,
	"term" bigint,
	"claimed_by" text,
	"claim_pid" integer,
	"claim_start" timestamp with time zone,
	"claim_until" timestamp with time zone,
	"requested_at" timestamp with time zone,
	"known_ids" text[],
	"sent_at" timestamp with time zone,
	"settled_at" timestamp with time zone,
	"superseded_by" bigint,
	"answer_id" text,
	"answer" jsonb,
	"in_doubt" jsonb,
	"returned_at" timestamp with time zone,
	"noted_at" timestamp with time zone,
	"code" text,
	"reason" text,
	"errors" jsonb,
	"decisions" jsonb
);
--> statement-breakpoint
CREATE INDEX "outbox_open_idx" ON "sync"."outbox" USING btree ("id") WHERE state in ('waiting', 'sending');--> statement-breakpoint
CREATE INDEX "outbox_record_idx" ON "sync"."outbox" USING btree ("record_id","resource","id");--> statement-breakpoint
CREATE INDEX "outbox_owed_idx" ON "sync"."outbox" USING btree ("resource","record_id") WHERE state in ('parked', 'discarded') and returned_at is null and op <> 'create';--> statement-breakpoint
CREATE INDEX "outbox_refs_idx" ON "sync"."outbox" USING gin ("refs") WHERE refs <> '{}';--> statement-breakpoint
CREATE UNIQUE INDEX "outbox_answer_idx" ON "sync"."outbox" USING btree ("resource","answer_id") WHERE op = 'create' and answer_id is not null;