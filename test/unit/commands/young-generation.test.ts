/** The young generation grows where there is memory for it, and only there; every way to start the program gives it the same flags. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const MB = 1024 * 1024

/** Its size in a process that has made many objects that live for a while. */
async function sizeWith(available: number): Promise<number> {
  const program = `
    const { fitYoungGeneration } = await import('./src/young-generation.ts')
    fitYoungGeneration(${available})
    const { getHeapSpaceStatistics } = await import('node:v8')
    const kept = []
    let size = 0
    for (let n = 0; n < 600_000; n++) {
      kept[n % 50_000] = { n, list: [n] }
      if (n % 10_000 === 0) size = Math.max(size, getHeapSpaceStatistics().find((one) => one.space_name === 'new_space').space_size)
    }
    console.log(size)`
  const args = ['--max-semi-space-size=16', '--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT })
  return Number(stdout)
}

test('it grows where there is memory for it', async () => {
  const [little, enough] = await Promise.all([sizeWith(128 * MB), sizeWith(1024 * MB)])
  expect(little).toBeLessThanOrEqual(8 * MB)
  expect(enough).toBeGreaterThan(16 * MB)
})

test.each(['package.json', 'Dockerfile', 'src/cli.ts', 'docs/deployment.md'])(
  '%s starts it with these flags',
  async (file) => {
    const text = await readFile(join(ROOT, file), 'utf8')
    const flags = text.match(/--max-[a-z]+(?:-[a-z]+)*-size=\d+/g) ?? []
    expect(new Set(flags)).toEqual(new Set(['--max-semi-space-size=16', '--max-old-space-size=512']))
  },
)
