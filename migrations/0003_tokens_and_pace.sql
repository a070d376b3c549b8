-- Unlogged, by hand: losing the pace in a crash costs nothing, and each of its updates would wait for the disk.
CREATE UNLOGGED TABLE "sync"."pace" (
	"key_id" text PRIMARY KEY NOT NULL,
	"next_at" timestamp with time zone NOT NULL,
	"taken" bigint DEFAULT 0 NOT NULL,
	"held_until" timestamp with time zone,
	"lowered_to" double precision,
	"lowered_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "sync"."refresh_tokens" (
	"key_id" text PRIMARY KEY NOT NULL,
	"sealed" text,
	"version" bigint DEFAULT 1 NOT NULL,
	"uses" integer DEFAULT 0 NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL
);
