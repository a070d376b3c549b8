-- Reports on the past, of the versions of projects (migrations/0023_history.sql). Statuses, archived projects and currencies are
-- as in report_base_projects: deleted projects count up to their end, archived ones are the status archived until they are decided.
-- Nothing in schema scopestack depends on schema scopestack_history, but by the text of functions: otherwise a dump of scopestack could
-- not be restored where the history is not. Postgres puts both into the statement (they are plain SQL with the caller's rights).
CREATE FUNCTION sync.recorded_projects() RETURNS TABLE (kept_from timestamptz, valid_to timestamptz) LANGUAGE sql STABLE AS $$
  SELECT r.kept_from, r.valid_to FROM scopestack_history.recorded r WHERE r.table_name = 'projects'
$$;
--> statement-breakpoint
CREATE FUNCTION sync.project_versions() RETURNS TABLE (project_id text, valid_from timestamptz, valid_to timestamptz, cause text, status text,
  contract_revenue numeric, archived boolean, rate_table_id text, created_at timestamptz) LANGUAGE sql STABLE AS $$
  SELECT m.id, coalesce(c.valid_from, r.valid_from), NULL::timestamptz, coalesce(c.cause, 'first'), m.status, m.contract_revenue, m.active IS FALSE, m.rate_table_id, m.created_at
  FROM scopestack.projects m JOIN scopestack_history.recorded r ON r.table_name = 'projects' AND r.valid_to IS NULL
  LEFT JOIN scopestack_history.current_versions c ON c.table_name = 'projects' AND c.id = m.id
  WHERE m.sync_deleted_at IS NULL
  UNION ALL
  SELECT p.id, p.valid_from, p.valid_to, p.cause, p.stage, p.amount, coalesce(p.archived, false), m.rate_table_id, m.created_at
  FROM scopestack_history.past_versions p LEFT JOIN scopestack.projects m ON m.id = p.id
  WHERE p.table_name = 'projects' AND p.living
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION sync.recorded_projects, sync.project_versions TO PUBLIC;
--> statement-breakpoint
CREATE VIEW scopestack.report_base_project_versions AS
SELECT v.project_id, v.valid_from, v.valid_to, v.cause,
  CASE WHEN v.archived AND NOT coalesce(v.status IN ('won', 'lost', 'canceled'), false) THEN 'archived' ELSE coalesce(v.status, 'none') END AS status,
  v.contract_revenue, v.rate_table_id, v.created_at
FROM sync.project_versions() AS v;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_base_project_versions IS 'What the reports on the past are made of: each version of a project, without those that are deleted. One row per version.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_base_project_versions.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_base_project_versions.valid_from IS 'Since when it stood so, by when the mirror learnt of it.';
COMMENT ON COLUMN scopestack.report_base_project_versions.valid_to IS 'Until when, itself excluded; null while it stands.';
COMMENT ON COLUMN scopestack.report_base_project_versions.cause IS 'What began the version: first (it stood when recording began), pull, push, edit or delete.';
COMMENT ON COLUMN scopestack.report_base_project_versions.status IS 'Status of the project at that time, archived where it was archived before it was won, lost or canceled; none where it had none.';
COMMENT ON COLUMN scopestack.report_base_project_versions.contract_revenue IS 'Contract revenue of the project at that time.';
COMMENT ON COLUMN scopestack.report_base_project_versions.rate_table_id IS 'Id of the rate table that the project has now, which tells its currency.';
COMMENT ON COLUMN scopestack.report_base_project_versions.created_at IS 'When the project was created in ScopeStack; null where that is not known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_project_stages AS
WITH entries AS (
  SELECT v.*, lag(v.status) OVER w AS status_before, lag(v.valid_to) OVER w AS end_before,
    last_value(v.valid_to) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last_end
  FROM scopestack.report_base_project_versions v WINDOW w AS (PARTITION BY v.project_id ORDER BY v.valid_from)
), stays AS (
  SELECT e.project_id, e.status, e.valid_from AS entered_at, coalesce(lead(e.valid_from) OVER w, e.last_end) AS left_at, e.contract_revenue,
    -- The first pull into a database that records already finds projects of years, and none of them has just entered its stage.
    CASE WHEN e.status_before IS NULL THEN e.cause <> 'first' AND e.valid_from > k.kept_from AND (e.created_at >= k.kept_from) IS TRUE ELSE e.end_before = e.valid_from END AS is_exact,
    lead(e.status) OVER w AS next_status
  FROM entries e CROSS JOIN (SELECT min(r.kept_from) AS kept_from FROM sync.recorded_projects() r) k
  WHERE e.status IS DISTINCT FROM e.status_before
  WINDOW w AS (PARTITION BY e.project_id ORDER BY e.valid_from)
)
SELECT s.project_id, coalesce(st.stage, 99) AS stage, s.status, s.entered_at, s.left_at,
  extract(epoch FROM coalesce(s.left_at, now()) - s.entered_at)::numeric / 86400 AS days, s.is_exact, s.next_status, s.contract_revenue
FROM stays s LEFT JOIN scopestack.report_base_stages st ON st.status = s.status;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_project_stages IS 'How long projects were in each stage, as far as the history of projects goes (SYNC_HISTORY). One row per stay of a project in a stage.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_project_stages.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_project_stages.stage IS 'Place of the status in the pipeline, 1 first; 98 for archived, 99 for a status that is not known.';
COMMENT ON COLUMN scopestack.report_project_stages.status IS 'Status of the project at that time, archived where it was archived before it was won, lost or canceled; none where it had none.';
COMMENT ON COLUMN scopestack.report_project_stages.entered_at IS 'When the mirror learnt that it has this status.';
COMMENT ON COLUMN scopestack.report_project_stages.left_at IS 'When it learnt that it has it no more; null while it has.';
COMMENT ON COLUMN scopestack.report_project_stages.days IS 'Days of the stay, up to now while it lasts.';
COMMENT ON COLUMN scopestack.report_project_stages.is_exact IS 'False where it began before the history did, so that it was longer than its days.';
COMMENT ON COLUMN scopestack.report_project_stages.next_status IS 'The status after it; null while it lasts, and where the project was deleted.';
COMMENT ON COLUMN scopestack.report_project_stages.contract_revenue IS 'Contract revenue of the project when it entered.';
--> statement-breakpoint
-- Each version counts from the first end of a day that it reached to the last one: two events of a running sum, and not a
-- comparison of each version with each day.
CREATE VIEW scopestack.report_pipeline_history AS
WITH days AS (
  SELECT d.at::date AS day, EXISTS (SELECT FROM sync.recorded_projects() r WHERE d.at::date >= r.kept_from::date
    AND (r.valid_to IS NULL OR (d.at::date + 1)::timestamptz <= r.valid_to)) AS is_recorded
  FROM (SELECT min(r.kept_from)::date AS first_day FROM sync.recorded_projects() r) f
  CROSS JOIN LATERAL generate_series(f.first_day::timestamp, now()::date::timestamp, interval '1 day') AS d(at)
), spans AS (
  -- First all that begin and end on the same days: a third less CPU than to count each of 800,000 events.
  SELECT v.status, v.rate_table_id, (v.valid_from - interval '1 microsecond')::date AS first_day, (v.valid_to - interval '1 microsecond')::date AS day_after,
    count(*) AS n, sum(v.contract_revenue) AS amount
  FROM scopestack.report_base_project_versions v GROUP BY 1, 2, 3, 4
), events AS (
  SELECT e.status, e.rate_table_id, e.day, sum(e.n) AS n, sum(e.amount) AS amount FROM (
    SELECT s.status, s.rate_table_id, greatest(s.first_day, (SELECT min(d.day) FROM days d)) AS day, s.n, s.amount FROM spans s
    UNION ALL
    SELECT s.status, s.rate_table_id, greatest(s.day_after, (SELECT min(d.day) FROM days d)), -s.n, -s.amount FROM spans s WHERE s.day_after IS NOT NULL) AS e
  GROUP BY 1, 2, 3
), priced AS (
  SELECT e.status, e.day, coalesce(t.currency, d.currency) AS currency, CASE WHEN t.rate_table_id IS NULL THEN 1 ELSE t.to_default END AS to_default,
    sum(e.n) AS n, sum(e.amount) AS amount
  FROM events e LEFT JOIN scopestack.report_base_rate_tables t ON t.rate_table_id = e.rate_table_id
  CROSS JOIN (SELECT currency FROM scopestack.report_base_rate_tables WHERE rate_table_id IS NULL) d
  GROUP BY 1, 2, 3, 4
), running AS (
  SELECT d.day, d.is_recorded, s.status, s.currency, s.to_default, sum(e.n) OVER w AS n, sum(e.amount) OVER w AS amount
  FROM days d CROSS JOIN (SELECT DISTINCT status, currency, to_default FROM priced) s
  LEFT JOIN priced e ON e.day = d.day AND e.status = s.status AND e.currency = s.currency
  WINDOW w AS (PARTITION BY s.status, s.currency ORDER BY d.day)
)
SELECT r.day, coalesce(st.stage, 99) AS stage, r.status, r.currency, r.n::bigint AS projects, coalesce(r.amount, 0) AS contract_revenue,
  coalesce(r.amount, 0) * r.to_default AS contract_revenue_in_default_currency
FROM running r LEFT JOIN scopestack.report_base_stages st ON st.status = r.status
WHERE r.is_recorded AND r.n > 0;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_pipeline_history IS 'The pipeline as it stood at the end of each day (today: now), in the time zone of the session, for the days that the history of projects tells of (SYNC_HISTORY). One row per day, status and currency.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_pipeline_history.day IS 'The day.';
COMMENT ON COLUMN scopestack.report_pipeline_history.stage IS 'Place of the status in the pipeline, 1 first; 98 for archived, 99 for a status that is not known.';
COMMENT ON COLUMN scopestack.report_pipeline_history.status IS 'Status of the project at that time, archived where it was archived before it was won, lost or canceled; none where it had none.';
COMMENT ON COLUMN scopestack.report_pipeline_history.currency IS 'Currency of the amounts, that of the rate table the project has now.';
COMMENT ON COLUMN scopestack.report_pipeline_history.projects IS 'How many projects had the status.';
COMMENT ON COLUMN scopestack.report_pipeline_history.contract_revenue IS 'Sum of their contract revenue, as it was then.';
COMMENT ON COLUMN scopestack.report_pipeline_history.contract_revenue_in_default_currency IS 'The same in the default currency of the account, at the rate of today; null where no rate is known.';
--> statement-breakpoint
CREATE VIEW scopestack.report_stage_aging AS
SELECT s.project_id, b.project_name, s.stage, s.status, s.entered_at, s.days, s.is_exact, b.currency, b.revenue AS contract_revenue
FROM scopestack.report_project_stages s JOIN scopestack.report_base_projects b USING (project_id)
WHERE s.left_at IS NULL;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_stage_aging IS 'For how long each project has been in its stage. One row per project.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_stage_aging.project_id IS 'Id of the project (projects.id).';
COMMENT ON COLUMN scopestack.report_stage_aging.project_name IS 'Name of the project.';
COMMENT ON COLUMN scopestack.report_stage_aging.stage IS 'Place of the status in the pipeline, 1 first; 98 for archived, 99 for a status that is not known.';
COMMENT ON COLUMN scopestack.report_stage_aging.status IS 'Status of the project now, archived where it was archived before it was won, lost or canceled; none where it has none.';
COMMENT ON COLUMN scopestack.report_stage_aging.entered_at IS 'When the mirror learnt that it has this status.';
COMMENT ON COLUMN scopestack.report_stage_aging.days IS 'Days since then.';
COMMENT ON COLUMN scopestack.report_stage_aging.is_exact IS 'False where it had the status before the history began, so for longer than these days.';
COMMENT ON COLUMN scopestack.report_stage_aging.currency IS 'Currency of the amounts, that of the rate table the project has now.';
COMMENT ON COLUMN scopestack.report_stage_aging.contract_revenue IS 'Contract revenue of the project now.';
--> statement-breakpoint
CREATE VIEW scopestack.report_stage_durations AS
SELECT s.stage, s.status, count(*) FILTER (WHERE s.left_at IS NULL) AS projects_now,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY s.days) FILTER (WHERE s.left_at IS NULL AND s.is_exact) AS median_days_now,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY s.days) FILTER (WHERE s.left_at IS NULL AND s.is_exact) AS p90_days_now,
  count(*) FILTER (WHERE s.left_at IS NOT NULL AND s.is_exact) AS stays_ended,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY s.days) FILTER (WHERE s.left_at IS NOT NULL AND s.is_exact) AS median_days_ended,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY s.days) FILTER (WHERE s.left_at IS NOT NULL AND s.is_exact) AS p90_days_ended
