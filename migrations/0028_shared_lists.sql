CREATE TABLE "sync"."chains" (
	"resource" text NOT NULL,
	"first" integer NOT NULL,
	"next" integer NOT NULL,
	"top" text,
	"reader" bigint,
	CONSTRAINT "chains_resource_first_pk" PRIMARY KEY("resource","first")
);
--> statement-breakpoint
CREATE TABLE "sync"."readers" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sync"."readers_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"resource" text NOT NULL,
	"term" bigint NOT NULL,
	"snapshot_started_at" timestamp with time zone NOT NULL,
	"pass" integer NOT NULL,
	"holder" text NOT NULL,
	"backend_pid" integer,
	"backend_start" timestamp with time zone,
	"begun_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"error" text,
	"error_page" integer,
	"records" integer DEFAULT 0 NOT NULL,
	"pages" integer DEFAULT 0 NOT NULL,
	"inserted" integer DEFAULT 0 NOT NULL,
	"updated" integer DEFAULT 0 NOT NULL,
	"unchanged" integer DEFAULT 0 NOT NULL,
	"kept" integer DEFAULT 0 NOT NULL,
	"steady" boolean DEFAULT true NOT NULL,
	"full" boolean DEFAULT true NOT NULL,
	"fresh" integer DEFAULT 0 NOT NULL,
	"parsed_all" boolean DEFAULT true NOT NULL,
	"misled" boolean DEFAULT false NOT NULL,
	"members" jsonb
);
--> statement-breakpoint
CREATE TABLE "sync"."shared_lists" (
	"resource" text PRIMARY KEY NOT NULL,
	"run_id" bigint,
	"term" bigint NOT NULL,
	"snapshot_started_at" timestamp with time zone NOT NULL,
	"pass" integer NOT NULL,
	"version" text NOT NULL,
	"reading" json NOT NULL,
	"shared_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "readers_resource_idx" ON "sync"."readers" USING btree ("resource");
--> statement-breakpoint
-- A role that works and owns nothing, which is one that may write the outbox, reads long lists together with others.
DO $$
DECLARE
  the_grantee regrole;
BEGIN
  FOR the_grantee IN
    SELECT DISTINCT a.grantee FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.oid = 'sync.outbox'::regclass AND a.privilege_type = 'INSERT' AND a.grantee NOT IN (0, c.relowner)
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON sync.shared_lists, sync.chains, sync.readers TO %s', the_grantee);
  END LOOP;
END $$;
