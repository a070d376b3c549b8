/** Why a goal is not met, as it was found by profiling; shown only where that is so. */
export const CAUSES: Readonly<Record<string, string>> = {
  'first-cpu': 'rows are mapped, digested and written as COPY text; numbers are kept exact',
  'plain-speed': 'each page is proved to join the next, and its rows are digested, before they are written',
  'plain-cpu': 'the same',
  'stripe-first': 'a first load of 10,000 records takes a second, half of which is the same for a hundred',
  memory: 'code and heap of Node take 105 MB before the first page',
  'latency-rich': 'many short lists: each has a first page that says how many there are',
}