FROM scopestack.report_project_stages s GROUP BY 1, 2;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_stage_durations IS 'How long projects stay in each stage: those that are in it, and those that have left it. One row per status.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_stage_durations.stage IS 'Place of the status in the pipeline, 1 first; 98 for archived, 99 for a status that is not known.';
COMMENT ON COLUMN scopestack.report_stage_durations.status IS 'Status of the project at that time, archived where it was archived before it was won, lost or canceled; none where it had none.';
COMMENT ON COLUMN scopestack.report_stage_durations.projects_now IS 'Projects that have the status now.';
COMMENT ON COLUMN scopestack.report_stage_durations.median_days_now IS 'Days that half of those have had it. Without stays that began before the history did.';
COMMENT ON COLUMN scopestack.report_stage_durations.p90_days_now IS 'Days that nine of ten of those have had it at most. Without stays that began before the history did.';
COMMENT ON COLUMN scopestack.report_stage_durations.stays_ended IS 'Stays that have ended. Without stays that began before the history did.';
COMMENT ON COLUMN scopestack.report_stage_durations.median_days_ended IS 'Days that half of those lasted at most.';
COMMENT ON COLUMN scopestack.report_stage_durations.p90_days_ended IS 'Days that nine of ten of those lasted at most.';
--> statement-breakpoint
CREATE VIEW scopestack.report_stage_conversion AS
SELECT s.stage AS from_stage, s.status AS from_status, coalesce(n.stage, 99) AS to_stage, s.next_status AS to_status, count(*) AS moves, count(DISTINCT s.project_id) AS projects,
  count(*)::numeric / sum(count(*)) OVER (PARTITION BY s.status) AS share,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY s.days) FILTER (WHERE s.is_exact) AS median_days, min(s.left_at) AS first_at, max(s.left_at) AS last_at
