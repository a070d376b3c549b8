CREATE TABLE "scopestack"."currencies" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text,
	"format" text,
	"conversion_rate" numeric,
	"default" boolean,
	"sync_extra" jsonb,
	"sync_hash" text NOT NULL,
	"sync_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sync_deleted_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "scopestack"."rate_tables" ADD COLUMN "currency_id" text;--> statement-breakpoint
CREATE INDEX "rate_tables_currency_id_idx" ON "scopestack"."rate_tables" USING btree ("currency_id");
--> statement-breakpoint
-- A number that JSON holds as a number or as text (API notes, section 8); null where it is none, since one wrong value must not
-- fail a report, nor the write of a row with a column that is made by it. Hence no \d and \s, which take digits and spaces of other
-- scripts in some databases, where the cast fails. A SQL body is put into the statement that calls it, so it costs no call; and its
-- caller needs the right to.
CREATE FUNCTION sync.number_of(value text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN length(value) < 400 AND value ~ '^[ \t\n\r]*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?[ \t\n\r]*$' THEN value::numeric END;
--> statement-breakpoint
-- A time of JSON; null where it is none. The day is added by itself, since a cast of February 30 would fail.
CREATE FUNCTION sync.time_of(value text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN value ~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[-+](0[0-9]|1[0-4]):?[0-5][0-9])?)?$'
  THEN (left(value, 8) || '01' || substr(value, 11) || CASE WHEN value ~ '(Z|[-+][0-9]{2}:?[0-9]{2})$' AND length(value) > 10 THEN '' ELSE ' UTC' END)::timestamptz
    + (substr(value, 9, 2)::integer - 1) * interval '1 day' END;
