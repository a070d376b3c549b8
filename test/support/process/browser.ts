/** A person in a browser: a real one where it is installed, else the same steps by plain HTTP. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'

/** The steps of a person in a browser; every form is posted as the page shows it. */
export interface Person extends AsyncDisposable {
  open(url: string): Promise<void>
  /** Fills the fields by name and presses the button; returns the address, title and text of the next page. */
  submit(fields: Readonly<Record<string, string>>, button: string): Promise<{ title: string; text: string }>
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']

/** Undefined where none is installed. */
export const CHROMIUM = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find(executable)

/** For the names of tests: the browser that they use. */
export const DRIVEN_BY = CHROMIUM === undefined ? 'plain HTTP, no browser being installed' : `a headless ${CHROMIUM}`

export async function openPerson(): Promise<Person> {
  return CHROMIUM === undefined ? overHttp() : inBrowser(CHROMIUM)
}

/** As root, in a container, its sandbox is not available. Nothing is shown, so no process of its own draws: a fifth less of CPU. */
const FLAGS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-software-rasterizer',
  '--in-process-gpu',
]

export const launchBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: FLAGS })

// --- internal ---

async function inBrowser(executablePath: string): Promise<Person> {
  const browser = await launchBrowser(executablePath)
  const page = await browser.newPage()
  return {
    open: async (url) => void (await page.goto(url)),
    async submit(fields, button) {
      for (const [name, value] of Object.entries(fields)) await page.locator(`input[name="${name}"]`).fill(value)
      await page.getByRole('button', { name: button }).click()
      await page.waitForLoadState()
      return { title: await page.locator('h1').innerText(), text: await page.locator('body').innerText() }
    },
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

function overHttp(): Person {
  let html = ''
  let address = ''
  const visit = async (url: string, init?: RequestInit): Promise<void> => {
    const answer = await fetch(url, init)
    address = answer.url
    html = await answer.text()
  }
  return {
    open: (url) => visit(url),
    async submit(fields, button) {
      const form = new URLSearchParams()
      for (const [, name, value] of html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)) {
        form.set(name!, unescaped(value!))
      }
      for (const [name, value] of Object.entries(fields)) form.set(name, value)
      const [, name, value] = new RegExp(`<button name="([^"]*)" value="([^"]*)">${button}<`).exec(html) ?? []
      form.set(name!, value!)
      const [, action] = /<form method="post" action="([^"]*)"/.exec(html) ?? []
      await visit(new URL(action!, address).href, { method: 'POST', body: form })
      const title = /<h1>(.*?)<\/h1>/s.exec(html)?.[1] ?? ''
      return { title: unescaped(title), text: unescaped(html.replaceAll(/<[^>]*>/g, ' ')) }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

const unescaped = (text: string): string =>
  text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
