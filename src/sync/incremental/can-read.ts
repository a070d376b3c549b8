/** Which resources are read incrementally. Beside what reads them, so that who only asks loads nothing of that. */
import type { Resource } from '../../catalog/resource.ts'
import { PARENT_RESOURCE } from '../../store/progress/changed-projects.ts'
import { changeColumn } from '../../store/progress/watermark.ts'

/** Whether an incremental run has anything to read for it. */
export const supportsIncremental = (resource: Resource): boolean =>
  changeColumn(resource) !== undefined || resource.byProject !== undefined

/** Whether its changes can be read in a run over these types: without projects, no run records which of them changed. */
export const canReadIncrementally = (resource: Resource, types: ReadonlySet<string>): boolean =>
  changeColumn(resource) !== undefined || (resource.byProject !== undefined && types.has(PARENT_RESOURCE))