--> statement-breakpoint
-- A member that the catalog does not declare: in sync_extra by its own name, or in a column that was made of it.
CREATE FUNCTION sync.member_of(record jsonb, member text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(record ->> replace(member, '-', '_'), record -> 'sync_extra' ->> member);
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION sync.number_of, sync.time_of, sync.member_of TO PUBLIC;
--> statement-breakpoint
-- Locks the views that are replaced below, and nothing that they read: RESET changes nothing. One that a session holds open is waited
-- for now, and not behind the work on the tables, which would be done again for each try.
ALTER VIEW IF EXISTS scopestack.report_projects RESET (security_barrier);
ALTER VIEW IF EXISTS scopestack.report_project_pipeline RESET (security_barrier);
ALTER VIEW IF EXISTS scopestack.report_client_revenue RESET (security_barrier);
ALTER VIEW IF EXISTS scopestack.report_service_demand RESET (security_barrier);
ALTER VIEW IF EXISTS scopestack.report_resource_hours RESET (security_barrier);
--> statement-breakpoint
-- The amounts of a line as numbers. Stored, since to take them out of JSON took two thirds of the time of every report on lines:
-- 1.5 of 2.3 s of CPU with 320,000 lines. Each table is rewritten once, in 2 and 7 s for 20,000 projects.
ALTER TABLE scopestack.project_services
  ADD COLUMN calculated_revenue numeric GENERATED ALWAYS AS (sync.number_of(calculated_pricing ->> 'service_revenue') + coalesce(sync.number_of(calculated_pricing ->> 'material_revenue'), 0)) STORED,
  ADD COLUMN calculated_cost numeric GENERATED ALWAYS AS (sync.number_of(calculated_pricing ->> 'service_cost') + coalesce(sync.number_of(calculated_pricing ->> 'material_cost'), 0)) STORED;
--> statement-breakpoint
ALTER TABLE scopestack.project_subservices
  ADD COLUMN calculated_revenue numeric GENERATED ALWAYS AS (sync.number_of(calculated_pricing ->> 'service_revenue') + coalesce(sync.number_of(calculated_pricing ->> 'material_revenue'), 0)) STORED,
  ADD COLUMN calculated_cost numeric GENERATED ALWAYS AS (sync.number_of(calculated_pricing ->> 'service_cost') + coalesce(sync.number_of(calculated_pricing ->> 'material_cost'), 0)) STORED;
--> statement-breakpoint
COMMENT ON COLUMN scopestack.project_services.calculated_revenue IS 'Revenue of the service without its subservices, out of calculated_pricing, in the currency of the project. Made here: it cannot be edited.';
COMMENT ON COLUMN scopestack.project_services.calculated_cost IS 'Cost of the service without its subservices, out of calculated_pricing, in the currency of the project. Made here: it cannot be edited.';
COMMENT ON COLUMN scopestack.project_subservices.calculated_revenue IS 'Revenue of the subservice, out of calculated_pricing, in the currency of the project. Made here: it cannot be edited.';
COMMENT ON COLUMN scopestack.project_subservices.calculated_cost IS 'Cost of the subservice, out of calculated_pricing, in the currency of the project. Made here: it cannot be edited.';
--> statement-breakpoint
CREATE VIEW scopestack.report_base_rate_tables AS
WITH known AS (
  SELECT r.id AS rate_table_id, r.name AS rate_table_name, r."default" IS TRUE AND r.sync_deleted_at IS NULL AS is_default,
    coalesce(r.currency_id, r.sync_extra ->> 'currency-id', chosen.currency_id) AS currency_id
  FROM scopestack.rate_tables r
  LEFT JOIN (
    -- A user carries the preferred rate table as a raw row, with the number of its currency.
    SELECT u.rate_table_id, min(u.preferred_rate_table ->> 'currency_id') AS currency_id
    FROM scopestack.users u WHERE u.sync_deleted_at IS NULL AND u.rate_table_id IS NOT NULL GROUP BY u.rate_table_id
  ) chosen ON chosen.rate_table_id = r.id
), account_default AS (
  SELECT coalesce(
    (SELECT c.id FROM scopestack.currencies c WHERE c."default" AND c.sync_deleted_at IS NULL ORDER BY c.id LIMIT 1),
    (SELECT k.currency_id FROM known k WHERE k.is_default AND k.currency_id IS NOT NULL ORDER BY k.rate_table_id LIMIT 1),
    (SELECT min(k.currency_id) FROM known k HAVING count(DISTINCT k.currency_id) = 1)) AS currency_id
), named AS (
  -- A name that two currencies share gets its id, so that their amounts are not added.
  SELECT c.id, CASE WHEN count(*) OVER (PARTITION BY c.name) = 1 THEN c.name ELSE c.name || ' (' || c.id || ')' END AS name,
    c.conversion_rate
  FROM scopestack.currencies c WHERE c.sync_deleted_at IS NULL
), used AS (
  SELECT k.rate_table_id, k.rate_table_name, coalesce(k.currency_id, d.currency_id) AS currency_id,
    k.currency_id IS NULL OR k.currency_id = d.currency_id IS TRUE AS is_default
  FROM known k CROSS JOIN account_default d
  UNION ALL
  SELECT NULL, NULL, d.currency_id, true FROM account_default d
)
SELECT u.rate_table_id, u.rate_table_name, u.currency_id,
  coalesce(n.name, CASE WHEN u.is_default THEN 'account default' ELSE 'currency ' || u.currency_id END) AS currency,
  CASE WHEN u.is_default THEN 1 ELSE n.conversion_rate END AS conversion_rate,
  CASE WHEN u.is_default THEN 1 WHEN n.conversion_rate > 0 THEN 1 / n.conversion_rate END AS to_default
FROM used u LEFT JOIN named n ON n.id = u.currency_id;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_base_rate_tables IS 'The currency of each rate table, which is that of the projects priced with it. One row per rate table.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_base_rate_tables.rate_table_id IS 'Id of the rate table; null in the row for projects that have none, which are in the default currency.';
COMMENT ON COLUMN scopestack.report_base_rate_tables.rate_table_name IS 'Name of the rate table.';
COMMENT ON COLUMN scopestack.report_base_rate_tables.currency_id IS 'Id of the currency (currencies.id); null where the account tells none.';
COMMENT ON COLUMN scopestack.report_base_rate_tables.currency IS 'Name of the currency; account default where the account has no list of currencies, currency 2 where only its number is known.';
COMMENT ON COLUMN scopestack.report_base_rate_tables.conversion_rate IS 'How much of this currency is worth 1.00 of the default one.';
COMMENT ON COLUMN scopestack.report_base_rate_tables.to_default IS 'What an amount is multiplied with to convert it into the account''s default currency; null where no rate is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_base_stages AS
WITH answered AS (
  SELECT a.project_id,
    min(a.completed_at) FILTER (WHERE lower(a.role) = 'technical') AS technical,
    min(a.completed_at) FILTER (WHERE lower(a.role) = 'sales') AS sales,
    min(a.completed_at) FILTER (WHERE lower(a.role) = 'business') AS business
  FROM scopestack.project_approvals a WHERE a.sync_deleted_at IS NULL AND a.completed_at IS NOT NULL GROUP BY a.project_id
), majority AS (
  -- In how many projects the one was answered before the other, less those where it was after. The usual order decides a tie.
  SELECT
    coalesce(sum(CASE WHEN technical < sales THEN 1 WHEN technical > sales THEN -1 END), 0) >= 0 AS technical_sales,
    coalesce(sum(CASE WHEN technical < business THEN 1 WHEN technical > business THEN -1 END), 0) >= 0 AS technical_business,
    coalesce(sum(CASE WHEN sales < business THEN 1 WHEN sales > business THEN -1 END), 0) >= 0 AS sales_business
  FROM answered
), levels AS (
  SELECT level.status, level.usual, level.behind FROM majority m CROSS JOIN LATERAL (VALUES
    ('technical_approval', 1, (NOT m.technical_sales)::integer + (NOT m.technical_business)::integer),
    ('sales_approval', 2, m.technical_sales::integer + (NOT m.sales_business)::integer),
    ('business_approval', 3, m.technical_business::integer + m.sales_business::integer)) AS level(status, usual, behind)
)
SELECT status, (1 + row_number() OVER (ORDER BY behind, usual))::integer AS stage FROM levels
UNION ALL
VALUES ('building', 1), ('approved', 5), ('won', 6), ('lost', 7), ('canceled', 8), ('archived', 98);
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_base_stages IS 'The place of each status in the pipeline. The levels of approval stand in the order in which this account answers them. One row per status that is known.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_base_stages.status IS 'Status of a project; archived stands for a project that was archived before it was decided.';
COMMENT ON COLUMN scopestack.report_base_stages.stage IS 'Place of the status in the pipeline, 1 first; 98 for archived, 99 for a status that is not known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_base_projects AS
SELECT p.id AS project_id, p.project_name, p.status AS project_status, p.active,
  CASE WHEN p.active IS FALSE AND NOT coalesce(p.status IN ('won', 'lost', 'canceled'), false) THEN 'archived' ELSE p.status END AS status,
  CASE WHEN p.status IN ('won', 'lost', 'canceled') THEN p.status WHEN p.active IS FALSE THEN 'archived' ELSE 'open' END AS outcome,
  p.client_id, p.sales_executive_id, p.presales_engineer_id, p.business_unit_id, p.rate_table_id, p.crm_opportunity_id,
  p.psa_project_id, p.created_at, p.submitted_at, p.approved_at, p.updated_at,
  dated.at AS dated_at,
  CASE WHEN p.status = 'won' AND dated.at = p.approved_at THEN 'approved_at'
    WHEN p.status IN ('won', 'lost', 'canceled') AND dated.at = p.updated_at THEN 'updated_at'
    WHEN dated.at IS NOT NULL THEN 'created_at' END AS dated_by,
  date_trunc('month', dated.at AT TIME ZONE 'UTC')::date AS month,
  coalesce(t.currency, (SELECT d.currency FROM scopestack.report_base_rate_tables d WHERE d.rate_table_id IS NULL)) AS currency,
  CASE WHEN t.rate_table_id IS NULL THEN 1 ELSE t.to_default END AS to_default,
  p.contract_revenue AS revenue, p.contract_cost AS cost
FROM scopestack.projects p
CROSS JOIN LATERAL (SELECT CASE
  WHEN p.status = 'won' THEN coalesce(p.approved_at, p.updated_at, p.created_at)
  WHEN p.status IN ('lost', 'canceled') THEN coalesce(p.updated_at, p.created_at)
  ELSE p.created_at END AS at) dated
LEFT JOIN scopestack.report_base_rate_tables t ON t.rate_table_id = p.rate_table_id
WHERE p.sync_deleted_at IS NULL;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_base_projects IS 'What every report counts: projects that are not deleted, each with its outcome, its month and its currency. Archived projects are counted: one that was won, lost or canceled keeps that outcome, any other has the outcome archived. One row per project.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_base_projects.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_base_projects.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_base_projects.project_status IS 'Status of the project as ScopeStack has it.';
COMMENT ON COLUMN scopestack.report_base_projects.active IS 'False when the project is archived.';
COMMENT ON COLUMN scopestack.report_base_projects.status IS 'Status of the project as ScopeStack has it; archived where it was archived before it was won, lost or canceled.';
COMMENT ON COLUMN scopestack.report_base_projects.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_base_projects.client_id IS 'Id of the client (clients.id).';
COMMENT ON COLUMN scopestack.report_base_projects.sales_executive_id IS 'Id of the sales executive (sales_executives.id).';
COMMENT ON COLUMN scopestack.report_base_projects.presales_engineer_id IS 'Id of the presales engineer (presales_engineers.id).';
COMMENT ON COLUMN scopestack.report_base_projects.business_unit_id IS 'Id of the business unit (business_units.id).';
COMMENT ON COLUMN scopestack.report_base_projects.rate_table_id IS 'Id of the rate table (rate_tables.id).';
COMMENT ON COLUMN scopestack.report_base_projects.crm_opportunity_id IS 'Id of the linked CRM opportunity (crm_opportunities.id); null when not linked.';
COMMENT ON COLUMN scopestack.report_base_projects.psa_project_id IS 'Id of the project in the PSA tool (psa_projects.id); null until it is handed over.';
COMMENT ON COLUMN scopestack.report_base_projects.created_at IS 'When the project was created.';
COMMENT ON COLUMN scopestack.report_base_projects.submitted_at IS 'When the project was submitted for approval, the last time; null when it never was.';
COMMENT ON COLUMN scopestack.report_base_projects.approved_at IS 'When the project was approved; null when it is not.';
COMMENT ON COLUMN scopestack.report_base_projects.updated_at IS 'When the project last changed.';
COMMENT ON COLUMN scopestack.report_base_projects.dated_at IS 'The time by which reports put the project into a month: see dated_by.';
COMMENT ON COLUMN scopestack.report_base_projects.dated_by IS 'Which time dated_at is: approved_at, updated_at or created_at. ScopeStack has no time of winning or losing.';
COMMENT ON COLUMN scopestack.report_base_projects.month IS 'First day of the month of dated_at, in UTC.';
COMMENT ON COLUMN scopestack.report_base_projects.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_base_projects.to_default IS 'What its amounts are multiplied with to convert them into the account''s default currency; null where no rate is known.';
COMMENT ON COLUMN scopestack.report_base_projects.revenue IS 'Price of the whole contract, in the currency of the project.';
COMMENT ON COLUMN scopestack.report_base_projects.cost IS 'Cost of the whole contract, in the currency of the project.';
--> statement-breakpoint
CREATE VIEW scopestack.report_base_lines AS
SELECT 'service' AS line_type, s.id AS line_id, s.project_id, s.service_id, s.name AS service_name, s.service_type, s.payment_frequency,
  s.resource_id, s.project_resource_id, s.project_phase_id, NULL::text AS phase_id, s.project_location_id,
  coalesce(s.lob_id, s.lob_number) AS line_of_business_id,
  s.extended_hours AS hours,
  s.calculated_revenue AS revenue,
  s.calculated_cost AS cost
FROM scopestack.project_services s
WHERE s.sync_deleted_at IS NULL AND s.active IS NOT FALSE
UNION ALL
SELECT 'subservice', b.id, s.project_id, s.service_id, s.name, s.service_type, s.payment_frequency,
  b.resource_id, b.project_resource_id, s.project_phase_id, b.phase_id, coalesce(b.project_location_id, s.project_location_id),
  coalesce(b.lob_id, s.lob_id, s.lob_number),
  b.extended_hours,
  b.calculated_revenue,
  b.calculated_cost
FROM scopestack.project_subservices b
JOIN scopestack.project_services s ON s.id = b.project_service_id AND s.sync_deleted_at IS NULL AND s.active IS NOT FALSE
WHERE b.sync_deleted_at IS NULL AND b.active IS NOT FALSE
UNION ALL
SELECT 'governance', g.id, g.project_id, NULL, g.description, NULL, NULL,
  coalesce(g.resource_id, r.resource_id), g.project_resource_id, g.project_phase_id, NULL, NULL, NULL,
  g.hours, g.hours * r.hourly_rate, g.hours * r.hourly_cost
FROM scopestack.project_governances g
LEFT JOIN scopestack.project_resources r ON r.id = g.project_resource_id
WHERE g.sync_deleted_at IS NULL AND g.active IS NOT FALSE;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_base_lines IS 'What the hours, and the revenue by line of business, resource, phase, service and location, are counted from: services, subservices and governance of projects. Deleted lines do not count, nor archived ones, which are off the project; nor the subservices of a service that does not count. One row per line.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_base_lines.line_type IS 'service, subservice or governance.';
COMMENT ON COLUMN scopestack.report_base_lines.line_id IS 'Id of the line in project_services, project_subservices or project_governances.';
COMMENT ON COLUMN scopestack.report_base_lines.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_base_lines.service_id IS 'Id of the catalog service (services.id); null for a custom one.';
COMMENT ON COLUMN scopestack.report_base_lines.service_name IS 'Name of the service on the project, also of its subservices; of governance its description.';
COMMENT ON COLUMN scopestack.report_base_lines.service_type IS 'professional_services or managed_services.';
COMMENT ON COLUMN scopestack.report_base_lines.payment_frequency IS 'How often the service is charged, such as one_time or monthly.';
COMMENT ON COLUMN scopestack.report_base_lines.resource_id IS 'Id of the standard resource (resources.id); null where there is none.';
COMMENT ON COLUMN scopestack.report_base_lines.project_resource_id IS 'Id of the role on the project (project_resources.id).';
COMMENT ON COLUMN scopestack.report_base_lines.project_phase_id IS 'Id of the phase of the project (project_phases.id).';
COMMENT ON COLUMN scopestack.report_base_lines.phase_id IS 'Id of a subservice''s own phase (phases.id); null where it has the phase of its service.';
COMMENT ON COLUMN scopestack.report_base_lines.project_location_id IS 'Id of the location of the project (project_locations.id).';
COMMENT ON COLUMN scopestack.report_base_lines.line_of_business_id IS 'Id of the line of business (lines_of_business.id).';
COMMENT ON COLUMN scopestack.report_base_lines.hours IS 'Hours of the line itself, times its quantity.';
COMMENT ON COLUMN scopestack.report_base_lines.revenue IS 'Revenue of the line, in the project''s currency: calculated by ScopeStack; of governance its hours at the rate of its role.';
COMMENT ON COLUMN scopestack.report_base_lines.cost IS 'Cost of the line, in the project''s currency.';
--> statement-breakpoint
CREATE VIEW scopestack.report_base_project_lines AS
SELECT project_id, sum(hours) AS hours,
  sum(hours) FILTER (WHERE line_type <> 'governance') AS services_hours,
  sum(hours) FILTER (WHERE line_type = 'governance') AS governance_hours,
  sum(revenue) AS revenue, sum(cost) AS cost,
  sum(revenue) FILTER (WHERE line_type <> 'governance' AND service_type IS DISTINCT FROM 'managed_services') AS services_revenue,
  sum(revenue) FILTER (WHERE line_type = 'governance') AS governance_revenue,
  sum(revenue) FILTER (WHERE line_type <> 'governance' AND service_type = 'managed_services') AS managed_services_revenue
FROM scopestack.report_base_lines GROUP BY project_id;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_base_project_lines IS 'The lines of each project added up: what of a contract is in its lines, and what is not. One row per project that has lines.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_base_project_lines.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_base_project_lines.hours IS 'Hours of the counted lines: services, subservices and governance that are not archived.';
COMMENT ON COLUMN scopestack.report_base_project_lines.services_hours IS 'Hours of services and subservices.';
COMMENT ON COLUMN scopestack.report_base_project_lines.governance_hours IS 'Hours of governance, such as project management.';
COMMENT ON COLUMN scopestack.report_base_project_lines.revenue IS 'Revenue of all lines.';
COMMENT ON COLUMN scopestack.report_base_project_lines.cost IS 'Cost of all lines.';
COMMENT ON COLUMN scopestack.report_base_project_lines.services_revenue IS 'Revenue of professional services with their subservices.';
COMMENT ON COLUMN scopestack.report_base_project_lines.governance_revenue IS 'Revenue of governance.';
COMMENT ON COLUMN scopestack.report_base_project_lines.managed_services_revenue IS 'Revenue of managed services with their subservices, of one period.';
--> statement-breakpoint
CREATE OR REPLACE VIEW scopestack.report_projects AS
SELECT
  b.project_id,
  b.project_name,
  b.project_status AS status,
  b.active,
  b.client_id,
  cl.name AS client_name,
  se.name AS sales_executive_name,
  pe.name AS presales_engineer_name,
  bu.name AS business_unit_name,
  b.revenue AS contract_revenue,
  b.cost AS contract_cost,
  b.revenue - b.cost AS contract_profit,
  (b.revenue - b.cost) / nullif(b.revenue, 0) AS contract_margin,
  effort.hours,
  sold.services,
  b.created_at,
  b.submitted_at,
  b.approved_at,
  b.approved_at - b.submitted_at AS approval_time,
  b.updated_at,
  b.outcome,
  coalesce(st.stage, 99) AS stage,
  b.dated_at,
  b.dated_by,
  b.month,
  date_trunc('quarter', b.month)::date AS quarter,
  b.currency,
  b.revenue * b.to_default AS revenue_in_default_currency,
  b.cost * b.to_default AS cost_in_default_currency,
  (b.revenue - b.cost) * b.to_default AS profit_in_default_currency,
  effort.services_hours,
  effort.governance_hours,
  effort.governance_hours / nullif(effort.hours, 0) AS governance_share,
  b.sales_executive_id,
  b.presales_engineer_id,
  b.business_unit_id,
  b.rate_table_id,
  rt.name AS rate_table_name,
  b.crm_opportunity_id,
  b.psa_project_id,
  p.tag_list AS tags
FROM scopestack.report_base_projects b
JOIN scopestack.projects p ON p.id = b.project_id
LEFT JOIN scopestack.report_base_stages st ON st.status = b.status
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
LEFT JOIN scopestack.sales_executives se ON se.id = b.sales_executive_id
LEFT JOIN scopestack.presales_engineers pe ON pe.id = b.presales_engineer_id
LEFT JOIN scopestack.business_units bu ON bu.id = b.business_unit_id
LEFT JOIN scopestack.rate_tables rt ON rt.id = b.rate_table_id
LEFT JOIN scopestack.report_base_project_lines effort ON effort.project_id = b.project_id
LEFT JOIN (
  SELECT project_id, count(*) AS services FROM scopestack.project_services
  WHERE sync_deleted_at IS NULL AND active IS NOT false GROUP BY project_id
) sold ON sold.project_id = b.project_id;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_projects IS 'Every project with the names its keys stand for, its amounts, hours and dates. One row per project; archived ones are there, too (active is false).';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_projects.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_projects.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_projects.status IS 'Status of the project as ScopeStack has it.';
COMMENT ON COLUMN scopestack.report_projects.active IS 'False when the project is archived.';
COMMENT ON COLUMN scopestack.report_projects.client_id IS 'Id of the client (clients.id).';
COMMENT ON COLUMN scopestack.report_projects.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_projects.sales_executive_name IS 'Name of the sales executive.';
COMMENT ON COLUMN scopestack.report_projects.presales_engineer_name IS 'Name of the presales engineer.';
COMMENT ON COLUMN scopestack.report_projects.business_unit_name IS 'Name of the business unit.';
COMMENT ON COLUMN scopestack.report_projects.contract_revenue IS 'Price of the whole contract as ScopeStack has it, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_projects.contract_cost IS 'Cost of the whole contract as ScopeStack has it, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_projects.contract_profit IS 'Revenue less cost.';
COMMENT ON COLUMN scopestack.report_projects.contract_margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_projects.hours IS 'Hours of the counted lines: services, subservices and governance that are not archived.';
COMMENT ON COLUMN scopestack.report_projects.services IS 'Number of services on the project, archived ones left out.';
COMMENT ON COLUMN scopestack.report_projects.created_at IS 'When the project was created.';
COMMENT ON COLUMN scopestack.report_projects.submitted_at IS 'When the project was submitted for approval, the last time; null when it never was.';
COMMENT ON COLUMN scopestack.report_projects.approved_at IS 'When the project was approved; null when it is not.';
COMMENT ON COLUMN scopestack.report_projects.approval_time IS 'From the last submission to the approval.';
COMMENT ON COLUMN scopestack.report_projects.updated_at IS 'When the project last changed.';
COMMENT ON COLUMN scopestack.report_projects.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_projects.stage IS 'Place of the status in the pipeline, 1 first; 98 for archived, 99 for a status that is not known.';
COMMENT ON COLUMN scopestack.report_projects.dated_at IS 'The time by which reports put the project into a month: see dated_by.';
COMMENT ON COLUMN scopestack.report_projects.dated_by IS 'Which time dated_at is: approved_at, updated_at or created_at. ScopeStack has no time of winning or losing.';
COMMENT ON COLUMN scopestack.report_projects.month IS 'First day of the month of dated_at, in UTC.';
COMMENT ON COLUMN scopestack.report_projects.quarter IS 'First day of the quarter of dated_at, in UTC.';
COMMENT ON COLUMN scopestack.report_projects.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_projects.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_projects.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_projects.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_projects.services_hours IS 'Hours of services and subservices.';
COMMENT ON COLUMN scopestack.report_projects.governance_hours IS 'Hours of governance, such as project management.';
COMMENT ON COLUMN scopestack.report_projects.governance_share IS 'Governance as a fraction of all hours.';
COMMENT ON COLUMN scopestack.report_projects.sales_executive_id IS 'Id of the sales executive (sales_executives.id).';
COMMENT ON COLUMN scopestack.report_projects.presales_engineer_id IS 'Id of the presales engineer (presales_engineers.id).';
COMMENT ON COLUMN scopestack.report_projects.business_unit_id IS 'Id of the business unit (business_units.id).';
COMMENT ON COLUMN scopestack.report_projects.rate_table_id IS 'Id of the rate table (rate_tables.id).';
COMMENT ON COLUMN scopestack.report_projects.rate_table_name IS 'Name of the rate table the project is priced with.';
COMMENT ON COLUMN scopestack.report_projects.crm_opportunity_id IS 'Id of the linked CRM opportunity (crm_opportunities.id); null when not linked.';
COMMENT ON COLUMN scopestack.report_projects.psa_project_id IS 'Id of the project in the PSA tool (psa_projects.id); null until it is handed over.';
COMMENT ON COLUMN scopestack.report_projects.tags IS 'Tags put on the project.';
--> statement-breakpoint
CREATE OR REPLACE VIEW scopestack.report_project_pipeline AS
SELECT
  coalesce(st.stage, 99) AS stage,
  b.status,
  count(*) AS projects,
  sum(b.revenue) AS contract_revenue,
  sum(b.cost) AS contract_cost,
  (sum(b.revenue) - sum(b.cost)) / nullif(sum(b.revenue), 0) AS contract_margin,
  sum(effort.hours) AS hours,
  b.outcome,
  b.currency,
  sum(b.revenue) - sum(b.cost) AS contract_profit,
  sum(b.revenue) * b.to_default AS revenue_in_default_currency,
  sum(b.cost) * b.to_default AS cost_in_default_currency,
  (sum(b.revenue) - sum(b.cost)) * b.to_default AS profit_in_default_currency
FROM scopestack.report_base_projects b
LEFT JOIN scopestack.report_base_stages st ON st.status = b.status
LEFT JOIN scopestack.report_base_project_lines effort ON effort.project_id = b.project_id
GROUP BY st.stage, b.status, b.outcome, b.currency, b.to_default;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_project_pipeline IS 'Projects by status, with revenue, cost, margin (fraction) and hours. Order by stage. One row per status and currency; projects that were archived before they were decided are one of them, with the status archived.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_project_pipeline.stage IS 'Place of the status in the pipeline, 1 first; 98 for archived, 99 for a status that is not known.';
COMMENT ON COLUMN scopestack.report_project_pipeline.status IS 'Status of the project as ScopeStack has it; archived where it was archived before it was won, lost or canceled.';
COMMENT ON COLUMN scopestack.report_project_pipeline.projects IS 'Number of projects.';
COMMENT ON COLUMN scopestack.report_project_pipeline.contract_revenue IS 'Price of the whole contract as ScopeStack has it, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_project_pipeline.contract_cost IS 'Cost of the whole contract as ScopeStack has it, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_project_pipeline.contract_margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_project_pipeline.hours IS 'Hours of the counted lines: services, subservices and governance that are not archived.';
COMMENT ON COLUMN scopestack.report_project_pipeline.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_project_pipeline.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_project_pipeline.contract_profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_project_pipeline.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_project_pipeline.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_project_pipeline.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_pipeline_by_month AS
SELECT date_trunc('month', b.created_at AT TIME ZONE 'UTC')::date AS created_month,
  coalesce(st.stage, 99) AS stage, b.status, b.outcome, b.currency,
  count(*) AS projects,
  sum(b.revenue) AS revenue, sum(b.cost) AS cost, sum(b.revenue) - sum(b.cost) AS profit,
  (sum(b.revenue) - sum(b.cost)) / nullif(sum(b.revenue), 0) AS margin,
  sum(b.revenue) * b.to_default AS revenue_in_default_currency, sum(b.cost) * b.to_default AS cost_in_default_currency,
  (sum(b.revenue) - sum(b.cost)) * b.to_default AS profit_in_default_currency
FROM scopestack.report_base_projects b
LEFT JOIN scopestack.report_base_stages st ON st.status = b.status
GROUP BY 1, st.stage, b.status, b.outcome, b.currency, b.to_default;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_pipeline_by_month IS 'Projects by stage, and by the month in which they were created. One row per status, month of creation and currency.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_pipeline_by_month.created_month IS 'First day of the month in which the projects were created, in UTC.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.stage IS 'Place of the status in the pipeline, 1 first; 98 for archived, 99 for a status that is not known.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.status IS 'Status of the project as ScopeStack has it; archived where it was archived before it was won, lost or canceled.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.projects IS 'Number of projects.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_pipeline_by_month.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE OR REPLACE VIEW scopestack.report_client_revenue AS
SELECT
  b.client_id,
  cl.name AS client_name,
  count(*) FILTER (WHERE b.outcome = 'won') AS won_projects,
  sum(b.revenue) FILTER (WHERE b.outcome = 'won') AS won_revenue,
  count(*) FILTER (WHERE b.outcome = 'open') AS open_projects,
  sum(b.revenue) FILTER (WHERE b.outcome = 'open') AS open_revenue,
  b.currency,
  count(*) FILTER (WHERE b.outcome = 'lost') AS lost_projects,
  sum(b.revenue) FILTER (WHERE b.outcome = 'lost') AS lost_revenue,
  sum(b.cost) FILTER (WHERE b.outcome = 'won') AS won_cost,
  sum(b.revenue) FILTER (WHERE b.outcome = 'won') - sum(b.cost) FILTER (WHERE b.outcome = 'won') AS won_profit,
  (sum(b.revenue) FILTER (WHERE b.outcome = 'won') - sum(b.cost) FILTER (WHERE b.outcome = 'won')) / nullif(sum(b.revenue) FILTER (WHERE b.outcome = 'won'), 0) AS won_margin,
  sum(b.revenue) FILTER (WHERE b.outcome = 'won') * b.to_default AS won_revenue_in_default_currency,
  sum(b.revenue) FILTER (WHERE b.outcome = 'open') * b.to_default AS open_revenue_in_default_currency
FROM scopestack.report_base_projects b
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
WHERE b.client_id IS NOT NULL
GROUP BY b.client_id, cl.name, b.currency, b.to_default;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_client_revenue IS 'What each client bought, and what is still open. One row per client with projects, and per currency.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_client_revenue.client_id IS 'Id of the client (clients.id).';
COMMENT ON COLUMN scopestack.report_client_revenue.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_client_revenue.won_projects IS 'Number of projects that were won.';
COMMENT ON COLUMN scopestack.report_client_revenue.won_revenue IS 'Revenue of the projects that were won, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_client_revenue.open_projects IS 'Number of projects that are open.';
COMMENT ON COLUMN scopestack.report_client_revenue.open_revenue IS 'Revenue of the projects that are open, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_client_revenue.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_client_revenue.lost_projects IS 'Number of projects that were lost.';
COMMENT ON COLUMN scopestack.report_client_revenue.lost_revenue IS 'Revenue of the projects that were lost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_client_revenue.won_cost IS 'Cost of the projects that were won.';
COMMENT ON COLUMN scopestack.report_client_revenue.won_profit IS 'Revenue less cost of the projects that were won.';
COMMENT ON COLUMN scopestack.report_client_revenue.won_margin IS 'Profit of the projects that were won as a fraction of their revenue.';
COMMENT ON COLUMN scopestack.report_client_revenue.won_revenue_in_default_currency IS 'Revenue of the projects that were won, in the account''s default currency; null where no rate is known.';
COMMENT ON COLUMN scopestack.report_client_revenue.open_revenue_in_default_currency IS 'Revenue of the projects that are open, in the account''s default currency; null where no rate is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_revenue_by_month AS
SELECT b.outcome, b.month, date_trunc('quarter', b.month)::date AS quarter, b.currency,
  count(*) AS projects,
  sum(b.revenue) AS revenue, sum(b.cost) AS cost, sum(b.revenue) - sum(b.cost) AS profit,
  (sum(b.revenue) - sum(b.cost)) / nullif(sum(b.revenue), 0) AS margin,
  sum(b.revenue) * b.to_default AS revenue_in_default_currency, sum(b.cost) * b.to_default AS cost_in_default_currency,
  (sum(b.revenue) - sum(b.cost)) * b.to_default AS profit_in_default_currency
FROM scopestack.report_base_projects b
GROUP BY b.outcome, b.month, b.currency, b.to_default;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_revenue_by_month IS 'Revenue, cost and margin by month. One row per outcome, month and currency; sum for quarters and years.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_revenue_by_month.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.quarter IS 'First day of the quarter of the month.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.projects IS 'Number of projects.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_month.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_revenue_by_client AS
SELECT b.client_id, coalesce(n.name, CASE WHEN b.client_id IS NULL THEN 'no client' ELSE 'client ' || b.client_id END) AS client_name,
  b.outcome, b.month, b.currency,
  count(*) AS projects,
  sum(b.revenue) AS revenue, sum(b.cost) AS cost, sum(b.revenue) - sum(b.cost) AS profit,
  (sum(b.revenue) - sum(b.cost)) / nullif(sum(b.revenue), 0) AS margin,
  sum(b.revenue) * b.to_default AS revenue_in_default_currency, sum(b.cost) * b.to_default AS cost_in_default_currency,
  (sum(b.revenue) - sum(b.cost)) * b.to_default AS profit_in_default_currency
FROM scopestack.report_base_projects b
LEFT JOIN scopestack.clients n ON n.id = b.client_id
GROUP BY b.client_id, n.name, b.outcome, b.month, b.currency, b.to_default;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_revenue_by_client IS 'Revenue, cost and margin by client. One row per client, outcome, month and currency; projects without one are a row of their own.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_revenue_by_client.client_id IS 'Id of the client (clients.id).';
COMMENT ON COLUMN scopestack.report_revenue_by_client.client_name IS 'Name of the client; no client where the project has none.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.projects IS 'Number of projects.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_client.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_revenue_by_sales_executive AS
SELECT b.sales_executive_id, coalesce(n.name, CASE WHEN b.sales_executive_id IS NULL THEN 'no sales executive' ELSE 'sales executive ' || b.sales_executive_id END) AS sales_executive_name,
  b.outcome, b.month, b.currency,
  count(*) AS projects,
  sum(b.revenue) AS revenue, sum(b.cost) AS cost, sum(b.revenue) - sum(b.cost) AS profit,
  (sum(b.revenue) - sum(b.cost)) / nullif(sum(b.revenue), 0) AS margin,
  sum(b.revenue) * b.to_default AS revenue_in_default_currency, sum(b.cost) * b.to_default AS cost_in_default_currency,
  (sum(b.revenue) - sum(b.cost)) * b.to_default AS profit_in_default_currency
FROM scopestack.report_base_projects b
LEFT JOIN scopestack.sales_executives n ON n.id = b.sales_executive_id
GROUP BY b.sales_executive_id, n.name, b.outcome, b.month, b.currency, b.to_default;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_revenue_by_sales_executive IS 'Revenue, cost and margin by sales executive. One row per sales executive, outcome, month and currency; projects without one are a row of their own.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.sales_executive_id IS 'Id of the sales executive (sales_executives.id).';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.sales_executive_name IS 'Name of the sales executive; no sales executive where the project has none.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.projects IS 'Number of projects.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_sales_executive.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_revenue_by_presales_engineer AS
SELECT b.presales_engineer_id, coalesce(n.name, CASE WHEN b.presales_engineer_id IS NULL THEN 'no presales engineer' ELSE 'presales engineer ' || b.presales_engineer_id END) AS presales_engineer_name,
  b.outcome, b.month, b.currency,
  count(*) AS projects,
  sum(b.revenue) AS revenue, sum(b.cost) AS cost, sum(b.revenue) - sum(b.cost) AS profit,
  (sum(b.revenue) - sum(b.cost)) / nullif(sum(b.revenue), 0) AS margin,
  sum(b.revenue) * b.to_default AS revenue_in_default_currency, sum(b.cost) * b.to_default AS cost_in_default_currency,
  (sum(b.revenue) - sum(b.cost)) * b.to_default AS profit_in_default_currency
FROM scopestack.report_base_projects b
LEFT JOIN scopestack.presales_engineers n ON n.id = b.presales_engineer_id
GROUP BY b.presales_engineer_id, n.name, b.outcome, b.month, b.currency, b.to_default;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_revenue_by_presales_engineer IS 'Revenue, cost and margin by presales engineer. One row per presales engineer, outcome, month and currency; projects without one are a row of their own.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.presales_engineer_id IS 'Id of the presales engineer (presales_engineers.id).';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.presales_engineer_name IS 'Name of the presales engineer; no presales engineer where the project has none.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.projects IS 'Number of projects.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_presales_engineer.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_revenue_by_business_unit AS
SELECT b.business_unit_id, coalesce(n.name, CASE WHEN b.business_unit_id IS NULL THEN 'no business unit' ELSE 'business unit ' || b.business_unit_id END) AS business_unit_name,
  b.outcome, b.month, b.currency,
  count(*) AS projects,
  sum(b.revenue) AS revenue, sum(b.cost) AS cost, sum(b.revenue) - sum(b.cost) AS profit,
  (sum(b.revenue) - sum(b.cost)) / nullif(sum(b.revenue), 0) AS margin,
  sum(b.revenue) * b.to_default AS revenue_in_default_currency, sum(b.cost) * b.to_default AS cost_in_default_currency,
  (sum(b.revenue) - sum(b.cost)) * b.to_default AS profit_in_default_currency
FROM scopestack.report_base_projects b
LEFT JOIN scopestack.business_units n ON n.id = b.business_unit_id
GROUP BY b.business_unit_id, n.name, b.outcome, b.month, b.currency, b.to_default;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_revenue_by_business_unit IS 'Revenue, cost and margin by business unit. One row per business unit, outcome, month and currency; projects without one are a row of their own.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.business_unit_id IS 'Id of the business unit (business_units.id).';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.business_unit_name IS 'Name of the business unit; no business unit where the project has none.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.projects IS 'Number of projects.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_business_unit.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
-- What the reports on lines add up, in functions for the sake of jit = off: the planner takes 1,600 groups for 250,000, and with
-- PostgreSQL's own settings compiled a statement of 1 s for 5 to 8 s (320,000 lines). They have the rights of their caller, who reads the tables anyway..
CREATE FUNCTION sync.lines_by_line_of_business()
RETURNS TABLE (line_of_business_id text, is_governance boolean, outcome text, month date, currency text, to_default numeric, projects bigint, hours numeric, revenue numeric, cost numeric)
LANGUAGE plpgsql STABLE ROWS 2000 SET search_path = pg_catalog, pg_temp SET jit = off SET work_mem = '32MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT d.line_of_business_id, d.is_governance, p.outcome, p.month, p.currency, p.to_default, count(*), sum(d.hours), sum(d.revenue), sum(d.cost)
  FROM (
    SELECT l.project_id, l.line_of_business_id, l.line_type = 'governance' AS is_governance, sum(l.hours) AS hours, sum(l.revenue) AS revenue, sum(l.cost) AS cost
  FROM scopestack.report_base_lines l GROUP BY 1, 2, 3
  ) d JOIN scopestack.report_base_projects p ON p.project_id = d.project_id
  GROUP BY d.line_of_business_id, d.is_governance, p.outcome, p.month, p.currency, p.to_default;
END $$;
--> statement-breakpoint
CREATE VIEW scopestack.report_revenue_by_line_of_business AS
WITH lines AS MATERIALIZED (SELECT * FROM sync.lines_by_line_of_business()
), rest AS (
  -- By a sum and not by a join: a month may be null.
  SELECT outcome, month, currency, to_default, sum(revenue) AS revenue, sum(cost) AS cost FROM (
    SELECT outcome, month, currency, to_default, revenue, cost FROM scopestack.report_base_projects
    UNION ALL
    SELECT outcome, month, currency, to_default, -revenue, -cost FROM lines) both_sides
  GROUP BY outcome, month, currency, to_default
), every AS (
  SELECT k.line_of_business_id, CASE WHEN k.is_governance THEN 'governance' ELSE coalesce(n.name, CASE WHEN k.line_of_business_id IS NULL THEN 'no line of business' ELSE 'line of business ' || k.line_of_business_id END) END AS line_of_business_name, k.outcome, k.month, k.currency, k.to_default, k.projects, k.hours, k.revenue, k.cost FROM lines k
  LEFT JOIN scopestack.lines_of_business n ON n.id = k.line_of_business_id
  UNION ALL
  SELECT NULL, 'not itemized', outcome, month, currency, to_default, NULL, NULL, revenue, cost FROM rest WHERE revenue <> 0 OR cost <> 0
)
SELECT line_of_business_id, line_of_business_name, outcome, month, currency, projects, hours, revenue / nullif(hours, 0) AS effective_rate, revenue,
  cost / nullif(hours, 0) AS effective_cost, cost, revenue - cost AS gross_profit, (revenue - cost) / nullif(revenue, 0) AS margin,
  revenue * to_default AS revenue_in_default_currency, cost * to_default AS cost_in_default_currency,
  (revenue - cost) * to_default AS profit_in_default_currency
FROM every;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_revenue_by_line_of_business IS 'Revenue, cost, margin and hours by line of business, from services and their subservices. One row per line of business, outcome, month and currency; governance, and what is not in lines, are rows of their own.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.line_of_business_id IS 'Id of the line of business (lines_of_business.id).';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.line_of_business_name IS 'Name of the line of business; no line of business; governance, which has none; or not itemized: what the contracts have beyond their counted lines (products, travel, expenses, credits, adjustments, rounding, archived lines).';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.projects IS 'Number of projects with such lines; the same project may be in several rows.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.hours IS 'Hours of the counted lines: services, subservices and governance that are not archived.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.effective_rate IS 'Revenue of an hour: revenue divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.effective_cost IS 'Cost of an hour: cost divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.gross_profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_revenue_by_line_of_business.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE FUNCTION sync.lines_by_resource()
RETURNS TABLE (resource_id text, outcome text, month date, currency text, to_default numeric, projects bigint, hours numeric, revenue numeric, cost numeric)
LANGUAGE plpgsql STABLE ROWS 2000 SET search_path = pg_catalog, pg_temp SET jit = off SET work_mem = '32MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT d.resource_id, p.outcome, p.month, p.currency, p.to_default, count(*), sum(d.hours), sum(d.revenue), sum(d.cost)
  FROM (
    SELECT l.project_id, coalesce(l.resource_id, r.resource_id) AS resource_id, sum(l.hours) AS hours, sum(l.revenue) AS revenue, sum(l.cost) AS cost
  FROM scopestack.report_base_lines l LEFT JOIN scopestack.project_resources r ON r.id = l.project_resource_id GROUP BY 1, 2
  ) d JOIN scopestack.report_base_projects p ON p.project_id = d.project_id
  GROUP BY d.resource_id, p.outcome, p.month, p.currency, p.to_default;
END $$;
--> statement-breakpoint
CREATE VIEW scopestack.report_hours_by_resource AS
WITH lines AS MATERIALIZED (SELECT * FROM sync.lines_by_resource()
), rest AS (
  -- By a sum and not by a join: a month may be null.
  SELECT outcome, month, currency, to_default, sum(revenue) AS revenue, sum(cost) AS cost FROM (
    SELECT outcome, month, currency, to_default, revenue, cost FROM scopestack.report_base_projects
    UNION ALL
    SELECT outcome, month, currency, to_default, -revenue, -cost FROM lines) both_sides
  GROUP BY outcome, month, currency, to_default
), every AS (
  SELECT k.resource_id, coalesce(n.name, CASE WHEN k.resource_id IS NULL THEN 'no resource' ELSE 'resource ' || k.resource_id END) AS resource_name, k.outcome, k.month, k.currency, k.to_default, k.projects, k.hours, k.revenue, k.cost FROM lines k
  LEFT JOIN scopestack.resources n ON n.id = k.resource_id
  UNION ALL
  SELECT NULL, 'not itemized', outcome, month, currency, to_default, NULL, NULL, revenue, cost FROM rest WHERE revenue <> 0 OR cost <> 0
)
SELECT resource_id, resource_name, outcome, month, currency, projects, hours, revenue / nullif(hours, 0) AS effective_rate, revenue,
  cost / nullif(hours, 0) AS effective_cost, cost, revenue - cost AS gross_profit, (revenue - cost) / nullif(revenue, 0) AS margin,
  revenue * to_default AS revenue_in_default_currency, cost * to_default AS cost_in_default_currency,
  (revenue - cost) * to_default AS profit_in_default_currency
FROM every;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_hours_by_resource IS 'Hours and amounts by resource, as the pricing screens of ScopeStack show them. One row per resource, outcome, month and currency; what is not in lines is a row of its own.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_hours_by_resource.resource_id IS 'Id of the standard resource (resources.id); null where there is none.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.resource_name IS 'Name of the resource, which is a role such as Engineer; no resource; or not itemized: what the contracts have beyond their counted lines (products, travel, expenses, credits, adjustments, rounding, archived lines).';
COMMENT ON COLUMN scopestack.report_hours_by_resource.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.projects IS 'Number of projects with such lines; the same project may be in several rows.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.hours IS 'Hours of the counted lines: services, subservices and governance that are not archived.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.effective_rate IS 'Revenue of an hour: revenue divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.effective_cost IS 'Cost of an hour: cost divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.gross_profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_hours_by_resource.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE FUNCTION sync.lines_by_phase()
RETURNS TABLE (phase_id text, own_name text, outcome text, month date, currency text, to_default numeric, projects bigint, hours numeric, revenue numeric, cost numeric)
LANGUAGE plpgsql STABLE ROWS 2000 SET search_path = pg_catalog, pg_temp SET jit = off SET work_mem = '32MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT d.phase_id, d.own_name, p.outcome, p.month, p.currency, p.to_default, count(*), sum(d.hours), sum(d.revenue), sum(d.cost)
  FROM (
    SELECT l.project_id, coalesce(l.phase_id, f.phase_id) AS phase_id, CASE WHEN l.phase_id IS NULL AND f.phase_id IS NULL THEN f.name END AS own_name, sum(l.hours) AS hours, sum(l.revenue) AS revenue, sum(l.cost) AS cost
  FROM scopestack.report_base_lines l LEFT JOIN scopestack.project_phases f ON f.id = l.project_phase_id GROUP BY 1, 2, 3
  ) d JOIN scopestack.report_base_projects p ON p.project_id = d.project_id
  GROUP BY d.phase_id, d.own_name, p.outcome, p.month, p.currency, p.to_default;
END $$;
--> statement-breakpoint
CREATE VIEW scopestack.report_hours_by_phase AS
WITH lines AS MATERIALIZED (SELECT * FROM sync.lines_by_phase()
), rest AS (
  -- By a sum and not by a join: a month may be null.
  SELECT outcome, month, currency, to_default, sum(revenue) AS revenue, sum(cost) AS cost FROM (
    SELECT outcome, month, currency, to_default, revenue, cost FROM scopestack.report_base_projects
    UNION ALL
    SELECT outcome, month, currency, to_default, -revenue, -cost FROM lines) both_sides
  GROUP BY outcome, month, currency, to_default
), every AS (
  SELECT k.phase_id, coalesce(n.name, k.own_name, CASE WHEN k.phase_id IS NULL THEN 'no phase' ELSE 'phase ' || k.phase_id END) AS phase_name, k.outcome, k.month, k.currency, k.to_default, k.projects, k.hours, k.revenue, k.cost FROM lines k
  LEFT JOIN scopestack.phases n ON n.id = k.phase_id
  UNION ALL
  SELECT NULL, 'not itemized', outcome, month, currency, to_default, NULL, NULL, revenue, cost FROM rest WHERE revenue <> 0 OR cost <> 0
)
SELECT phase_id, phase_name, outcome, month, currency, projects, hours, revenue / nullif(hours, 0) AS effective_rate, revenue,
  cost / nullif(hours, 0) AS effective_cost, cost, revenue - cost AS gross_profit, (revenue - cost) / nullif(revenue, 0) AS margin,
  revenue * to_default AS revenue_in_default_currency, cost * to_default AS cost_in_default_currency,
  (revenue - cost) * to_default AS profit_in_default_currency
FROM every;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_hours_by_phase IS 'Hours and amounts by phase. One row per phase, outcome, month and currency; what is not in lines is a row of its own.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_hours_by_phase.phase_id IS 'Id of the phase (phases.id); null where it was added by hand, and where there is none.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.phase_name IS 'Name of the phase; no phase, as of managed services; or not itemized: what the contracts have beyond their counted lines (products, travel, expenses, credits, adjustments, rounding, archived lines).';
COMMENT ON COLUMN scopestack.report_hours_by_phase.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.projects IS 'Number of projects with such lines; the same project may be in several rows.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.hours IS 'Hours of the counted lines: services, subservices and governance that are not archived.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.effective_rate IS 'Revenue of an hour: revenue divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.effective_cost IS 'Cost of an hour: cost divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.gross_profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_hours_by_phase.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE FUNCTION sync.lines_by_service()
RETURNS TABLE (service_id text, own_name text, service_type text, outcome text, month date, currency text, to_default numeric, projects bigint, hours numeric, revenue numeric, cost numeric)
LANGUAGE plpgsql STABLE ROWS 2000 SET search_path = pg_catalog, pg_temp SET jit = off SET work_mem = '32MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT d.service_id, d.own_name, d.service_type, p.outcome, p.month, p.currency, p.to_default, count(*), sum(d.hours), sum(d.revenue), sum(d.cost)
  FROM (
    SELECT l.project_id, l.service_id, CASE WHEN l.line_type = 'governance' THEN 'governance' WHEN l.service_id IS NULL THEN l.service_name END AS own_name, l.service_type, sum(l.hours) AS hours, sum(l.revenue) AS revenue, sum(l.cost) AS cost
  FROM scopestack.report_base_lines l GROUP BY 1, 2, 3, 4
  ) d JOIN scopestack.report_base_projects p ON p.project_id = d.project_id
  GROUP BY d.service_id, d.own_name, d.service_type, p.outcome, p.month, p.currency, p.to_default;
END $$;
--> statement-breakpoint
CREATE VIEW scopestack.report_hours_by_service AS
WITH lines AS MATERIALIZED (SELECT * FROM sync.lines_by_service()
), rest AS (
  -- By a sum and not by a join: a month may be null.
  SELECT outcome, month, currency, to_default, sum(revenue) AS revenue, sum(cost) AS cost FROM (
    SELECT outcome, month, currency, to_default, revenue, cost FROM scopestack.report_base_projects
    UNION ALL
    SELECT outcome, month, currency, to_default, -revenue, -cost FROM lines) both_sides
  GROUP BY outcome, month, currency, to_default
), every AS (
  SELECT k.service_id, coalesce(n.name, k.own_name, CASE WHEN k.service_id IS NULL THEN 'no name' ELSE 'service ' || k.service_id END) AS service_name, k.service_type, k.service_id IS NULL AND k.service_type IS NOT NULL AS is_custom, k.outcome, k.month, k.currency, k.to_default, k.projects, k.hours, k.revenue, k.cost FROM lines k
  LEFT JOIN scopestack.services n ON n.id = k.service_id
  UNION ALL
  SELECT NULL, 'not itemized', NULL, false, outcome, month, currency, to_default, NULL, NULL, revenue, cost FROM rest WHERE revenue <> 0 OR cost <> 0
)
SELECT service_id, service_name, service_type, is_custom, outcome, month, currency, projects, hours, revenue / nullif(hours, 0) AS effective_rate, revenue,
  cost / nullif(hours, 0) AS effective_cost, cost, revenue - cost AS gross_profit, (revenue - cost) / nullif(revenue, 0) AS margin,
  revenue * to_default AS revenue_in_default_currency, cost * to_default AS cost_in_default_currency,
  (revenue - cost) * to_default AS profit_in_default_currency
FROM every;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_hours_by_service IS 'Hours and amounts by service, with its subservices. One row per catalog service, or name of a custom one, outcome, month and currency; governance, and what is not in lines, are rows of their own.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_hours_by_service.service_id IS 'Id of the catalog service (services.id); null for a custom one.';
COMMENT ON COLUMN scopestack.report_hours_by_service.service_name IS 'Name of the service, in the catalog or as it was added; governance; or not itemized: what the contracts have beyond their counted lines (products, travel, expenses, credits, adjustments, rounding, archived lines).';
COMMENT ON COLUMN scopestack.report_hours_by_service.service_type IS 'professional_services or managed_services; null in the rows that are no services.';
COMMENT ON COLUMN scopestack.report_hours_by_service.is_custom IS 'True for a service that is not from the catalog.';
COMMENT ON COLUMN scopestack.report_hours_by_service.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_hours_by_service.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_hours_by_service.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_hours_by_service.projects IS 'Number of projects with such lines; the same project may be in several rows.';
COMMENT ON COLUMN scopestack.report_hours_by_service.hours IS 'Hours of the counted lines: services, subservices and governance that are not archived.';
COMMENT ON COLUMN scopestack.report_hours_by_service.effective_rate IS 'Revenue of an hour: revenue divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_hours_by_service.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_service.effective_cost IS 'Cost of an hour: cost divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_hours_by_service.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_service.gross_profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_service.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_hours_by_service.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_hours_by_service.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_hours_by_service.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE FUNCTION sync.lines_by_location()
RETURNS TABLE (location_name text, city text, state text, country text, remote boolean, outcome text, month date, currency text, to_default numeric, projects bigint, hours numeric, revenue numeric, cost numeric)
LANGUAGE plpgsql STABLE ROWS 2000 SET search_path = pg_catalog, pg_temp SET jit = off SET work_mem = '32MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT d.location_name, d.city, d.state, d.country, d.remote, p.outcome, p.month, p.currency, p.to_default, count(*), sum(d.hours), sum(d.revenue), sum(d.cost)
  FROM (
    SELECT l.project_id, f.name AS location_name, f.city, f.state, f.country, f.remote, sum(l.hours) AS hours, sum(l.revenue) AS revenue, sum(l.cost) AS cost
  FROM scopestack.report_base_lines l LEFT JOIN scopestack.project_locations f ON f.id = l.project_location_id GROUP BY 1, 2, 3, 4, 5, 6
  ) d JOIN scopestack.report_base_projects p ON p.project_id = d.project_id
  GROUP BY d.location_name, d.city, d.state, d.country, d.remote, p.outcome, p.month, p.currency, p.to_default;
END $$;
--> statement-breakpoint
CREATE VIEW scopestack.report_hours_by_location AS
WITH lines AS MATERIALIZED (SELECT * FROM sync.lines_by_location()
), rest AS (
  -- By a sum and not by a join: a month may be null.
  SELECT outcome, month, currency, to_default, sum(revenue) AS revenue, sum(cost) AS cost FROM (
    SELECT outcome, month, currency, to_default, revenue, cost FROM scopestack.report_base_projects
    UNION ALL
    SELECT outcome, month, currency, to_default, -revenue, -cost FROM lines) both_sides
  GROUP BY outcome, month, currency, to_default
), every AS (
  SELECT coalesce(k.location_name, 'no location') AS location_name, k.city, k.state, k.country, k.remote, k.outcome, k.month, k.currency, k.to_default, k.projects, k.hours, k.revenue, k.cost FROM lines k
  
  UNION ALL
  SELECT 'not itemized', NULL, NULL, NULL, NULL::boolean, outcome, month, currency, to_default, NULL, NULL, revenue, cost FROM rest WHERE revenue <> 0 OR cost <> 0
)
SELECT location_name, city, state, country, remote, outcome, month, currency, projects, hours, revenue / nullif(hours, 0) AS effective_rate, revenue,
  cost / nullif(hours, 0) AS effective_cost, cost, revenue - cost AS gross_profit, (revenue - cost) / nullif(revenue, 0) AS margin,
  revenue * to_default AS revenue_in_default_currency, cost * to_default AS cost_in_default_currency,
  (revenue - cost) * to_default AS profit_in_default_currency
FROM every;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_hours_by_location IS 'Hours and amounts by the place where the work is done. One row per place, outcome, month and currency; places of the same name and address are one. What is not in lines is a row of its own.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_hours_by_location.location_name IS 'Name of the location; no location; or not itemized: what the contracts have beyond their counted lines (products, travel, expenses, credits, adjustments, rounding, archived lines).';
COMMENT ON COLUMN scopestack.report_hours_by_location.city IS 'City.';
COMMENT ON COLUMN scopestack.report_hours_by_location.state IS 'State or region.';
COMMENT ON COLUMN scopestack.report_hours_by_location.country IS 'Country, as it was entered.';
COMMENT ON COLUMN scopestack.report_hours_by_location.remote IS 'True when the work is done remotely.';
COMMENT ON COLUMN scopestack.report_hours_by_location.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_hours_by_location.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_hours_by_location.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_hours_by_location.projects IS 'Number of projects with such lines; the same project may be in several rows.';
COMMENT ON COLUMN scopestack.report_hours_by_location.hours IS 'Hours of the counted lines: services, subservices and governance that are not archived.';
COMMENT ON COLUMN scopestack.report_hours_by_location.effective_rate IS 'Revenue of an hour: revenue divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_hours_by_location.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_location.effective_cost IS 'Cost of an hour: cost divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_hours_by_location.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_location.gross_profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_hours_by_location.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_hours_by_location.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_hours_by_location.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_hours_by_location.profit_in_default_currency IS 'Profit in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION sync.lines_by_line_of_business, sync.lines_by_resource, sync.lines_by_phase, sync.lines_by_service, sync.lines_by_location TO PUBLIC;
--> statement-breakpoint
CREATE OR REPLACE VIEW scopestack.report_service_demand AS
SELECT
  s.id AS service_id,
  s.name AS service_name,
  count(ps.id) AS times_sold,
  count(DISTINCT ps.project_id) AS projects,
  sum(ps.quantity) AS quantity,
  sum(ps.total_hours) AS hours
FROM scopestack.services s
JOIN scopestack.project_services ps ON ps.service_id = s.id AND ps.sync_deleted_at IS NULL AND ps.active IS NOT false
JOIN scopestack.report_base_projects p ON p.project_id = ps.project_id AND p.outcome = 'won'
WHERE s.sync_deleted_at IS NULL
GROUP BY s.id, s.name;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_service_demand IS 'What was sold of the catalog: how often, on how many projects, how many hours. One row per service of the catalog that is on a won project.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_service_demand.service_id IS 'Id of the catalog service (services.id).';
COMMENT ON COLUMN scopestack.report_service_demand.service_name IS 'Name of the service.';
COMMENT ON COLUMN scopestack.report_service_demand.times_sold IS 'On how many lines of won projects it is.';
COMMENT ON COLUMN scopestack.report_service_demand.projects IS 'On how many won projects it is.';
COMMENT ON COLUMN scopestack.report_service_demand.quantity IS 'Quantity on all those lines.';
COMMENT ON COLUMN scopestack.report_service_demand.hours IS 'Hours of those lines with all their subservices, as ScopeStack adds them up (project_services.total_hours).';
--> statement-breakpoint
-- Kept by resource and status, which the functions by month do not have.
CREATE FUNCTION sync.lines_by_resource_and_status()
RETURNS TABLE (resource_id text, role_name text, status text, outcome text, currency text, to_default numeric, projects bigint, hours numeric, revenue numeric, cost numeric)
LANGUAGE plpgsql STABLE ROWS 200 SET search_path = pg_catalog, pg_temp SET jit = off SET work_mem = '32MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT d.resource_id, d.role_name, p.status, p.outcome, p.currency, p.to_default, count(*), sum(d.hours), sum(d.revenue), sum(d.cost)
  FROM (
    SELECT l.project_id, coalesce(l.resource_id, r.resource_id) AS resource_id,
      CASE WHEN l.resource_id IS NULL AND r.resource_id IS NULL THEN r.name END AS role_name,
      sum(l.hours) AS hours, sum(l.revenue) AS revenue, sum(l.cost) AS cost
    FROM scopestack.report_base_lines l LEFT JOIN scopestack.project_resources r ON r.id = l.project_resource_id GROUP BY 1, 2, 3
  ) d JOIN scopestack.report_base_projects p ON p.project_id = d.project_id
  GROUP BY d.resource_id, d.role_name, p.status, p.outcome, p.currency, p.to_default;
END $$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION sync.lines_by_resource_and_status TO PUBLIC;
--> statement-breakpoint
CREATE OR REPLACE VIEW scopestack.report_resource_hours AS
SELECT
  d.resource_id,
  coalesce(r.name, d.role_name) AS resource_name,
  d.status,
  d.projects,
  d.hours,
  d.revenue,
  d.cost,
  d.outcome,
  d.currency,
  d.revenue / nullif(d.hours, 0) AS effective_rate,
  d.cost / nullif(d.hours, 0) AS effective_cost,
  d.revenue - d.cost AS gross_profit,
  (d.revenue - d.cost) / nullif(d.revenue, 0) AS margin,
  d.revenue * d.to_default AS revenue_in_default_currency,
  d.cost * d.to_default AS cost_in_default_currency
FROM sync.lines_by_resource_and_status() d
LEFT JOIN scopestack.resources r ON r.id = d.resource_id;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_resource_hours IS 'Hours, revenue and cost of each role by status of the project: what is sold, and what may come. One row per resource, status and currency.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_resource_hours.resource_id IS 'Id of the standard resource (resources.id); null where there is none.';
COMMENT ON COLUMN scopestack.report_resource_hours.resource_name IS 'Name of the resource, or of the role where it is no standard one; null for lines without a role.';
COMMENT ON COLUMN scopestack.report_resource_hours.status IS 'Status of the project as ScopeStack has it; archived where it was archived before it was won, lost or canceled.';
COMMENT ON COLUMN scopestack.report_resource_hours.projects IS 'Number of projects with such hours.';
COMMENT ON COLUMN scopestack.report_resource_hours.hours IS 'Hours of the counted lines: services, subservices and governance that are not archived.';
COMMENT ON COLUMN scopestack.report_resource_hours.revenue IS 'Revenue, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_resource_hours.cost IS 'Cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_resource_hours.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_resource_hours.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_resource_hours.effective_rate IS 'Revenue of an hour: revenue divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_resource_hours.effective_cost IS 'Cost of an hour: cost divided by hours; null without hours.';
COMMENT ON COLUMN scopestack.report_resource_hours.gross_profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_resource_hours.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_resource_hours.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_resource_hours.cost_in_default_currency IS 'Cost in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_win_rate AS
SELECT b.month,
  count(*) FILTER (WHERE b.outcome = 'won') AS won_projects,
  count(*) FILTER (WHERE b.outcome = 'lost') AS lost_projects,
  count(*) FILTER (WHERE b.outcome = 'canceled') AS canceled_projects,
  count(*) FILTER (WHERE b.outcome = 'won') / nullif(count(*) FILTER (WHERE b.outcome IN ('won', 'lost')), 0)::numeric AS win_rate,
  count(*) FILTER (WHERE b.outcome = 'won') / count(*)::numeric AS win_rate_with_canceled,
  sum(b.revenue * b.to_default) FILTER (WHERE b.outcome = 'won') AS won_revenue_in_default_currency,
  sum(b.revenue * b.to_default) FILTER (WHERE b.outcome = 'lost') AS lost_revenue_in_default_currency,
  CASE WHEN count(*) FILTER (WHERE b.outcome IN ('won', 'lost') AND b.revenue <> 0 AND b.to_default IS NULL) = 0 THEN
    coalesce(sum(b.revenue * b.to_default) FILTER (WHERE b.outcome = 'won'), 0)
      / nullif(sum(b.revenue * b.to_default) FILTER (WHERE b.outcome IN ('won', 'lost')), 0) END AS win_rate_by_value,
  count(*) FILTER (WHERE b.dated_by = 'approved_at') AS dated_by_approval,
  count(*) FILTER (WHERE b.dated_by = 'updated_at') AS dated_by_last_change
FROM scopestack.report_base_projects b
WHERE b.outcome IN ('won', 'lost', 'canceled')
GROUP BY b.month;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_win_rate IS 'How many of the decided projects were won, by the month of the decision: that of the approval of a won project, and of the last change of a lost or canceled one, since ScopeStack has no time of winning or losing. One row per month.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_win_rate.month IS 'First day of the month of the decision, in UTC.';
COMMENT ON COLUMN scopestack.report_win_rate.won_projects IS 'Projects won.';
COMMENT ON COLUMN scopestack.report_win_rate.lost_projects IS 'Projects lost.';
COMMENT ON COLUMN scopestack.report_win_rate.canceled_projects IS 'Projects canceled.';
COMMENT ON COLUMN scopestack.report_win_rate.win_rate IS 'Projects won as a fraction of those won or lost, 0.4 = 40 %.';
COMMENT ON COLUMN scopestack.report_win_rate.win_rate_with_canceled IS 'Projects won as a fraction of those won, lost or canceled.';
COMMENT ON COLUMN scopestack.report_win_rate.won_revenue_in_default_currency IS 'Revenue of the projects won, in the account''s default currency; those without a known rate are left out.';
COMMENT ON COLUMN scopestack.report_win_rate.lost_revenue_in_default_currency IS 'Revenue of the projects lost, in the account''s default currency; those without a known rate are left out.';
COMMENT ON COLUMN scopestack.report_win_rate.win_rate_by_value IS 'Revenue won as a fraction of the revenue won or lost; null where the rate of one of their currencies is not known.';
COMMENT ON COLUMN scopestack.report_win_rate.dated_by_approval IS 'How many of the projects are dated by their approval.';
COMMENT ON COLUMN scopestack.report_win_rate.dated_by_last_change IS 'How many of the projects are dated by their last change, which any later edit moves.';
--> statement-breakpoint
CREATE VIEW scopestack.report_forecast AS
WITH decided AS (
  SELECT
    count(*) FILTER (WHERE outcome = 'won') / nullif(count(*), 0)::numeric AS any_rate,
    count(*) FILTER (WHERE outcome = 'won' AND submitted_at IS NOT NULL) / nullif(count(*) FILTER (WHERE submitted_at IS NOT NULL), 0)::numeric AS submitted_rate,
    count(*) FILTER (WHERE outcome = 'won' AND approved_at IS NOT NULL) / nullif(count(*) FILTER (WHERE approved_at IS NOT NULL), 0)::numeric AS approved_rate,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM dated_at - created_at)) FILTER (WHERE outcome = 'won') AS seconds_to_win
  FROM scopestack.report_base_projects WHERE outcome IN ('won', 'lost')
), opportunity AS (
  SELECT o.id, o.stage, chance.given,
    sync.time_of(coalesce(sync.member_of(o.record, 'close-date'), sync.member_of(o.record, 'expected-close-date'))) AS close_at
  FROM (SELECT c.id, c.stage, c.custom_attributes, to_jsonb(c) AS record FROM scopestack.crm_opportunities c WHERE c.sync_deleted_at IS NULL) o
  CROSS JOIN LATERAL (
    SELECT sync.number_of(coalesce(sync.member_of(o.record, 'probability'), sync.member_of(o.record, 'win-probability'),
      (SELECT e ->> 'val' FROM jsonb_array_elements(CASE WHEN jsonb_typeof(o.custom_attributes) = 'array' THEN o.custom_attributes END) e
       WHERE lower(e ->> 'key') IN ('probability', 'win_probability') LIMIT 1))) AS given) chance
), weighed AS (
  SELECT b.*, o.stage AS crm_stage,
    CASE WHEN o.given IS NULL THEN history.rate ELSE least(greatest(CASE WHEN o.given > 1 THEN o.given / 100 ELSE o.given END, 0), 1) END AS probability,
    CASE WHEN o.given IS NOT NULL THEN 'crm' WHEN history.rate IS NOT NULL THEN history.source END AS probability_source,
    CASE WHEN o.close_at IS NOT NULL THEN o.close_at
      WHEN p.service_start_date >= current_date THEN p.service_start_date::timestamp AT TIME ZONE 'UTC'
      ELSE b.created_at + coalesce(d.seconds_to_win, 0) * interval '1 second' END AS expected_at,
    CASE WHEN o.close_at IS NOT NULL THEN 'crm close date' WHEN p.service_start_date >= current_date THEN 'service start date' ELSE 'usual time to win' END AS expected_by
  FROM scopestack.report_base_projects b
  JOIN scopestack.projects p ON p.id = b.project_id
  CROSS JOIN decided d
  CROSS JOIN LATERAL (SELECT
    CASE WHEN b.approved_at IS NOT NULL THEN d.approved_rate WHEN b.submitted_at IS NOT NULL THEN d.submitted_rate ELSE d.any_rate END AS rate,
    CASE WHEN b.approved_at IS NOT NULL THEN 'win rate of approved projects' WHEN b.submitted_at IS NOT NULL THEN 'win rate of submitted projects' ELSE 'win rate of all projects' END AS source) history
  LEFT JOIN opportunity o ON o.id = b.crm_opportunity_id
  WHERE b.outcome = 'open'
)
SELECT b.project_id, b.project_name, b.status, coalesce(st.stage, 99) AS stage, cl.name AS client_name, se.name AS sales_executive_name, pe.name AS presales_engineer_name, b.currency,
  b.revenue, b.revenue * b.to_default AS revenue_in_default_currency, b.probability, b.probability_source,
  b.revenue * b.probability AS weighted_revenue, b.revenue * b.to_default * b.probability AS weighted_revenue_in_default_currency,
  greatest(date_trunc('month', b.expected_at AT TIME ZONE 'UTC'), date_trunc('month', now() AT TIME ZONE 'UTC'))::date AS expected_month,
  b.expected_by, b.crm_opportunity_id, b.crm_stage, b.created_at
