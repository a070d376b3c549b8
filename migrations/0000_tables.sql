CREATE SCHEMA IF NOT EXISTS "scopestack";
--> statement-breakpoint
CREATE SCHEMA IF NOT EXISTS "sync";
--> statement-breakpoint
CREATE TABLE "sync"."account" (
	"single" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"account_id" text NOT NULL,
	"account_slug" text NOT NULL,
	"bound_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sync"."capabilities" (
	"resource" text NOT NULL,
	"name" text NOT NULL,
	"value" jsonb NOT NULL,
	"probed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "capabilities_resource_name_pk" PRIMARY KEY("resource","name")
);
--> statement-breakpoint
CREATE TABLE "sync"."cursors" (
	"resource" text PRIMARY KEY NOT NULL,
	"snapshot_started_at" timestamp with time zone,
	"next_page" integer,
	"request" jsonb,
	"first_count" integer,
	"position" text,
	"as_of" timestamp with time zone,
	"rows" bigint
);
--> statement-breakpoint
CREATE TABLE "sync"."drift" (
	"resource" text NOT NULL,
	"member" text NOT NULL,
	"kind" text NOT NULL,
	"sample" text NOT NULL,
	"first_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "drift_resource_member_kind_pk" PRIMARY KEY("resource","member","kind")
);
--> statement-breakpoint
CREATE TABLE "sync"."leases" (
	"resource" text PRIMARY KEY NOT NULL,
	"term" bigint NOT NULL,
	"holder" text NOT NULL,
	"backend_pid" integer,
	"backend_start" timestamp with time zone,
	"acquired_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sync"."parked" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sync"."parked_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"resource" text NOT NULL,
	"digest" text NOT NULL,
	"record_id" text,
	"reason" text NOT NULL,
	"body" text NOT NULL,
	"first_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "sync"."run_outcomes" (
	"run_id" bigint NOT NULL,
	"resource" text NOT NULL,
	"outcome" text NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expected" integer,
	"seen" integer NOT NULL,
	"inserted" integer NOT NULL,
	"updated" integer NOT NULL,
	"unchanged" integer NOT NULL,
	"parked" integer NOT NULL,
	"pages" integer NOT NULL,
	"code" text,
	"message" text,
	CONSTRAINT "run_outcomes_run_id_resource_pk" PRIMARY KEY("run_id","resource")
);
--> statement-breakpoint
CREATE TABLE "sync"."runs" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sync"."runs_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	"outcome" text,
	"holder" text NOT NULL,
	"version" text NOT NULL,
	"error" text
);
--> statement-breakpoint
CREATE TABLE "sync"."seen_pages" (
	"resource" text NOT NULL,
	"page" integer NOT NULL,
	"ids" text[] NOT NULL,
	CONSTRAINT "seen_pages_resource_page_pk" PRIMARY KEY("resource","page")
);
--> statement-breakpoint
CREATE TABLE "sync"."tokens" (
	"key_id" text PRIMARY KEY NOT NULL,
	"generation" bigint DEFAULT 0 NOT NULL,
	"sealed" text,
	"issued_at" timestamp with time zone,
	"expires_at" timestamp with time zone,
	"claim" text,
	"claim_until" timestamp with time zone,
	"cool_down_until" timestamp with time zone,
	"cool_down_reason" text,
	"cool_down_refused" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "scopestack"."accounts" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."business_units" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"external_name" text,
	"street_address" text,
	"street2" text,
	"city" text,
	"state" text,
	"postal_code" text,
	"country" text,
	"account_id" text,
	"clients_ids" text[],
	"crm_opportunities_ids" text[],
	"document_templates_ids" text[],
	"expense_categories_ids" text[],
	"governances_ids" text[],
	"payment_credits_ids" text[],
	"payment_terms_ids" text[],
	"phases_ids" text[],
	"products_ids" text[],
	"project_variables_ids" text[],
	"rate_tables_ids" text[],
	"resources_ids" text[],
	"service_categories_ids" text[],
	"services_ids" text[],
	"teams_ids" text[],
	"users_ids" text[],
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."clients" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"msa_date" date,
	"domain" text,
	"user_defined_fields" jsonb,
	"account_id" text,
	"rate_table_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."contacts" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"phone" text,
	"email" text,
	"title" text,
	"client_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."crm_opportunities" (
	"id" text PRIMARY KEY NOT NULL,
	"opportunity_id" text,
	"name" text,
	"display_name" text,
	"amount" numeric,
	"stage" text,
	"is_closed" boolean,
	"owner_id" text,
	"owner_name" text,
	"crm_account_id" text,
	"account_name" text,
	"location_name" text,
	"street" text,
	"city" text,
	"state" text,
	"postal_code" text,
	"country" text,
	"custom_attributes" jsonb,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."document_templates" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"format" text,
	"merge_template_filename" text,
	"merge_template" jsonb,
	"filename_format" text[],
	"template_format" text,
	"include_formatting" boolean,
	"teams" jsonb,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."governance_allocation_methods" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."governance_calculation_types" (
	"id" text PRIMARY KEY NOT NULL,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."governances" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"rate" numeric,
	"fixed_hours" numeric,
	"calculation_type" text,
	"allocation_method" text,
	"required" boolean,
	"assign_effort_to_service" boolean,
	"filter_type" text,
	"filter_id" text,
	"position" bigint,
	"account_id" text,
	"resource_id" text,
	"phase_id" text,
	"service_category_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."language_fields" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"sow_language" text,
	"name" text,
	"label" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."merge_data" (
	"id" text PRIMARY KEY NOT NULL,
	"content" jsonb,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."mes" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"title" text,
	"email" text,
	"phone" text,
	"account_id" text,
	"account_slug" text,
	"privileges" jsonb,
	"uuid" text,
	"site_admin" boolean,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."payment_terms" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"default" boolean,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."phases" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"position" bigint,
	"sow_language" text,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."presales_engineers" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"email" text,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."products" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"description" text,
	"sku" text,
	"product_id" text,
	"manufacturer_part_number" text,
	"unit_of_measure" text,
	"unit_cost" numeric,
	"unit_price" numeric,
	"category" text,
	"subcategory" text,
	"list_price" numeric,
	"markup" numeric,
	"vendor_discount" numeric,
	"vendor_rebate" numeric,
	"billing_frequency" text,
	"custom_hardware_price" boolean,
	"custom_hardware_cost" boolean,
	"project_variables" jsonb,
	"variable_rates" jsonb,
	"account_id" text,
	"services_ids" text[],
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_approvals" (
	"id" text PRIMARY KEY NOT NULL,
	"status" text,
	"role" text,
	"comment" text,
	"reason" text,
	"completed_at" timestamp with time zone,
	"approver_name" text,
	"lob_ids" text[],
	"project_id" text,
	"user_id" text,
	"approval_step_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_contacts" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"title" text,
	"email" text,
	"phone" text,
	"contact_type" text,
	"project_variables" jsonb,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_documents" (
	"id" text PRIMARY KEY NOT NULL,
	"status" text,
	"error_text" text,
	"document_url" text,
	"template_id" text,
	"template_name" text,
	"document_type" text,
	"generate_pdf" boolean,
	"force_regeneration" boolean,
	"created_at" timestamp with time zone,
	"updated_at" timestamp with time zone,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_governances" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"description" text,
	"rate" numeric,
	"fixed_hours" numeric,
	"calculation_type" text,
	"allocation_method" text,
	"hours" numeric,
	"assign_effort_to_service" boolean,
	"filter_type" text,
	"filter_id" text,
	"position" bigint,
	"project_variables" jsonb,
	"project_id" text,
	"project_phase_id" text,
	"governance_id" text,
	"project_resource_id" text,
	"resource_id" text,
	"resource_rate_id" text,
	"service_category_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_locations" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"street" text,
	"street2" text,
	"city" text,
	"state" text,
	"postal_code" text,
	"country" text,
	"remote" boolean,
	"project_variables" jsonb,
	"project_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_phases" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"sow_language" text,
	"position" bigint,
	"project_id" text,
	"phase_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_resources" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"external_name" text,
	"extended_name" text,
	"description" text,
	"total_hours" numeric,
	"hourly_rate" numeric,
	"hourly_cost" numeric,
	"expense_rate" numeric,
	"code" text,
	"resource" jsonb,
	"project_id" text,
	"resource_id" text,
	"line_of_business_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_services" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"quantity" bigint,
	"override_hours" numeric,
	"actual_hours" numeric,
	"position" bigint,
	"service_type" text,
	"lob_number" text,
	"payment_frequency" text,
	"task_source" text,
	"languages" jsonb,
	"variable_rates" jsonb,
	"calculated_pricing" jsonb,
	"extended_hours" numeric,
	"total_hours" numeric,
	"external_resource_name" text,
	"sku" text,
	"service_description" text,
	"target_margin" numeric,
	"payment_method" text,
	"resource_rate_id" text,
	"custom_hours" boolean,
	"notes" jsonb,
	"project_id" text,
	"project_location_id" text,
	"project_phase_id" text,
	"project_resource_id" text,
	"resource_id" text,
	"service_id" text,
	"lob_id" text,
	"service_category_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_subservices" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"quantity" bigint,
	"extended_hours" numeric,
	"override_hours" numeric,
	"actual_hours" numeric,
	"position" bigint,
	"service_type" text,
	"payment_frequency" text,
	"task_source" text,
	"languages" jsonb,
	"variable_rates" jsonb,
	"calculated_pricing" jsonb,
	"external_resource_name" text,
	"sku" text,
	"service_description" text,
	"payment_method" text,
	"resource_rate_id" text,
	"custom_hours" boolean,
	"account_id" text,
	"project_id" text,
	"project_service_id" text,
	"project_location_id" text,
	"lob_id" text,
	"phase_id" text,
	"project_resource_id" text,
	"resource_id" text,
	"service_category_id" text,
	"subservice_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."project_variables" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"label" text,
	"name" text,
	"description" text,
	"variable_type" text,
	"minimum" numeric,
	"maximum" numeric,
	"required" boolean,
	"position" bigint,
	"variable_context" text,
	"select_options" jsonb,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."projects" (
	"id" text PRIMARY KEY NOT NULL,
	"project_name" text,
	"status" text,
	"active" boolean,
	"executive_summary" text,
	"solution_summary" text,
	"key_objectives" text,
	"our_responsibilities" text,
	"client_responsibilities" text,
	"out_of_scope" text,
	"one_time_adjustment" numeric,
	"mrr_adjustment" numeric,
	"mrr_terms" bigint,
	"cola" numeric,
	"recurring_billing_frequency" text,
	"include_ps_revenue_in_mrr" boolean,
	"service_start_date" date,
	"travel_limit" bigint,
	"submitted_at" timestamp with time zone,
	"approved_at" timestamp with time zone,
	"msa_date" date,
	"created_at" timestamp with time zone,
	"updated_at" timestamp with time zone,
	"project_variables" jsonb,
	"field_labels" jsonb,
	"tag_list" text[],
	"client_name" text,
	"presales_engineer_name" text,
	"sales_executive_name" text,
	"payment_info" jsonb,
	"contract_revenue" numeric,
	"contract_cost" numeric,
	"contract_margin" numeric,
	"account_id" text,
	"business_unit_id" text,
	"client_id" text,
	"creator_id" text,
	"user_id" text,
	"document_template_id" text,
	"external_request_id" text,
	"sales_executive_id" text,
	"presales_engineer_id" text,
	"psa_project_id" text,
	"crm_opportunity_id" text,
	"payment_term_id" text,
	"rate_table_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."questionnaires" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"published" boolean,
	"created_at" timestamp with time zone,
	"slug" text,
	"introduction" text,
	"thank_you" text,
	"completion_url" text,
	"questions" jsonb,
	"sections" jsonb,
	"tag_list" text[],
	"teams" jsonb,
	"description" text,
	"questions_ids" text[],
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."rate_tables" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"default" boolean,
	"accounting_code" text,
	"account_id" text,
	"resource_rates_ids" text[],
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."resources" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"external_name" text,
	"description" text,
	"hourly_rate" numeric,
	"hourly_cost" numeric,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."sales_executives" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"email" text,
	"title" text,
	"phone" text,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."service_categories" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"nested_name" text,
	"active" boolean,
	"lob_id" text,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."services" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"service_description" text,
	"service_type" text,
	"state" text,
	"tag_list" text[],
	"total_hours" numeric,
	"suggested_hours" numeric,
	"minimum_quantity" numeric,
	"sku" text,
	"payment_frequency" text,
	"guidance" text,
	"languages" jsonb,
	"lob_number" text,
	"position" bigint,
	"variable_rates" jsonb,
	"quantity" bigint,
	"base_hours" numeric,
	"published" boolean,
	"phase_id" text,
	"resource_id" text,
	"service_category_id" text,
	"account_id" text,
	"lob_id" text,
	"subservices_ids" text[],
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."subservices" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"service_description" text,
	"suggested_hours" numeric,
	"minimum_quantity" numeric,
	"quantity" bigint,
	"position" bigint,
	"languages" jsonb,
	"resource_id" text,
	"service_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."surveys" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"contact_name" text,
	"contact_email" text,
	"responses" jsonb,
	"recommendations" jsonb,
	"updated_at" timestamp with time zone,
	"created_at" timestamp with time zone,
	"status" text,
	"emails" text,
	"sender" text,
	"sent_at" timestamp with time zone,
	"calculations" jsonb,
	"user_id" text,
	"completed_by" text,
	"account_id" text,
	"questionnaire_id" text,
	"project_id" text,
	"project_survey_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."tags" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"account_id" text,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."users" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"email" text,
	"phone" text,
	"title" text,
	"privileges" jsonb,
	"preferred_rate_table" jsonb,
	"guided_onboarding" jsonb,
	"view_only" boolean,
	"account_id" text,
	"rate_table_id" text,
	"teams_ids" text[],
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "scopestack"."vendors" (
	"id" text PRIMARY KEY NOT NULL,
	"active" boolean,
	"name" text,
	"street_address" text,
	"street2" text,
	"city" text,
	"state" text,
	"postal_code" text,
	"country" text,
	"project_count" bigint,
	"account_id" text,
	"quotes_ids" text[],
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE UNIQUE INDEX "parked_resource_digest_idx" ON "sync"."parked" USING btree ("resource","digest");--> statement-breakpoint
CREATE INDEX "run_outcomes_resource_idx" ON "sync"."run_outcomes" USING btree ("resource","finished_at");--> statement-breakpoint
CREATE INDEX "business_units_account_id_idx" ON "scopestack"."business_units" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "clients_account_id_idx" ON "scopestack"."clients" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "clients_rate_table_id_idx" ON "scopestack"."clients" USING btree ("rate_table_id");--> statement-breakpoint
CREATE INDEX "contacts_client_id_idx" ON "scopestack"."contacts" USING btree ("client_id");--> statement-breakpoint
CREATE INDEX "crm_opportunities_account_id_idx" ON "scopestack"."crm_opportunities" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "document_templates_account_id_idx" ON "scopestack"."document_templates" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "governances_account_id_idx" ON "scopestack"."governances" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "governances_resource_id_idx" ON "scopestack"."governances" USING btree ("resource_id");--> statement-breakpoint
CREATE INDEX "governances_phase_id_idx" ON "scopestack"."governances" USING btree ("phase_id");--> statement-breakpoint
CREATE INDEX "governances_service_category_id_idx" ON "scopestack"."governances" USING btree ("service_category_id");--> statement-breakpoint
CREATE INDEX "payment_terms_account_id_idx" ON "scopestack"."payment_terms" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "phases_account_id_idx" ON "scopestack"."phases" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "presales_engineers_account_id_idx" ON "scopestack"."presales_engineers" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "products_account_id_idx" ON "scopestack"."products" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "project_approvals_project_id_idx" ON "scopestack"."project_approvals" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_approvals_user_id_idx" ON "scopestack"."project_approvals" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "project_approvals_approval_step_id_idx" ON "scopestack"."project_approvals" USING btree ("approval_step_id");--> statement-breakpoint
CREATE INDEX "project_contacts_project_id_idx" ON "scopestack"."project_contacts" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_documents_project_id_idx" ON "scopestack"."project_documents" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_governances_project_id_idx" ON "scopestack"."project_governances" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_governances_project_phase_id_idx" ON "scopestack"."project_governances" USING btree ("project_phase_id");--> statement-breakpoint
CREATE INDEX "project_governances_governance_id_idx" ON "scopestack"."project_governances" USING btree ("governance_id");--> statement-breakpoint
CREATE INDEX "project_governances_project_resource_id_idx" ON "scopestack"."project_governances" USING btree ("project_resource_id");--> statement-breakpoint
CREATE INDEX "project_governances_resource_id_idx" ON "scopestack"."project_governances" USING btree ("resource_id");--> statement-breakpoint
CREATE INDEX "project_governances_resource_rate_id_idx" ON "scopestack"."project_governances" USING btree ("resource_rate_id");--> statement-breakpoint
CREATE INDEX "project_governances_service_category_id_idx" ON "scopestack"."project_governances" USING btree ("service_category_id");--> statement-breakpoint
CREATE INDEX "project_locations_project_id_idx" ON "scopestack"."project_locations" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_phases_project_id_idx" ON "scopestack"."project_phases" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_phases_phase_id_idx" ON "scopestack"."project_phases" USING btree ("phase_id");--> statement-breakpoint
CREATE INDEX "project_resources_project_id_idx" ON "scopestack"."project_resources" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_resources_resource_id_idx" ON "scopestack"."project_resources" USING btree ("resource_id");--> statement-breakpoint
CREATE INDEX "project_resources_line_of_business_id_idx" ON "scopestack"."project_resources" USING btree ("line_of_business_id");--> statement-breakpoint
CREATE INDEX "project_services_project_id_idx" ON "scopestack"."project_services" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_services_project_location_id_idx" ON "scopestack"."project_services" USING btree ("project_location_id");--> statement-breakpoint
CREATE INDEX "project_services_project_phase_id_idx" ON "scopestack"."project_services" USING btree ("project_phase_id");--> statement-breakpoint
CREATE INDEX "project_services_project_resource_id_idx" ON "scopestack"."project_services" USING btree ("project_resource_id");--> statement-breakpoint
CREATE INDEX "project_services_resource_id_idx" ON "scopestack"."project_services" USING btree ("resource_id");--> statement-breakpoint
CREATE INDEX "project_services_service_id_idx" ON "scopestack"."project_services" USING btree ("service_id");--> statement-breakpoint
CREATE INDEX "project_services_lob_id_idx" ON "scopestack"."project_services" USING btree ("lob_id");--> statement-breakpoint
CREATE INDEX "project_services_service_category_id_idx" ON "scopestack"."project_services" USING btree ("service_category_id");--> statement-breakpoint
CREATE INDEX "project_subservices_account_id_idx" ON "scopestack"."project_subservices" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "project_subservices_project_id_idx" ON "scopestack"."project_subservices" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "project_subservices_project_service_id_idx" ON "scopestack"."project_subservices" USING btree ("project_service_id");--> statement-breakpoint
CREATE INDEX "project_subservices_project_location_id_idx" ON "scopestack"."project_subservices" USING btree ("project_location_id");--> statement-breakpoint
CREATE INDEX "project_subservices_lob_id_idx" ON "scopestack"."project_subservices" USING btree ("lob_id");--> statement-breakpoint
CREATE INDEX "project_subservices_phase_id_idx" ON "scopestack"."project_subservices" USING btree ("phase_id");--> statement-breakpoint
CREATE INDEX "project_subservices_project_resource_id_idx" ON "scopestack"."project_subservices" USING btree ("project_resource_id");--> statement-breakpoint
CREATE INDEX "project_subservices_resource_id_idx" ON "scopestack"."project_subservices" USING btree ("resource_id");--> statement-breakpoint
CREATE INDEX "project_subservices_service_category_id_idx" ON "scopestack"."project_subservices" USING btree ("service_category_id");--> statement-breakpoint
CREATE INDEX "project_subservices_subservice_id_idx" ON "scopestack"."project_subservices" USING btree ("subservice_id");--> statement-breakpoint
CREATE INDEX "project_variables_account_id_idx" ON "scopestack"."project_variables" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "projects_account_id_idx" ON "scopestack"."projects" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "projects_business_unit_id_idx" ON "scopestack"."projects" USING btree ("business_unit_id");--> statement-breakpoint
CREATE INDEX "projects_client_id_idx" ON "scopestack"."projects" USING btree ("client_id");--> statement-breakpoint
CREATE INDEX "projects_creator_id_idx" ON "scopestack"."projects" USING btree ("creator_id");--> statement-breakpoint
CREATE INDEX "projects_user_id_idx" ON "scopestack"."projects" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "projects_document_template_id_idx" ON "scopestack"."projects" USING btree ("document_template_id");--> statement-breakpoint
CREATE INDEX "projects_external_request_id_idx" ON "scopestack"."projects" USING btree ("external_request_id");--> statement-breakpoint
CREATE INDEX "projects_sales_executive_id_idx" ON "scopestack"."projects" USING btree ("sales_executive_id");--> statement-breakpoint
CREATE INDEX "projects_presales_engineer_id_idx" ON "scopestack"."projects" USING btree ("presales_engineer_id");--> statement-breakpoint
CREATE INDEX "projects_psa_project_id_idx" ON "scopestack"."projects" USING btree ("psa_project_id");--> statement-breakpoint
CREATE INDEX "projects_crm_opportunity_id_idx" ON "scopestack"."projects" USING btree ("crm_opportunity_id");--> statement-breakpoint
CREATE INDEX "projects_payment_term_id_idx" ON "scopestack"."projects" USING btree ("payment_term_id");--> statement-breakpoint
CREATE INDEX "projects_rate_table_id_idx" ON "scopestack"."projects" USING btree ("rate_table_id");--> statement-breakpoint
CREATE INDEX "rate_tables_account_id_idx" ON "scopestack"."rate_tables" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "resources_account_id_idx" ON "scopestack"."resources" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "sales_executives_account_id_idx" ON "scopestack"."sales_executives" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "service_categories_lob_id_idx" ON "scopestack"."service_categories" USING btree ("lob_id");--> statement-breakpoint
CREATE INDEX "service_categories_account_id_idx" ON "scopestack"."service_categories" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "services_phase_id_idx" ON "scopestack"."services" USING btree ("phase_id");--> statement-breakpoint
CREATE INDEX "services_resource_id_idx" ON "scopestack"."services" USING btree ("resource_id");--> statement-breakpoint
CREATE INDEX "services_service_category_id_idx" ON "scopestack"."services" USING btree ("service_category_id");--> statement-breakpoint
CREATE INDEX "services_account_id_idx" ON "scopestack"."services" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "services_lob_id_idx" ON "scopestack"."services" USING btree ("lob_id");--> statement-breakpoint
CREATE INDEX "subservices_resource_id_idx" ON "scopestack"."subservices" USING btree ("resource_id");--> statement-breakpoint
CREATE INDEX "subservices_service_id_idx" ON "scopestack"."subservices" USING btree ("service_id");--> statement-breakpoint
CREATE INDEX "surveys_account_id_idx" ON "scopestack"."surveys" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "surveys_questionnaire_id_idx" ON "scopestack"."surveys" USING btree ("questionnaire_id");--> statement-breakpoint
CREATE INDEX "surveys_project_id_idx" ON "scopestack"."surveys" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "surveys_project_survey_id_idx" ON "scopestack"."surveys" USING btree ("project_survey_id");--> statement-breakpoint
CREATE INDEX "tags_account_id_idx" ON "scopestack"."tags" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "users_account_id_idx" ON "scopestack"."users" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "users_rate_table_id_idx" ON "scopestack"."users" USING btree ("rate_table_id");--> statement-breakpoint
CREATE INDEX "vendors_account_id_idx" ON "scopestack"."vendors" USING btree ("account_id");