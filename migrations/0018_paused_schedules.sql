CREATE TABLE "sync"."paused_schedules" (
	"schedule" text PRIMARY KEY NOT NULL,
	"paused_at" timestamp with time zone DEFAULT now() NOT NULL
);
