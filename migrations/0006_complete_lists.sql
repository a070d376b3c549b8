CREATE TABLE "sync"."changed_parents" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sync"."changed_parents_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"resource" text NOT NULL,
	"record_id" text NOT NULL,
	"noted_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sync"."known_pages" (
	"resource" text NOT NULL,
	"page" integer NOT NULL,
	"question" text NOT NULL,
	"etag" text,
	"digest" text,
	"ids" text[] NOT NULL,
	"carriers" text[],
	"record_count" integer,
	"page_count" integer,
	"loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "known_pages_resource_page_pk" PRIMARY KEY("resource","page")
);
--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "pass" integer;
--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "chains" jsonb;
--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "steady" boolean DEFAULT true NOT NULL;
--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "full" boolean DEFAULT true NOT NULL;
--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "fresh" integer DEFAULT 0 NOT NULL;
--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "pages" integer;
--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "watermark" timestamp with time zone;
--> statement-breakpoint
ALTER TABLE "sync"."cursors" ADD COLUMN "followed" bigint;
--> statement-breakpoint
ALTER TABLE "sync"."run_outcomes" ADD COLUMN "deleted" integer DEFAULT 0 NOT NULL;
--> statement-breakpoint
ALTER TABLE "sync"."seen_pages" ADD COLUMN "pass" integer DEFAULT 1 NOT NULL;
--> statement-breakpoint
ALTER TABLE "sync"."seen_pages" ADD COLUMN "carriers" text[];
--> statement-breakpoint
ALTER TABLE "sync"."seen_pages" DROP CONSTRAINT "seen_pages_resource_page_pk";
--> statement-breakpoint
ALTER TABLE "sync"."seen_pages" ADD CONSTRAINT "seen_pages_resource_pass_page_pk" PRIMARY KEY("resource","pass","page");
--> statement-breakpoint
CREATE INDEX "changed_parents_resource_idx" ON "sync"."changed_parents" USING btree ("resource","id");
--> statement-breakpoint
ALTER TABLE "sync"."cursors" DROP COLUMN "next_page";
--> statement-breakpoint
-- A snapshot that was under way had its pages noted in another form; it begins anew.
DELETE FROM "sync"."seen_pages";
--> statement-breakpoint
UPDATE "sync"."cursors" SET "snapshot_started_at" = NULL, "request" = NULL, "first_count" = NULL, "position" = NULL;
