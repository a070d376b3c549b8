CREATE TABLE "sync"."requests" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sync"."requests_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"holder" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"method" text NOT NULL,
	"path" text NOT NULL,
	"status" integer,
	"code" text,
	"ms" integer NOT NULL,
	"bytes" bigint,
	"attempt" integer NOT NULL,
	"waited_ms" integer NOT NULL
);
