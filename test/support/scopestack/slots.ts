/** Places for requests that stay as many as they are, whatever comes of a request. */
import { createSlots, type Slots } from '../../../src/remote/http/slots.ts'

const ignored = (): void => {}

export const slotsOf = (places: number): Slots =>
  createSlots({
    current: () => places,
    isRateLimited: () => false,
    note: ignored,
    noteWanted: ignored,
    noteRateWait: ignored,
  })
