-- The freshness of every table, for whoever builds on them. It runs with its owner's rights, so a reporting role needs
-- none on schema sync.
CREATE VIEW scopestack.sync_status AS
SELECT
  c.resource,
  replace(c.resource, '-', '_') AS table_name,
  c.as_of AS data_as_of,
  success.finished_at AS last_success_at,
  latest.outcome AS last_outcome,
  latest.finished_at AS last_run_at,
  latest.message AS last_message,
  c.rows,
  now() - c.as_of AS lag
FROM sync.cursors c
LEFT JOIN LATERAL (
  SELECT o.outcome, o.finished_at, o.message FROM sync.run_outcomes o
  WHERE o.resource = c.resource ORDER BY o.finished_at DESC LIMIT 1
) latest ON true
LEFT JOIN LATERAL (
  SELECT o.finished_at FROM sync.run_outcomes o
  WHERE o.resource = c.resource AND o.outcome = 'ok' ORDER BY o.finished_at DESC LIMIT 1
) success ON true;
--> statement-breakpoint
COMMENT ON VIEW scopestack.sync_status IS 'How fresh each table is: the time its data are as of, the last outcome, its rows.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.sync_status.data_as_of IS 'Everything that ScopeStack held at this time is in the table; null until a pull was complete.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.sync_status.last_outcome IS 'ok, incomplete, suspect, forbidden or failed.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.sync_status.rows IS 'Living rows at the end of the last complete or incomplete pull.';
--> statement-breakpoint
CREATE VIEW scopestack.report_projects AS
SELECT
  p.id AS project_id,
  p.project_name,
  p.status,
  p.active,
  p.client_id,
  cl.name AS client_name,
  se.name AS sales_executive_name,
  pe.name AS presales_engineer_name,
  bu.name AS business_unit_name,
  p.contract_revenue,
  p.contract_cost,
  p.contract_revenue - p.contract_cost AS contract_profit,
  (p.contract_revenue - p.contract_cost) / nullif(p.contract_revenue, 0) AS contract_margin,
  effort.hours,
  sold.services,
  p.created_at,
  p.submitted_at,
  p.approved_at,
  p.approved_at - p.submitted_at AS approval_time,
  p.updated_at
FROM scopestack.projects p
LEFT JOIN scopestack.clients cl ON cl.id = p.client_id
LEFT JOIN scopestack.sales_executives se ON se.id = p.sales_executive_id
LEFT JOIN scopestack.presales_engineers pe ON pe.id = p.presales_engineer_id
LEFT JOIN scopestack.business_units bu ON bu.id = p.business_unit_id
LEFT JOIN (
  SELECT project_id, sum(total_hours) AS hours FROM scopestack.project_resources
  WHERE sync_deleted_at IS NULL AND active IS NOT false GROUP BY project_id
) effort ON effort.project_id = p.id
LEFT JOIN (
  SELECT project_id, count(*) AS services FROM scopestack.project_services
  WHERE sync_deleted_at IS NULL AND active IS NOT false GROUP BY project_id
) sold ON sold.project_id = p.id
WHERE p.sync_deleted_at IS NULL;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_projects IS 'One row per project, archived ones included (active is false), with the names its keys stand for, its hours and its margin.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_projects.contract_margin IS 'Profit as a fraction of revenue, 0.28 = 28 %; null without revenue.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_projects.hours IS 'Hours of all roles on the project.';
--> statement-breakpoint
CREATE VIEW scopestack.report_project_pipeline AS
SELECT
  coalesce(array_position(
    ARRAY['building', 'technical_approval', 'sales_approval', 'business_approval', 'approved', 'won', 'lost', 'canceled'],
    status), 99) AS stage,
  status,
  count(*) AS projects,
  sum(contract_revenue) AS contract_revenue,
  sum(contract_cost) AS contract_cost,
  (sum(contract_revenue) - sum(contract_cost)) / nullif(sum(contract_revenue), 0) AS contract_margin,
  sum(hours) AS hours
FROM scopestack.report_projects
WHERE active IS NOT false
GROUP BY status;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_project_pipeline IS 'Projects that are not archived, by status, with revenue, cost, margin (fraction) and hours. Order by stage.';
--> statement-breakpoint
CREATE VIEW scopestack.report_client_revenue AS
SELECT
  client_id,
  client_name,
  count(*) FILTER (WHERE status = 'won') AS won_projects,
  sum(contract_revenue) FILTER (WHERE status = 'won') AS won_revenue,
  count(*) FILTER (WHERE status NOT IN ('won', 'lost', 'canceled')) AS open_projects,
  sum(contract_revenue) FILTER (WHERE status NOT IN ('won', 'lost', 'canceled')) AS open_revenue
FROM scopestack.report_projects
WHERE client_id IS NOT NULL AND active IS NOT false
GROUP BY client_id, client_name;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_client_revenue IS 'One row per client with projects: what was won, and what is still open. Archived projects are left out.';
--> statement-breakpoint
CREATE VIEW scopestack.report_service_demand AS
SELECT
  s.id AS service_id,
  s.name AS service_name,
  count(ps.id) AS times_sold,
  count(DISTINCT ps.project_id) AS projects,
  sum(ps.quantity) AS quantity,
  sum(ps.total_hours) AS hours
FROM scopestack.services s
JOIN scopestack.project_services ps ON ps.service_id = s.id AND ps.sync_deleted_at IS NULL AND ps.active IS NOT false
JOIN scopestack.projects p ON p.id = ps.project_id AND p.sync_deleted_at IS NULL AND p.active IS NOT false AND p.status = 'won'
WHERE s.sync_deleted_at IS NULL
GROUP BY s.id, s.name;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_service_demand IS 'One row per service of the catalog that is on a won project: how often, on how many projects, how many hours. Archived projects are left out.';
--> statement-breakpoint
CREATE VIEW scopestack.report_resource_hours AS
SELECT
  pr.resource_id,
  coalesce(r.name, pr.name) AS resource_name,
  p.status,
  count(DISTINCT pr.project_id) AS projects,
  sum(pr.total_hours) AS hours,
  sum(pr.total_hours * pr.hourly_rate) AS revenue,
  sum(pr.total_hours * pr.hourly_cost) AS cost
FROM scopestack.project_resources pr
JOIN scopestack.projects p ON p.id = pr.project_id AND p.sync_deleted_at IS NULL AND p.active IS NOT false
LEFT JOIN scopestack.resources r ON r.id = pr.resource_id
WHERE pr.sync_deleted_at IS NULL AND pr.active IS NOT false
GROUP BY pr.resource_id, coalesce(r.name, pr.name), p.status;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_resource_hours IS 'Hours, revenue and cost of each role, by status of the project: what is sold, and what may come. Archived projects are left out.';