FROM scopestack.report_project_stages s LEFT JOIN scopestack.report_base_stages n ON n.status = s.next_status
WHERE s.next_status IS NOT NULL GROUP BY 1, 2, 3, 4;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_stage_conversion IS 'From which stage to which projects go, and after how long, within what the history of projects tells. One row per pair of statuses.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_stage_conversion.from_stage IS 'Place of the status before in the pipeline.';
COMMENT ON COLUMN scopestack.report_stage_conversion.from_status IS 'Status before.';
COMMENT ON COLUMN scopestack.report_stage_conversion.to_stage IS 'Place of the status after it.';
COMMENT ON COLUMN scopestack.report_stage_conversion.to_status IS 'Status after it.';
COMMENT ON COLUMN scopestack.report_stage_conversion.moves IS 'How often; a project may go the same way again.';
COMMENT ON COLUMN scopestack.report_stage_conversion.projects IS 'By how many projects.';
COMMENT ON COLUMN scopestack.report_stage_conversion.share IS 'Part of all moves from that status: 0.25 is a quarter.';
COMMENT ON COLUMN scopestack.report_stage_conversion.median_days IS 'Days that half of them had been in the status before, at most. Without stays that began before the history did.';
COMMENT ON COLUMN scopestack.report_stage_conversion.first_at IS 'The first of them.';
COMMENT ON COLUMN scopestack.report_stage_conversion.last_at IS 'The last of them.';
--> statement-breakpoint
-- By the first time that the mirror learnt of it: ScopeStack has no time of its own for a project that is won.
CREATE VIEW scopestack.report_time_to_win AS
SELECT date_trunc('month', w.won_at AT TIME ZONE 'UTC')::date AS month, w.currency, count(*) AS projects, sum(w.contract_revenue) AS contract_revenue,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY w.days) AS median_days, percentile_cont(0.9) WITHIN GROUP (ORDER BY w.days) AS p90_days, min(w.days) AS least_days, max(w.days) AS most_days
FROM (
  SELECT DISTINCT ON (s.project_id) s.entered_at AS won_at, s.contract_revenue, b.currency, extract(epoch FROM s.entered_at - b.created_at)::numeric / 86400 AS days
  FROM scopestack.report_project_stages s JOIN scopestack.report_base_projects b USING (project_id)
  WHERE s.status = 'won' AND s.is_exact ORDER BY s.project_id, s.entered_at) AS w
GROUP BY 1, 2;
--> statement-breakpoint
COMMENT ON VIEW scopestack.report_time_to_win IS 'How long projects take from created to won, by when the mirror first learnt that they were. Projects that were won before the history began are left out. One row per month and currency.';
--> statement-breakpoint
COMMENT ON COLUMN scopestack.report_time_to_win.month IS 'First day of the month in which the mirror learnt that they were won, in UTC.';
COMMENT ON COLUMN scopestack.report_time_to_win.currency IS 'Currency of the amounts, that of the rate table the project has now.';
COMMENT ON COLUMN scopestack.report_time_to_win.projects IS 'Projects that were won for the first time.';
COMMENT ON COLUMN scopestack.report_time_to_win.contract_revenue IS 'Sum of their contract revenue when they were won.';
COMMENT ON COLUMN scopestack.report_time_to_win.median_days IS 'Days from created to won that half of them took at most.';
COMMENT ON COLUMN scopestack.report_time_to_win.p90_days IS 'Days that nine of ten of them took at most.';
COMMENT ON COLUMN scopestack.report_time_to_win.least_days IS 'Days of the fastest.';
COMMENT ON COLUMN scopestack.report_time_to_win.most_days IS 'Days of the slowest.';
