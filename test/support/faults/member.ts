/** One operation of the fault matrix in a process of its own. It prints how it ended, and lives until its stdin ends. */
import { once } from 'node:events'
import { openAt, perform, type Place } from './acts.ts'
import type { OperationName } from './names.ts'

interface Task {
  readonly name: OperationName
  readonly place: Place
}

const { name, place } = JSON.parse(process.argv[2]!) as Task
process.stdin.resume()
const over = once(process.stdin, 'end')
const opened = await openAt(place)
process.stdout.write(`${await perform(name, opened)}\n`)
await over
await opened[Symbol.asyncDispose]()
