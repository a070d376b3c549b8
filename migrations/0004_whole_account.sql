CREATE TABLE "scopestack"."approval_steps" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."audit_logs" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."customer_successes" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."expense_categories" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."external_requests" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."lines_of_business" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"code" text,
	"active" boolean,
	"position" bigint,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."notes" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."partner_requests" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."payment_credits" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."pricing_adjustments" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_attachments" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_collaborators" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_conditions" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_credits" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_expenses" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_materials" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_products" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_surveys" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_versions" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."psa_projects" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."questions" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."quotes" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."resource_plans" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."resource_rates" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."survey_recommendations" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."survey_responses" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."teams" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE INDEX "approval_steps_project_id_idx" ON "scopestack"."approval_steps" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "audit_logs_project_id_idx" ON "scopestack"."audit_logs" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "customer_successes_project_id_idx" ON "scopestack"."customer_successes" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "notes_project_id_idx" ON "scopestack"."notes" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "partner_requests_project_id_idx" ON "scopestack"."partner_requests" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "pricing_adjustments_project_id_idx" ON "scopestack"."pricing_adjustments" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_attachments_project_id_idx" ON "scopestack"."project_attachments" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_collaborators_project_id_idx" ON "scopestack"."project_collaborators" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_conditions_project_id_idx" ON "scopestack"."project_conditions" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_credits_project_id_idx" ON "scopestack"."project_credits" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_expenses_project_id_idx" ON "scopestack"."project_expenses" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_materials_project_id_idx" ON "scopestack"."project_materials" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_products_project_id_idx" ON "scopestack"."project_products" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_versions_project_id_idx" ON "scopestack"."project_versions" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "quotes_project_id_idx" ON "scopestack"."quotes" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "resource_plans_project_id_idx" ON "scopestack"."resource_plans" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "resource_rates_project_id_idx" ON "scopestack"."resource_rates" USING btree ("project_id");