/** The dashboard as a person has it, in a real browser: in the light and in the dark, narrow and wide, by the keyboard, on paper. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { CHROMIUM, launchBrowser } from '../../support/process/browser.ts'
import { describeWith, installed } from '../../support/process/installed.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, insertEdits, newestId, parkOf } from '../../support/tables/outbox.ts'
import { endRuns, insertOpenRun } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { openBoard, type Board } from './board.ts'
import { HOSTILE, insertHostile } from './hostile.ts'

const axe = await installed<{ readonly default: { readonly source: string } }>('axe-core')
const PATHS = [
  '/',
  '/changes',
  '/runs',
  '/runs/1',
  '/runs/2',
  '/resources/clients',
  '/schedule',
  '/requests',
  '/nowhere',
]
/** A wide one, and the narrowest that is asked for. */
const WIDTHS = [1280, 320]

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
let board: Board
let browser: Browser | undefined

beforeAll(async () => {
  if (CHROMIUM === undefined) return
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  board = await openBoard(database.url)
  browser = await launchBrowser(CHROMIUM)
})

afterAll(async () => {
  await browser?.close()
  await board?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

/** A page, and everything about it that should not be. */
async function openPage(width: number, colorScheme: 'light' | 'dark'): Promise<{ page: Page; faults: string[] }> {
  const page = await browser!.newPage({ viewport: { width, height: 800 }, colorScheme })
  const faults: string[] = []
  page.on('dialog', (dialog) => {
    faults.push(`executed: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`))
  page.on('console', (message) => {
    // A page that is not there is one of those that are looked at.
    if (message.type() === 'error' && !message.text().includes('404')) faults.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(board.url) && !request.url().startsWith('data:')) faults.push(`to ${request.url()}`)
  })
  return { page, faults }
}

/** By axe-core, run as a debugger does: the policy of the pages forbids every script but ours. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe!.default.source)
  return await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 200)).join(' | ')))`)
}

const sidewaysScroll = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

async function conflict(mine: string, theirs: string): Promise<number> {
  const { id } = sim.records.list('clients')[0]!
  await worker.sql`update scopestack.clients set name = ${mine} where id = ${id}`
  sim.records.update('clients', id, { attributes: { name: theirs } })
  await worker.push()
  return await newestId(worker.sql)
}

/** What can be reached with the Tab key, and whether each shows that it has the focus. */
const CONTROLS = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary, [tabindex="0"]')]
  .filter((one) => one.checkVisibility({ contentVisibilityAuto: true }))`

describeWith(CHROMIUM && axe, 'there is no Chromium (Debian: chromium)')('in a browser', () => {
  test('with the dashboard alone it is found which resource failed and why, and a conflict is settled', async () => {
    sim.setSwitches({ forbidden: ['vendors'] })
    await worker.run(['clients', 'vendors'])
    const id = await conflict('Mine', 'Theirs')
    const { page, faults } = await openPage(1280, 'light')
    await page.goto(board.url)
    const needed = page.getByRole('region', { name: 'What needs a person' })
    expect(await needed.innerText()).toMatch(/vendors forbidden: .*"view" privilege/)
    await needed.getByRole('link', { name: 'vendors' }).click()
    await page.waitForLoadState()
    expect(await page.locator('h1').innerText()).toBe('vendors')
    expect(await page.locator('.notice').innerText()).toMatch(/"view" privilege/)

    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('link', { name: 'See the changes' }).first().click()
    const change = page.getByRole('article', { name: `Change ${id}` })
    expect(await change.innerText()).toMatch(/name\s+Mine\s+Theirs/)
    await change.getByRole('button', { name: 'Keep the local values' }).click()
    await page.getByRole('status').waitFor()
    expect(await page.getByRole('status').innerText()).toBe('Keep the local values: 1 change.')
    await worker.push()
    expect(sim.records.list('clients')[0]!.attributes['name']).toBe('Mine')
    sim.setSwitches({ forbidden: [] })
    expect(faults).toEqual([])
    await page.close()
  })

  test('every page is well in the light and in the dark, narrow and wide, whatever texts it shows', async () => {
    await conflict(`Mine ${HOSTILE}`, `Theirs ${HOSTILE} ${'x'.repeat(1_000_000)}`)
    await insertEdits(worker.sql, sim.records.list('vendors')[0]!.id, 3)
    await parkOf(worker.sql, 'vendors')
    await insertHostile(worker.sql)
    await insertOpenRun(worker.sql, 'clients')
    const found: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of WIDTHS) {
        const { page, faults } = await openPage(width, colorScheme)
        for (const path of PATHS) {
          await page.goto(board.url + path)
          const at = `${path}, ${colorScheme}, ${width}`
          found.push(...(await violations(page)).map((one) => `${at}: ${one}`))
          const wider = await sidewaysScroll(page)
          if (wider > 0) found.push(`${at}: ${wider} px wider than the screen`)
          const { SCREENSHOTS: folder } = process.env
          if (folder !== undefined) {
            const name = `${path === '/' ? 'overview' : path.replaceAll('/', '-').slice(1)}-${colorScheme}-${width}.png`
            await page.screenshot({ path: `${folder}/${name}`, fullPage: false })
          }
        }
        found.push(...faults.map((one) => `${colorScheme}, ${width}: ${one}`))
        await page.close()
      }
    }
    expect(found).toEqual([])
  })

  test('the first screen follows what happens, without being loaded again', async () => {
    const { page, faults } = await openPage(1280, 'light')
    await page.goto(board.url)
    await page.evaluate('window.same = true')
    await endRuns(worker.sql)
    await insertOpenRun(worker.sql, 'tags')
    await until(async () => /Run \d+ \(full\) goes on/.test(await page.locator('main').innerText()), 'the run')
    expect(await page.evaluate('window.same')).toBe(true)
    expect(faults).toEqual([])
    await page.close()
  })

  test('the Tab key reaches each control in the order of reading, with a visible focus, and none is on paper', async () => {
    await conflict('Mine by the keyboard', 'Theirs by the keyboard')
    const { page, faults } = await openPage(1280, 'light')
    for (const path of [
      '/',
      '/changes',
      '/schedule',
      '/resources/clients',
      '/runs',
      '/runs/1',
      '/requests',
      '/sign-in',
    ]) {
      await page.goto(board.url + path)
      const all = await page.evaluate<number>(`${CONTROLS}.length`)
      const reached = new Set<number>()
      const hidden: string[] = []
      const order: number[] = []
      for (let times = 0; times < all + 3; times++) {
        await page.keyboard.press('Tab')
        const [control, shows, text] = await page.evaluate<[number, boolean, string]>(`(() => {
        const one = document.activeElement
        const { outlineStyle, outlineWidth } = getComputedStyle(one)
        return [${CONTROLS}.indexOf(one), outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2, one.outerHTML.slice(0, 100)]
      })()`)
        if (control === -1) continue
        if (!reached.has(control)) order.push(control)
        reached.add(control)
        if (!shows) hidden.push(text)
      }
      expect([path, reached.size, hidden]).toEqual([path, all, []])
      // A field that has the focus from the beginning is the first to be left.
      expect([path, order]).toEqual([path, order.toSorted((one, other) => one - other)])
      await page.emulateMedia({ media: 'print' })
      const printed = `[...document.querySelectorAll('nav, button, input, summary')].filter((one) => one.checkVisibility()).length`
      expect([path, await page.evaluate(printed)]).toEqual([path, 0])
      expect(await page.locator('main').innerText()).not.toBe('')
      if (path === '/changes') expect(await page.locator('main').innerText()).toContain('Change ')
      await page.emulateMedia({ media: null })
    }
    expect(faults).toEqual([])
    await page.close()
  })

  test('a conflict is settled by the keyboard alone', async () => {
    await emptyOutbox(worker.sql)
    const id = await conflict('Mine without a mouse', 'Theirs without a mouse')
    const { page, faults } = await openPage(320, 'dark')
    await page.goto(board.url)
    await tabTo(page, 'a', /^See the changes$/)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/changes$/)
    await tabTo(page, 'button', /^Keep ScopeStack's values$/)
    await page.keyboard.press('Enter')
    await page.getByRole('status').waitFor()
    expect(await page.getByRole('status').innerText()).toBe("Keep ScopeStack's values: 1 change.")
    await worker.push()
    await worker.run(['clients'])
    const [row] = await worker.sql`select name from scopestack.clients where id = ${sim.records.list('clients')[0]!.id}`
    expect([id > 0, row!['name']]).toEqual([true, 'Theirs without a mouse'])
    expect(faults).toEqual([])
    await page.close()
  })

  test('the token to look shows no button that acts, the other one does', async () => {
    await emptyOutbox(worker.sql)
    await conflict('Mine to be looked at', 'Theirs to be looked at')
    await using guarded = await openBoard(database.url, {
      access: { host: '127.0.0.1', tokens: { look: LOOK, act: ACT } },
    })
    const buttonsOf = async (page: Page): Promise<string[]> => {
      const found: string[] = []
      for (const path of ['/', '/changes', '/schedule', '/runs', '/requests']) {
        await page.goto(guarded.url + path)
        found.push(...(await page.locator('main button').allInnerTexts()))
        if (path === '/changes') found.push(...(await violations(page)).map((one) => `${path}: ${one}`))
      }
      return found
    }
    const signIn = async (token: string): Promise<Page> => {
      const page = await (await browser!.newContext()).newPage()
      await page.goto(guarded.url)
      expect(await page.title()).toContain('Sign in')
      // Nothing of the account, and no page to go to.
      expect(await page.locator('nav').count()).toBe(0)
      await page.keyboard.press('Tab')
      await tabTo(page, 'input', /^$/)
      await page.keyboard.type(token)
      const answered = page.waitForEvent('framenavigated')
      await page.keyboard.press('Enter')
      await answered
      await page.waitForLoadState()
      return page
    }
    const wrong = await signIn('not-the-token-0123456789')
    expect(await wrong.getByRole('alert').innerText()).toBe('This is not the token.')
    expect(await wrong.content()).not.toContain('not-the-token')
    const looking = await signIn(LOOK)
    expect(await buttonsOf(looking)).toEqual([])
    expect(await looking.locator('footer').innerText()).toContain('This session may look, and not act.')
    const acting = await signIn(ACT)
    const buttons = await buttonsOf(acting)
    expect(buttons).toContain('Keep the local values')
    expect(buttons).toContain('Pause the full schedule')
    await acting.getByRole('button', { name: 'Sign out' }).click()
    await acting.waitForURL(/\/sign-in$/)
    await acting.waitForLoadState()
    await acting.goto(`${guarded.url}/changes`)
    expect(await acting.title()).toContain('Sign in')
    for (const page of [wrong, looking, acting]) await page.context().close()
  })
})

const LOOK = 'look-at-it-0123456789'
const ACT = 'act-on-it-0123456789'

/** Presses Tab until a control of this kind and text has the focus. */
async function tabTo(page: Page, kind: string, text: RegExp): Promise<void> {
  for (let times = 0; times < 300; times++) {
    const [name, words] = await page.evaluate<[string, string]>(
      '[document.activeElement.localName, document.activeElement.textContent.trim()]',
    )
    if (name === kind && text.test(words)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`No ${kind} ${String(text)} was reached`)
}
