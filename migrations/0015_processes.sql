CREATE TABLE "sync"."processes" (
	"id" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"version" text NOT NULL,
	"parts" text[] NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL
);
