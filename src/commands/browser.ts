import { spawn } from 'node:child_process'

/** Tries to show an address; where there is no browser nothing happens, and the printed address is what is left. */
export function openBrowser(url: string): void {
  const [file, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  const child = spawn(file!, [...args, url], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}

const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  // `start` is a word of cmd, which would cut the address at its first "&".
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}