FROM weighed b
LEFT JOIN scopestack.report_base_stages st ON st.status = b.status
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
LEFT JOIN scopestack.sales_executives se ON se.id = b.sales_executive_id
LEFT JOIN scopestack.presales_engineers pe ON pe.id = b.presales_engineer_id;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_forecast IS 'What the open projects may bring: expected revenue by a probability and a month, and where each of the two is from. One row per open project.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_forecast.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_forecast.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_forecast.status IS 'Status of the project as ScopeStack has it; archived where it was archived before it was won, lost or canceled.';
COMMENT ON COLUMN scopestack.report_forecast.stage IS 'Place of the status in the pipeline, 1 first; 98 for archived, 99 for a status that is not known.';
COMMENT ON COLUMN scopestack.report_forecast.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_forecast.sales_executive_name IS 'Name of the sales executive.';
COMMENT ON COLUMN scopestack.report_forecast.presales_engineer_name IS 'Name of the presales engineer.';
COMMENT ON COLUMN scopestack.report_forecast.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_forecast.revenue IS 'Price of the whole contract, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_forecast.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_forecast.probability IS 'Probability of winning, 0.4 = 40 %: the CRM''s where it sends one, else the share of won among the decided projects that came as far. Null while none was decided.';
COMMENT ON COLUMN scopestack.report_forecast.probability_source IS 'crm, or win rate of approved, submitted or all projects: as far as the project has come.';
COMMENT ON COLUMN scopestack.report_forecast.weighted_revenue IS 'Revenue times probability, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_forecast.weighted_revenue_in_default_currency IS 'Revenue times probability, in the account''s default currency; null where no rate is known.';
COMMENT ON COLUMN scopestack.report_forecast.expected_month IS 'First day of the month in which it may be won; the present month where that is past.';
COMMENT ON COLUMN scopestack.report_forecast.expected_by IS 'What the month is from: crm close date, service start date (if it is to come), or usual time to win: creation and the median of won projects.';
COMMENT ON COLUMN scopestack.report_forecast.crm_opportunity_id IS 'Id of the linked CRM opportunity (crm_opportunities.id); null when not linked.';
COMMENT ON COLUMN scopestack.report_forecast.crm_stage IS 'Stage of the opportunity in the CRM.';
COMMENT ON COLUMN scopestack.report_forecast.created_at IS 'When the project was created.';
--> statement-breakpoint
CREATE VIEW scopestack.report_approvals AS
WITH numbered AS (
  SELECT a.id, a.project_id, a.role, a.status, a.approver_name, a.user_id, a.completed_at, a.comment, a.reason,
    -- A round ends with an answer that sends the project back. What has no answer yet is in the last one.
    1 + count(*) FILTER (WHERE a.status IN ('declined', 'rescope')) OVER (
      PARTITION BY a.project_id ORDER BY a.completed_at NULLS LAST, a.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS round,
    max(a.completed_at) OVER (
      PARTITION BY a.project_id ORDER BY a.completed_at NULLS LAST RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS answer_before
  FROM scopestack.project_approvals a WHERE a.sync_deleted_at IS NULL
)
SELECT a.id AS approval_id, a.project_id, b.project_name, b.status AS project_status, b.outcome, cl.name AS client_name,
  coalesce(a.role, 'no level') AS level, a.status AS approval_status, a.round,
  a.completed_at IS NULL AND b.outcome = 'open' AND (b.status = a.role || '_approval' OR a.role IS NULL AND b.status LIKE '%\_approval') IS TRUE AS is_waiting,
  coalesce(a.approver_name, u.name) AS approver_name, a.user_id, since.at AS waiting_since, a.completed_at,
  (extract(epoch FROM a.completed_at - since.at) / 86400)::numeric AS days, a.comment, a.reason
FROM numbered a
JOIN scopestack.report_base_projects b ON b.project_id = a.project_id
LEFT JOIN scopestack.users u ON u.id = a.user_id
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
CROSS JOIN LATERAL (SELECT CASE
  WHEN b.submitted_at <= coalesce(a.completed_at, 'infinity') THEN greatest(b.submitted_at, a.answer_before) ELSE a.answer_before END AS at) since;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_approvals IS 'Every approval asked for: who, of which level and round, since when, and how long it took. One row per approval.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_approvals.approval_id IS 'Id of the approval (project_approvals.id).';
COMMENT ON COLUMN scopestack.report_approvals.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_approvals.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_approvals.project_status IS 'Status of the project; archived where it was archived before it was decided.';
COMMENT ON COLUMN scopestack.report_approvals.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_approvals.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_approvals.level IS 'Level of the approval: technical, sales, business or another; no level where ScopeStack names none.';
COMMENT ON COLUMN scopestack.report_approvals.approval_status IS 'Answer so far: optional, approved, declined or rescope; others may occur.';
COMMENT ON COLUMN scopestack.report_approvals.round IS '1 for the first submission, one more after each answer that declined the project or sent it back to be rescoped.';
COMMENT ON COLUMN scopestack.report_approvals.is_waiting IS 'True where the project is open, stands at this level, and the approval has no answer.';
COMMENT ON COLUMN scopestack.report_approvals.approver_name IS 'Name of the approver.';
COMMENT ON COLUMN scopestack.report_approvals.user_id IS 'Id of the user who is asked (users.id).';
COMMENT ON COLUMN scopestack.report_approvals.waiting_since IS 'Since when it waits: the last submission or the answer before it, whichever is later. Null for an earlier round without an answer before it, whose submission ScopeStack does not keep.';
COMMENT ON COLUMN scopestack.report_approvals.completed_at IS 'When it was answered; null while it waits.';
COMMENT ON COLUMN scopestack.report_approvals.days IS 'Days from waiting_since to the answer; null while it waits.';
COMMENT ON COLUMN scopestack.report_approvals.comment IS 'What the approver wrote.';
COMMENT ON COLUMN scopestack.report_approvals.reason IS 'Reason given for a refusal.';
--> statement-breakpoint
CREATE VIEW scopestack.report_approval_times AS
SELECT level, round, date_trunc('month', completed_at AT TIME ZONE 'UTC')::date AS month,
  count(*) AS approvals,
  count(*) FILTER (WHERE approval_status = 'approved') AS approved,
  count(*) FILTER (WHERE approval_status IN ('declined', 'rescope')) AS declined,
  avg(days) AS average_days,
  (percentile_cont(0.5) WITHIN GROUP (ORDER BY days))::numeric AS median_days,
  max(days) AS longest_days,
  sum(days) AS total_days,
  count(days) AS timed_approvals
FROM scopestack.report_approvals WHERE completed_at IS NOT NULL
GROUP BY 1, 2, 3;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_approval_times IS 'How long approvals take, by level and round. One row per level, round and month of the answer.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_approval_times.level IS 'Level of the approval: technical, sales, business or another.';
COMMENT ON COLUMN scopestack.report_approval_times.round IS '1 for the first submission, one more after each answer that sent the project back.';
COMMENT ON COLUMN scopestack.report_approval_times.month IS 'First day of the month of the answer, in UTC.';
COMMENT ON COLUMN scopestack.report_approval_times.approvals IS 'Number of approvals answered.';
COMMENT ON COLUMN scopestack.report_approval_times.approved IS 'How many were approved.';
COMMENT ON COLUMN scopestack.report_approval_times.declined IS 'How many were declined, or sent back to be rescoped.';
COMMENT ON COLUMN scopestack.report_approval_times.average_days IS 'Average of the days from waiting to the answer.';
COMMENT ON COLUMN scopestack.report_approval_times.median_days IS 'Median of the days.';
COMMENT ON COLUMN scopestack.report_approval_times.longest_days IS 'Longest of them.';
COMMENT ON COLUMN scopestack.report_approval_times.total_days IS 'Sum of the days.';
COMMENT ON COLUMN scopestack.report_approval_times.timed_approvals IS 'How many of the approvals have days: it is not known since when the first ones of an earlier submission waited.';
--> statement-breakpoint
CREATE VIEW scopestack.report_stale_projects AS
SELECT b.project_id, b.project_name, b.status, cl.name AS client_name, se.name AS sales_executive_name, pe.name AS presales_engineer_name, b.currency, b.revenue, b.revenue * b.to_default AS revenue_in_default_currency,
  b.created_at, b.submitted_at, b.updated_at,
  floor(extract(epoch FROM now() - b.updated_at) / 86400)::integer AS days_without_change,
  floor(extract(epoch FROM now() - b.created_at) / 86400)::integer AS days_since_creation
FROM scopestack.report_base_projects b
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
LEFT JOIN scopestack.sales_executives se ON se.id = b.sales_executive_id
LEFT JOIN scopestack.presales_engineers pe ON pe.id = b.presales_engineer_id
WHERE b.outcome = 'open' AND b.updated_at <= now() - interval '30 days';
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_stale_projects IS 'Open projects that did not change for 30 days or more. One row per project.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_stale_projects.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_stale_projects.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_stale_projects.status IS 'Status of the project as ScopeStack has it; archived where it was archived before it was won, lost or canceled.';
COMMENT ON COLUMN scopestack.report_stale_projects.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_stale_projects.sales_executive_name IS 'Name of the sales executive.';
COMMENT ON COLUMN scopestack.report_stale_projects.presales_engineer_name IS 'Name of the presales engineer.';
COMMENT ON COLUMN scopestack.report_stale_projects.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_stale_projects.revenue IS 'Price of the whole contract, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_stale_projects.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_stale_projects.created_at IS 'When the project was created.';
COMMENT ON COLUMN scopestack.report_stale_projects.submitted_at IS 'When the project was submitted for approval, the last time; null when it never was.';
COMMENT ON COLUMN scopestack.report_stale_projects.updated_at IS 'When the project last changed; edits of its services or other parts may not count.';
COMMENT ON COLUMN scopestack.report_stale_projects.days_without_change IS 'Whole days since it last changed.';
COMMENT ON COLUMN scopestack.report_stale_projects.days_since_creation IS 'Whole days since it was created.';
--> statement-breakpoint
CREATE FUNCTION sync.lines_by_catalog_service()
RETURNS TABLE (service_id text, custom_name text, service_type text, currency text, to_default numeric, times_used bigint, times_won bigint, projects bigint, won_projects bigint, quantity numeric, hours numeric, won_hours numeric, won_revenue numeric, last_used_at timestamptz)
LANGUAGE plpgsql STABLE ROWS 200 SET search_path = pg_catalog, pg_temp SET jit = off SET work_mem = '32MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT d.service_id, d.custom_name, d.service_type, p.currency, p.to_default, sum(d.lines)::bigint, coalesce(sum(d.lines) FILTER (WHERE p.outcome = 'won'), 0)::bigint,
    count(*), count(*) FILTER (WHERE p.outcome = 'won'), sum(d.quantity), sum(d.hours), sum(d.hours) FILTER (WHERE p.outcome = 'won'),
    sum(d.revenue) FILTER (WHERE p.outcome = 'won'), max(p.created_at)
  FROM (
    SELECT l.project_id, l.service_id, CASE WHEN l.service_id IS NULL THEN l.service_name END AS custom_name, l.service_type,
      count(*) FILTER (WHERE l.line_type = 'service') AS lines, sum(s.quantity) AS quantity, sum(l.hours) AS hours, sum(l.revenue) AS revenue
    FROM scopestack.report_base_lines l
    LEFT JOIN scopestack.project_services s ON s.id = l.line_id AND l.line_type = 'service'
    WHERE l.line_type <> 'governance' GROUP BY 1, 2, 3, 4
  ) d JOIN scopestack.report_base_projects p ON p.project_id = d.project_id
  GROUP BY d.service_id, d.custom_name, d.service_type, p.currency, p.to_default;
END $$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION sync.lines_by_catalog_service TO PUBLIC;
--> statement-breakpoint
CREATE VIEW scopestack.report_catalog_use AS
WITH used AS (SELECT * FROM sync.lines_by_catalog_service()
), catalog AS (
  SELECT s.id, s.name, s.active IS NOT FALSE AS active, s.service_type, s.state, c.name AS category, b.name AS line_of_business
  FROM scopestack.services s
  LEFT JOIN scopestack.service_categories c ON c.id = s.service_category_id
  LEFT JOIN scopestack.lines_of_business b ON b.id = s.lob_id
  WHERE s.sync_deleted_at IS NULL
), sold AS (
  SELECT service_id FROM used WHERE service_id IS NOT NULL AND times_won > 0
)
SELECT coalesce(c.id, u.service_id) AS service_id, coalesce(c.name, u.custom_name, 'service ' || u.service_id) AS service_name,
  coalesce(c.id, u.service_id) IS NULL AS is_custom, c.id IS NOT NULL AND c.active AS in_catalog,
  coalesce(c.service_type, u.service_type) AS service_type, c.state, c.category AS service_category_name, c.line_of_business AS line_of_business_name,
  u.currency, coalesce(u.times_used, 0) AS times_used, coalesce(u.times_won, 0) AS times_won, coalesce(u.projects, 0) AS projects,
  coalesce(u.won_projects, 0) AS won_projects, u.times_used IS NULL AS never_used,
  CASE WHEN c.id IS NULL AND u.service_id IS NULL THEN coalesce(u.times_won, 0) = 0
    ELSE NOT EXISTS (SELECT FROM sold WHERE sold.service_id = coalesce(c.id, u.service_id)) END AS never_sold,
  u.quantity, u.hours, u.won_hours, u.won_revenue, u.won_revenue * u.to_default AS won_revenue_in_default_currency, u.last_used_at
FROM catalog c FULL JOIN used u ON u.service_id = c.id;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_catalog_use IS 'How the catalog is used: each of its services, also those never used, and custom services by name. One row per service and currency; a service that was never used has one row.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_catalog_use.service_id IS 'Id of the catalog service (services.id); null for a custom one.';
COMMENT ON COLUMN scopestack.report_catalog_use.service_name IS 'Name of the service.';
COMMENT ON COLUMN scopestack.report_catalog_use.is_custom IS 'True for a service that is not from the catalog: it was made up on a project.';
COMMENT ON COLUMN scopestack.report_catalog_use.in_catalog IS 'True for a service that is in the catalog today, and not archived.';
COMMENT ON COLUMN scopestack.report_catalog_use.service_type IS 'professional_services or managed_services.';
COMMENT ON COLUMN scopestack.report_catalog_use.state IS 'State of the service in the catalog, such as active or draft.';
COMMENT ON COLUMN scopestack.report_catalog_use.service_category_name IS 'Category the service is filed under.';
COMMENT ON COLUMN scopestack.report_catalog_use.line_of_business_name IS 'Name of the line of business.';
COMMENT ON COLUMN scopestack.report_catalog_use.currency IS 'Currency of the amounts; null where it was never used.';
COMMENT ON COLUMN scopestack.report_catalog_use.times_used IS 'On how many lines of projects it is.';
COMMENT ON COLUMN scopestack.report_catalog_use.times_won IS 'On how many lines of won projects it is.';
COMMENT ON COLUMN scopestack.report_catalog_use.projects IS 'On how many projects it is.';
COMMENT ON COLUMN scopestack.report_catalog_use.won_projects IS 'On how many won projects it is.';
COMMENT ON COLUMN scopestack.report_catalog_use.never_used IS 'True where it is on no project.';
COMMENT ON COLUMN scopestack.report_catalog_use.never_sold IS 'True where it is on no won project.';
COMMENT ON COLUMN scopestack.report_catalog_use.quantity IS 'Quantity on all projects.';
COMMENT ON COLUMN scopestack.report_catalog_use.hours IS 'Hours on all projects, with its subservices.';
COMMENT ON COLUMN scopestack.report_catalog_use.won_hours IS 'Hours on won projects, with its subservices.';
COMMENT ON COLUMN scopestack.report_catalog_use.won_revenue IS 'Revenue on won projects, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_catalog_use.won_revenue_in_default_currency IS 'Revenue on won projects, in the account''s default currency; null where no rate is known.';
COMMENT ON COLUMN scopestack.report_catalog_use.last_used_at IS 'When the newest project was created that has it.';
--> statement-breakpoint
CREATE VIEW scopestack.report_managed_services AS
WITH priced AS (
  SELECT s.id, s.project_id, s.service_id, s.name, lower(s.payment_frequency) AS payment_frequency,
    coalesce(s.calculated_revenue + coalesce(below.revenue, 0), below.revenue) AS revenue,
    coalesce(s.calculated_cost + coalesce(below.cost, 0), below.cost) AS cost
  FROM scopestack.project_services s
  LEFT JOIN LATERAL (
    SELECT sum(u.calculated_revenue) AS revenue, sum(u.calculated_cost) AS cost FROM scopestack.project_subservices u
    WHERE u.project_service_id = s.id AND u.sync_deleted_at IS NULL AND u.active IS NOT FALSE
  ) below ON true
  WHERE s.service_type = 'managed_services' AND s.sync_deleted_at IS NULL AND s.active IS NOT FALSE
), termed AS (
  SELECT s.*, CASE s.payment_frequency WHEN 'monthly' THEN 1 WHEN 'quarterly' THEN 3 WHEN 'semi_annually' THEN 6 WHEN 'annually' THEN 12 WHEN 'yearly' THEN 12 END AS months
  FROM priced s
)
SELECT s.id AS project_service_id, b.project_id, b.project_name, b.outcome, b.month, cl.name AS client_name, se.name AS sales_executive_name,
  s.service_id, s.name AS service_name, s.payment_frequency, b.currency,
  s.revenue AS revenue_per_period, s.cost AS cost_per_period, s.months AS months_per_period,
  s.revenue / s.months AS monthly_recurring_revenue, s.cost / s.months AS monthly_recurring_cost,
  p.mrr_terms AS terms,
  CASE WHEN s.payment_frequency = 'one_time' THEN s.revenue ELSE s.revenue / s.months * p.mrr_terms END AS total_contract_value,
  s.revenue / s.months * b.to_default AS monthly_recurring_revenue_in_default_currency,
  CASE WHEN s.payment_frequency = 'one_time' THEN s.revenue ELSE s.revenue / s.months * p.mrr_terms END * b.to_default AS total_contract_value_in_default_currency,
  p.service_start_date,
  -- A length of a million years is no reason to fail.
  CASE WHEN p.mrr_terms BETWEEN 0 AND 12000 THEN (p.service_start_date + p.mrr_terms * interval '1 month')::date END AS service_end_date
FROM termed s
JOIN scopestack.report_base_projects b ON b.project_id = s.project_id
JOIN scopestack.projects p ON p.id = s.project_id
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
LEFT JOIN scopestack.sales_executives se ON se.id = b.sales_executive_id;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_managed_services IS 'Managed services with their recurring revenue and the value of the whole term. One row per managed service of a project, with its subservices.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_managed_services.project_service_id IS 'Id of the service on the project (project_services.id).';
COMMENT ON COLUMN scopestack.report_managed_services.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_managed_services.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_managed_services.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_managed_services.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_managed_services.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_managed_services.sales_executive_name IS 'Name of the sales executive.';
COMMENT ON COLUMN scopestack.report_managed_services.service_id IS 'Id of the catalog service (services.id); null for a custom one.';
COMMENT ON COLUMN scopestack.report_managed_services.service_name IS 'Name of the service.';
COMMENT ON COLUMN scopestack.report_managed_services.payment_frequency IS 'How often it is charged, such as monthly.';
COMMENT ON COLUMN scopestack.report_managed_services.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_managed_services.revenue_per_period IS 'Price of one period, with its subservices.';
COMMENT ON COLUMN scopestack.report_managed_services.cost_per_period IS 'Cost of one period, with its subservices.';
COMMENT ON COLUMN scopestack.report_managed_services.months_per_period IS 'Months of a period; null where the frequency is one_time or not known.';
COMMENT ON COLUMN scopestack.report_managed_services.monthly_recurring_revenue IS 'Monthly recurring revenue (MRR): price of a period divided by its months; null for what does not recur.';
COMMENT ON COLUMN scopestack.report_managed_services.monthly_recurring_cost IS 'Cost of a period divided by its months.';
COMMENT ON COLUMN scopestack.report_managed_services.terms IS 'Length of the contract in months (projects.mrr_terms).';
COMMENT ON COLUMN scopestack.report_managed_services.total_contract_value IS 'Total contract value (TCV): MRR times the months of the contract; of one_time its price. Null where the length is not set, or the frequency is not known.';
COMMENT ON COLUMN scopestack.report_managed_services.monthly_recurring_revenue_in_default_currency IS 'MRR in the account''s default currency; null where no rate is known.';
COMMENT ON COLUMN scopestack.report_managed_services.total_contract_value_in_default_currency IS 'TCV in the account''s default currency; null where no rate is known.';
COMMENT ON COLUMN scopestack.report_managed_services.service_start_date IS 'Day the recurring services begin.';
COMMENT ON COLUMN scopestack.report_managed_services.service_end_date IS 'Day the contract ends: start and length. Null where one is not set, or the length is more than 12,000 months.';
--> statement-breakpoint
CREATE VIEW scopestack.report_products AS
SELECT x.id AS project_product_id, b.project_id, b.project_name, b.outcome, b.month, cl.name AS client_name,
  coalesce(sync.member_of(x.record, 'name'), sync.member_of(x.record, 'product-name')) AS product_name,
  v.quantity, v.unit_price, v.unit_cost, b.currency,
  v.quantity * v.unit_price AS revenue, v.quantity * v.unit_cost AS cost, v.quantity * (v.unit_price - v.unit_cost) AS profit,
  (v.unit_price - v.unit_cost) / nullif(v.unit_price, 0) AS margin,
  v.quantity * v.unit_price * b.to_default AS revenue_in_default_currency
FROM (SELECT t.id, t.project_id, t.active, to_jsonb(t) AS record FROM scopestack.project_products t WHERE t.sync_deleted_at IS NULL AND t.active IS NOT FALSE) x
JOIN scopestack.report_base_projects b ON b.project_id = x.project_id
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
CROSS JOIN LATERAL (SELECT
  coalesce(sync.number_of(sync.member_of(x.record, 'quantity')), 1) AS quantity,
  sync.number_of(coalesce(sync.member_of(x.record, 'unit-price'), sync.member_of(x.record, 'price'))) AS unit_price,
  sync.number_of(coalesce(sync.member_of(x.record, 'unit-cost'), sync.member_of(x.record, 'cost'))) AS unit_cost) v;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_products IS 'Products on projects. Their members are not documented, so quantity, price and cost are null where ScopeStack names them otherwise. One row per product of a project.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_products.project_product_id IS 'Id of the product on the project (project_products.id).';
COMMENT ON COLUMN scopestack.report_products.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_products.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_products.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_products.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_products.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_products.product_name IS 'Name of the product.';
COMMENT ON COLUMN scopestack.report_products.quantity IS 'Quantity; 1 where none is sent.';
COMMENT ON COLUMN scopestack.report_products.unit_price IS 'Price of one unit.';
COMMENT ON COLUMN scopestack.report_products.unit_cost IS 'Cost of one unit.';
COMMENT ON COLUMN scopestack.report_products.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_products.revenue IS 'Quantity times price.';
COMMENT ON COLUMN scopestack.report_products.cost IS 'Quantity times cost.';
COMMENT ON COLUMN scopestack.report_products.profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_products.margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
COMMENT ON COLUMN scopestack.report_products.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_governance AS
WITH every AS (
  SELECT l.project_id, sum(l.hours) AS hours FROM scopestack.report_base_lines l GROUP BY l.project_id
), total AS (
  SELECT b.outcome, b.month, b.currency, sum(e.hours) AS hours FROM every e JOIN scopestack.report_base_projects b ON b.project_id = e.project_id GROUP BY 1, 2, 3
), kinds AS (
  SELECT g.governance_id, g.description, b.outcome, b.month, b.currency, b.to_default, count(DISTINCT g.project_id) AS projects,
    sum(g.hours) AS hours, sum(g.hours * r.hourly_rate) AS revenue, sum(g.hours * r.hourly_cost) AS cost
  FROM scopestack.project_governances g
  JOIN scopestack.report_base_projects b ON b.project_id = g.project_id
  LEFT JOIN scopestack.project_resources r ON r.id = g.project_resource_id
  WHERE g.sync_deleted_at IS NULL AND g.active IS NOT FALSE
  GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT k.governance_id, coalesce(k.description, n.name, 'no name') AS governance_name, k.outcome, k.month, k.currency, k.projects, k.hours,
  k.hours / nullif(t.hours, 0) AS share_of_hours, k.revenue, k.cost, k.revenue - k.cost AS gross_profit, k.revenue * k.to_default AS revenue_in_default_currency
FROM kinds k
LEFT JOIN scopestack.governances n ON n.id = k.governance_id
LEFT JOIN total t ON t.outcome = k.outcome AND t.month IS NOT DISTINCT FROM k.month AND t.currency = k.currency;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_governance IS 'Governance, such as project management: its hours, amounts and share. One row per kind of governance, outcome, month and currency.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_governance.governance_id IS 'Id of the standard governance (governances.id); null for one made on a project.';
COMMENT ON COLUMN scopestack.report_governance.governance_name IS 'Name of the governance.';
COMMENT ON COLUMN scopestack.report_governance.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_governance.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_governance.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_governance.projects IS 'Number of projects that have it.';
COMMENT ON COLUMN scopestack.report_governance.hours IS 'Hours of it.';
COMMENT ON COLUMN scopestack.report_governance.share_of_hours IS 'Those hours as a fraction of all hours of the projects of that outcome, month and currency.';
COMMENT ON COLUMN scopestack.report_governance.revenue IS 'Hours at the rate of the role that does them.';
COMMENT ON COLUMN scopestack.report_governance.cost IS 'Hours at the cost of the role.';
COMMENT ON COLUMN scopestack.report_governance.gross_profit IS 'Revenue less cost, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_governance.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_rates_sold AS
SELECT r.id AS project_resource_id, b.project_id, b.project_name, b.outcome, b.month, cl.name AS client_name, se.name AS sales_executive_name, rt.name AS rate_table_name,
  r.resource_id, coalesce(n.name, r.name) AS resource_name, b.currency, r.total_hours AS hours, r.hourly_rate,
  v.standard_rate, r.hourly_rate - v.standard_rate AS difference, (r.hourly_rate - v.standard_rate) / nullif(v.standard_rate, 0) AS difference_share,
  r.hourly_rate < v.standard_rate AS below_standard, r.hourly_cost, v.standard_cost,
  r.total_hours * r.hourly_rate AS revenue, r.total_hours * v.standard_rate AS revenue_at_standard, r.total_hours * (r.hourly_rate - v.standard_rate) AS revenue_difference
FROM scopestack.project_resources r
JOIN scopestack.report_base_projects b ON b.project_id = r.project_id
LEFT JOIN scopestack.resources n ON n.id = r.resource_id
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
LEFT JOIN scopestack.sales_executives se ON se.id = b.sales_executive_id
LEFT JOIN scopestack.rate_tables rt ON rt.id = b.rate_table_id
CROSS JOIN LATERAL (SELECT n.hourly_rate / nullif(b.to_default, 0) AS standard_rate, n.hourly_cost / nullif(b.to_default, 0) AS standard_cost) v
WHERE r.sync_deleted_at IS NULL AND r.active IS NOT FALSE;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_rates_sold IS 'The rate at which each role of a project is sold, against the standard rate of its resource. One row per role of a project.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_rates_sold.project_resource_id IS 'Id of the role on the project (project_resources.id).';
COMMENT ON COLUMN scopestack.report_rates_sold.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_rates_sold.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_rates_sold.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_rates_sold.month IS 'First day of the month, in UTC, of dated_at of its projects: approval for won, last change for lost and canceled, creation for the rest.';
COMMENT ON COLUMN scopestack.report_rates_sold.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_rates_sold.sales_executive_name IS 'Name of the sales executive.';
COMMENT ON COLUMN scopestack.report_rates_sold.rate_table_name IS 'Name of the rate table the project is priced with.';
COMMENT ON COLUMN scopestack.report_rates_sold.resource_id IS 'Id of the standard resource (resources.id); null where there is none.';
COMMENT ON COLUMN scopestack.report_rates_sold.resource_name IS 'Name of the resource, which is a role such as Engineer.';
COMMENT ON COLUMN scopestack.report_rates_sold.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_rates_sold.hours IS 'Hours of the role, as ScopeStack adds them up (project_resources.total_hours).';
COMMENT ON COLUMN scopestack.report_rates_sold.hourly_rate IS 'Price of an hour on the project.';
COMMENT ON COLUMN scopestack.report_rates_sold.standard_rate IS 'Standard price of an hour of the resource, converted into the project''s currency; null where no rate is known, or the role is no standard one.';
COMMENT ON COLUMN scopestack.report_rates_sold.difference IS 'Price less standard price of an hour.';
COMMENT ON COLUMN scopestack.report_rates_sold.difference_share IS 'The difference as a fraction of the standard price, -0.1 = 10 % below.';
COMMENT ON COLUMN scopestack.report_rates_sold.below_standard IS 'True where it is sold below the standard price.';
COMMENT ON COLUMN scopestack.report_rates_sold.hourly_cost IS 'Cost of an hour on the project.';
COMMENT ON COLUMN scopestack.report_rates_sold.standard_cost IS 'Standard cost of an hour, converted into the project''s currency.';
COMMENT ON COLUMN scopestack.report_rates_sold.revenue IS 'Hours at the price of the project.';
COMMENT ON COLUMN scopestack.report_rates_sold.revenue_at_standard IS 'Hours at the standard price.';
COMMENT ON COLUMN scopestack.report_rates_sold.revenue_difference IS 'What the difference comes to; negative is what was given away.';
--> statement-breakpoint
CREATE VIEW scopestack.report_project_versions AS
WITH versions AS (
  SELECT x.project_id, count(*) AS versions, min(x.at) AS first_at, max(x.at) AS last_at
  FROM (SELECT v.project_id, sync.time_of(sync.member_of(to_jsonb(v), 'created-at')) AS at FROM scopestack.project_versions v WHERE v.sync_deleted_at IS NULL) x
  GROUP BY x.project_id
), answers AS (
  SELECT a.project_id, count(*) FILTER (WHERE a.status = 'rescope') AS rescopes, count(*) FILTER (WHERE a.status = 'declined') AS declines
  FROM scopestack.project_approvals a WHERE a.sync_deleted_at IS NULL AND a.status IN ('rescope', 'declined') GROUP BY a.project_id
)
SELECT b.project_id, b.project_name, b.status, b.outcome, cl.name AS client_name, coalesce(v.versions, 0) AS versions,
  v.first_at AS first_version_at, v.last_at AS last_version_at, coalesce(a.rescopes, 0) AS rescopes, coalesce(a.declines, 0) AS declines
FROM scopestack.report_base_projects b
LEFT JOIN versions v ON v.project_id = b.project_id
LEFT JOIN answers a ON a.project_id = b.project_id
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
WHERE v.project_id IS NOT NULL OR a.project_id IS NOT NULL;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_project_versions IS 'Versions and rescopes of projects. ScopeStack makes a version at creation, submission and rescope. The members of a version are not documented: the times are null where ScopeStack names them otherwise. One row per project that has a version or was sent back.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_project_versions.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_project_versions.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_project_versions.status IS 'Status of the project as ScopeStack has it; archived where it was archived before it was won, lost or canceled.';
COMMENT ON COLUMN scopestack.report_project_versions.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_project_versions.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_project_versions.versions IS 'Number of versions.';
COMMENT ON COLUMN scopestack.report_project_versions.first_version_at IS 'When the first version was made.';
COMMENT ON COLUMN scopestack.report_project_versions.last_version_at IS 'When the last version was made.';
COMMENT ON COLUMN scopestack.report_project_versions.rescopes IS 'How many approvals sent the project back to be rescoped.';
COMMENT ON COLUMN scopestack.report_project_versions.declines IS 'How many approvals declined it.';
--> statement-breakpoint
CREATE VIEW scopestack.report_failed_documents AS
SELECT d.id AS project_document_id, b.project_id, b.project_name, b.outcome, cl.name AS client_name, d.document_type, d.template_name, d.error_text, d.created_at,
  (SELECT min(l.created_at) FROM scopestack.project_documents l WHERE l.project_id = d.project_id AND l.sync_deleted_at IS NULL AND l.status = 'finished'
    AND l.document_type IS NOT DISTINCT FROM d.document_type AND l.template_id IS NOT DISTINCT FROM d.template_id AND l.created_at > d.created_at) AS replaced_at
FROM scopestack.project_documents d
JOIN scopestack.report_base_projects b ON b.project_id = d.project_id
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
WHERE d.sync_deleted_at IS NULL AND (d.status IN ('error', 'failed') OR d.error_text <> '');
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_failed_documents IS 'Documents that could not be made, and whether one of the same kind was made later. One row per failed document.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_failed_documents.project_document_id IS 'Id of the document (project_documents.id).';
COMMENT ON COLUMN scopestack.report_failed_documents.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_failed_documents.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_failed_documents.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_failed_documents.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_failed_documents.document_type IS 'sow, pricing or breakdown.';
COMMENT ON COLUMN scopestack.report_failed_documents.template_name IS 'Name of the template.';
COMMENT ON COLUMN scopestack.report_failed_documents.error_text IS 'What went wrong.';
COMMENT ON COLUMN scopestack.report_failed_documents.created_at IS 'When the document was asked for.';
COMMENT ON COLUMN scopestack.report_failed_documents.replaced_at IS 'When a document of the same kind and template was made after it; null where none was.';
--> statement-breakpoint
CREATE VIEW scopestack.report_handover_gaps AS
SELECT b.project_id, b.project_name, cl.name AS client_name, se.name AS sales_executive_name, pe.name AS presales_engineer_name, b.currency, b.revenue, b.revenue * b.to_default AS revenue_in_default_currency, b.approved_at, b.dated_at, b.dated_by,
  floor(extract(epoch FROM now() - b.dated_at) / 86400)::integer AS days_since_won, b.crm_opportunity_id
FROM scopestack.report_base_projects b
LEFT JOIN scopestack.clients cl ON cl.id = b.client_id
LEFT JOIN scopestack.sales_executives se ON se.id = b.sales_executive_id
LEFT JOIN scopestack.presales_engineers pe ON pe.id = b.presales_engineer_id
WHERE b.outcome = 'won' AND (b.psa_project_id IS NULL OR EXISTS (SELECT FROM scopestack.psa_projects g WHERE g.id = b.psa_project_id AND g.sync_deleted_at IS NOT NULL));
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_handover_gaps IS 'Won projects that were not handed over to the PSA tool: no project there is linked. One row per project.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_handover_gaps.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_handover_gaps.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_handover_gaps.client_name IS 'Name of the client.';
COMMENT ON COLUMN scopestack.report_handover_gaps.sales_executive_name IS 'Name of the sales executive.';
COMMENT ON COLUMN scopestack.report_handover_gaps.presales_engineer_name IS 'Name of the presales engineer.';
COMMENT ON COLUMN scopestack.report_handover_gaps.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_handover_gaps.revenue IS 'Price of the whole contract, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_handover_gaps.revenue_in_default_currency IS 'Revenue in the account''s default currency, by the conversion rate of today; null where none is known.';
COMMENT ON COLUMN scopestack.report_handover_gaps.approved_at IS 'When the project was approved; null when it is not.';
COMMENT ON COLUMN scopestack.report_handover_gaps.dated_at IS 'When it was won: see dated_by.';
COMMENT ON COLUMN scopestack.report_handover_gaps.dated_by IS 'Which time dated_at is: approved_at, updated_at or created_at. ScopeStack has no time of winning or losing.';
COMMENT ON COLUMN scopestack.report_handover_gaps.days_since_won IS 'Whole days since dated_at.';
COMMENT ON COLUMN scopestack.report_handover_gaps.crm_opportunity_id IS 'Id of the linked CRM opportunity (crm_opportunities.id); null when not linked.';
--> statement-breakpoint
CREATE VIEW scopestack.report_contract_differences AS
WITH archived AS (
  SELECT x.project_id, sum(x.revenue) AS revenue FROM (
    SELECT s.project_id, s.calculated_revenue AS revenue FROM scopestack.project_services s WHERE s.sync_deleted_at IS NULL AND s.active IS FALSE
    UNION ALL
    SELECT s.project_id, u.calculated_revenue FROM scopestack.project_subservices u JOIN scopestack.project_services s ON s.id = u.project_service_id AND s.sync_deleted_at IS NULL
    WHERE u.sync_deleted_at IS NULL AND (u.active IS FALSE OR s.active IS FALSE)
    UNION ALL
    SELECT g.project_id, g.hours * r.hourly_rate FROM scopestack.project_governances g LEFT JOIN scopestack.project_resources r ON r.id = g.project_resource_id
    WHERE g.sync_deleted_at IS NULL AND g.active IS FALSE) x
  GROUP BY x.project_id
), products AS (
  SELECT t.project_id, sum(t.revenue) AS revenue FROM scopestack.report_products t GROUP BY t.project_id
), credits AS (
  SELECT t.project_id, sum(sync.number_of(sync.member_of(to_jsonb(t), 'amount'))) AS amount FROM scopestack.project_credits t
  WHERE t.sync_deleted_at IS NULL AND t.active IS NOT FALSE GROUP BY t.project_id
)
SELECT b.project_id, b.project_name, b.outcome, b.currency, b.revenue AS contract_revenue, l.services_revenue, l.managed_services_revenue, l.governance_revenue,
  coalesce(l.revenue, 0) AS lines_revenue, b.revenue - coalesce(l.revenue, 0) AS difference,
  a.revenue AS archived_lines_revenue, t.revenue AS products_revenue, c.amount AS credits_amount, p.one_time_adjustment,
  b.cost AS contract_cost, coalesce(l.cost, 0) AS lines_cost, b.cost - coalesce(l.cost, 0) AS cost_difference
FROM scopestack.report_base_projects b
JOIN scopestack.projects p ON p.id = b.project_id
LEFT JOIN scopestack.report_base_project_lines l ON l.project_id = b.project_id
LEFT JOIN archived a ON a.project_id = b.project_id
LEFT JOIN products t ON t.project_id = b.project_id
LEFT JOIN credits c ON c.project_id = b.project_id;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_contract_differences IS 'What the price of each contract consists of, and what of it is in no counted line: products, travel, expenses, credits, adjustments, rounding, archived lines. One row per project.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_contract_differences.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_contract_differences.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_contract_differences.outcome IS 'open, won, lost, canceled, or archived: archived before it was decided. An archived project that was won stays won.';
COMMENT ON COLUMN scopestack.report_contract_differences.currency IS 'Currency of the amounts: that of the project''s rate table; account default where the account has no others.';
COMMENT ON COLUMN scopestack.report_contract_differences.contract_revenue IS 'Price of the whole contract as ScopeStack has it, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_contract_differences.services_revenue IS 'Revenue of professional services with their subservices.';
COMMENT ON COLUMN scopestack.report_contract_differences.managed_services_revenue IS 'Revenue of managed services with their subservices, of one period.';
COMMENT ON COLUMN scopestack.report_contract_differences.governance_revenue IS 'Revenue of governance.';
COMMENT ON COLUMN scopestack.report_contract_differences.lines_revenue IS 'Revenue of all counted lines.';
COMMENT ON COLUMN scopestack.report_contract_differences.difference IS 'Contract revenue less that of its counted lines.';
COMMENT ON COLUMN scopestack.report_contract_differences.archived_lines_revenue IS 'Revenue of archived lines, which count in no report: part of the difference where ScopeStack still has them in the price.';
COMMENT ON COLUMN scopestack.report_contract_differences.products_revenue IS 'Revenue of products, where ScopeStack sends their price.';
COMMENT ON COLUMN scopestack.report_contract_differences.credits_amount IS 'Credits on the project, where ScopeStack sends their amount.';
COMMENT ON COLUMN scopestack.report_contract_differences.one_time_adjustment IS 'Adjustment of the one-time price.';
COMMENT ON COLUMN scopestack.report_contract_differences.contract_cost IS 'Cost of the whole contract as ScopeStack has it, in the currency of the row.';
COMMENT ON COLUMN scopestack.report_contract_differences.lines_cost IS 'Cost of all counted lines.';
COMMENT ON COLUMN scopestack.report_contract_differences.cost_difference IS 'Contract cost less that of its counted lines.';
